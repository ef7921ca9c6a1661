"""Files that HR sends to the bot: hearing them, and the taps on their cards.

Nothing is called outside here: a tap is decided and committed within the request, and the worker
(`payslip.uploads_job`) downloads, checks and imports.
"""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy.engine import Connection

from bot.model import ChatMessage, FileMessage, Reply, Tap, TapAnswer, Toast
from payslip import uploads_store as store
from payslip.deps import Policy
from payslip.opening import read_month
from payslip.uploads_card import upload_card
from payslip.uploads_model import KINDS, Moved, Refused, Upload, UploadState, again, approve, choose
from runtime import audit
from runtime.clock import Clock
from runtime.work import Work, WorkQueue

CHECK_JOB, APPLY_JOB = "payroll.upload", "payroll.upload_apply"
LANE = "payroll.imports"
"""One file after the other: two that touch the same table must see each other's rows."""

WORDS, HELP = ("导入", "import"), "人事：把 .xlsx 或 .csv 文件发给我，核对后导入薪酬表格"
ENDINGS = (".xlsx", ".csv", ".xlsm", ".xls")
"""Files that are looked at; the last two get told how to save them."""

HOW = (
    "请把 .xlsx 或 .csv 文件直接发给我，我会先核对、不改动任何数据。可以导入："
    f"{'、'.join(KINDS)}。\n想换一张表或一个月，回复那个文件：导入 考勤汇总 2026-10"
)


def check_work(upload: Upload) -> Work:
    """Look at a file and show what would be done."""
    args = {"upload": upload.id, "turn": upload.turn}
    return Work(CHECK_JOB, f"{CHECK_JOB}:{upload.id}:{upload.turn}", LANE, args)


def apply_work(upload: Upload) -> Work:
    """Import a file."""
    args = {"upload": upload.id, "turn": upload.turn}
    return Work(APPLY_JOB, f"{APPLY_JOB}:{upload.id}:{upload.turn}", LANE, args)


class UploadChat:
    """Hears files and the word 导入; worker side.

    Args:
        queue: takes the work that follows.
        clock: the time.
        policy: who may.
    """

    def __init__(self, queue: WorkQueue, clock: Clock, policy: Policy) -> None:
        self.queue = queue
        self.clock = clock
        self.policy = policy

    def file(self, conn: Connection, message: FileMessage) -> Reply | None:
        """A file: HR's is looked at, and its card says what would be imported."""
        if not self.policy.may_run(message.sender):
            return Reply("收到文件了，但只有人事可以用文件导入薪酬数据。")
        if not message.name.lower().endswith(ENDINGS):
            return Reply("我只能导入 .xlsx 和 .csv 文件，请另存后重新发送。")
        upload = Upload(message.message_id, message.file_key, message.name, message.sender)
        store.add(conn, upload, self.clock.now())
        self.queue.put(conn, check_work(upload))
        return None

    def word(self, conn: Connection, message: ChatMessage) -> Reply | None:
        """导入 [表] [月份] as an answer to a file: look at it again, on a new card."""
        if not self.policy.may_run(message.sender):
            return Reply("只有人事可以导入薪酬数据。")
        if message.group:
            return Reply("请在与我的单聊里导入。")
        upload = store.load(conn, message.parent, lock=True) if message.parent else None
        if upload is None or upload.sender != message.sender:
            return Reply(HOW)
        kind, month = None, None
        for word in message.words[1:]:
            if word in KINDS:
                kind = word
            elif (found := read_month(word, self.clock.now())) is not None:
                month = found
            else:
                return Reply(HOW)
        moved = choose(upload, kind=kind, month=month) if kind or month else again(upload)
        if isinstance(moved, Refused):
            return Reply(moved.sentence)
        fresh = replace(moved.upload, card=None)
        store.save(conn, fresh)
        self.queue.put(conn, check_work(fresh))
        return None


class UploadTaps:
    """Answers taps on the cards of files; in whichever process answers taps.

    Args:
        queue: takes the work that follows.
        clock: the time.
        policy: who may.
    """

    def __init__(self, queue: WorkQueue, clock: Clock, policy: Policy) -> None:
        self.queue = queue
        self.clock = clock
        self.policy = policy

    def kind(self, conn: Connection, tap: Tap) -> TapAnswer:
        """Another table."""
        upload = self._mine(conn, tap)
        if isinstance(upload, TapAnswer):
            return upload
        return self._go(conn, tap, upload, choose(upload, kind=tap.option or ""))

    def month(self, conn: Connection, tap: Tap) -> TapAnswer:
        """Another month."""
        upload = self._mine(conn, tap)
        if isinstance(upload, TapAnswer):
            return upload
        month = read_month(tap.option or "-", self.clock.now())
        decided = choose(upload, month=month) if month else Refused("看不懂这个月份")
        return self._go(conn, tap, upload, decided)

    def again(self, conn: Connection, tap: Tap) -> TapAnswer:
        """重新检查."""
        upload = self._mine(conn, tap)
        return upload if isinstance(upload, TapAnswer) else self._go(conn, tap, upload, again(upload))

    def apply(self, conn: Connection, tap: Tap) -> TapAnswer:
        """导入: the very file that was shown."""
        upload = self._mine(conn, tap)
        return upload if isinstance(upload, TapAnswer) else self._go(conn, tap, upload, approve(upload))

    # --- inside ---

    def _mine(self, conn: Connection, tap: Tap) -> Upload | TapAnswer:
        """The file of a tap, if this person sent it, may import, and the card is not old."""
        upload = store.load(conn, str(tap.value.get("id")), lock=True)
        if upload is None:
            return _no("找不到这个文件，请重新发送")
        if not self.policy.may_run(tap.operator):
            return self._refused(conn, tap, upload, "只有人事可以导入薪酬数据")
        if upload.sender != tap.operator:
            return self._refused(conn, tap, upload, "只有发送文件的人可以导入它")
        if tap.value.get("t") != upload.turn:
            said = Toast(
                "warning", "卡片不是最新的，已刷新，请再看一眼", "The card was old; it is refreshed now"
            )
            return TapAnswer(said, upload_card(upload, self.clock.now()).data)
        return upload

    def _go(self, conn: Connection, tap: Tap, upload: Upload, decided: Moved | Refused) -> TapAnswer:
        if isinstance(decided, Refused):
            return self._refused(conn, tap, upload, decided.sentence)
        now, moved = self.clock.now(), replace(decided.upload, card=tap.message_id)
        store.save(conn, moved)
        applying = moved.state is UploadState.APPLYING
        audit.record(
            conn, at=now, actor=tap.operator, action=f"tap.{tap.action}", subject=f"upload:{moved.id}",
            reason=decided.reason.value, detail={"digest": upload.digest, "month": moved.month},
        )  # fmt: skip
        self.queue.put(conn, apply_work(moved) if applying else check_work(moved))
        said = Toast("info", "正在导入", "Importing") if applying else Toast("info", "正在检查", "Checking")
        return TapAnswer(said, upload_card(moved, now).data)

    def _refused(self, conn: Connection, tap: Tap, upload: Upload, sentence: str) -> TapAnswer:
        audit.record(
            conn, at=self.clock.now(), actor=tap.operator, action=f"tap.{tap.action}",
            subject=f"upload:{upload.id}", reason="refused", detail={"said": sentence},
        )  # fmt: skip
        return _no(sentence)


def _no(sentence: str) -> TapAnswer:
    return TapAnswer(Toast("warning", sentence, "This is not possible now"))
