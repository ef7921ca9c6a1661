"""A background is paid for at most once, whatever happens to the call; and the request is finished."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

import pytest

from creative.blobs import Blobs
from creative.deps import Art
from creative.generating import Generating
from creative.model import Call, CallState
from creative.providers.model import ImageModel, Picture, PictureOrder, Profile
from creative.studio.label import read_label
from runtime.work import Work
from tests.creative.hands import Hands
from tests.creative.models_kit import PAGE, WHOLE, answer, b64, item, said
from tests.creative.stage import Studio
from tests.support.wait import until

pytestmark = pytest.mark.db

STAGE = {"by_hand": True}
PRICE = Decimal("0.25")
ARK, QWEN = "/api/v3/images/generations", "/compatible-mode/v1/images/generations"


def hands(studio: Studio) -> Hands:
    """The works of the stage."""
    assert isinstance(studio.engine, Hands)
    return studio.engine


def states(calls: Sequence[Call]) -> set[str]:
    """Where calls stand."""
    return {call.state.value for call in calls}


@dataclass
class Watched:
    """A model that does something after the picture was painted and billed, before anybody has it."""

    inner: ImageModel
    then: Callable[[], None]

    @property
    def profile(self) -> Profile:
        """The model's own."""
        return self.inner.profile

    def paint(self, order: PictureOrder) -> Picture:
        """Paint, then do it."""
        picture = self.inner.paint(order)
        self.then()
        return picture

    def close(self) -> None:
        """Belongs to the session."""


def killed() -> None:
    """What the end of a process is to the code in it: nothing more of it runs."""
    raise SystemExit


def generate(deps: Art, studio: Studio, work: Work, then: Callable[[], None]) -> None:
    """Perform a call with a worker whose models do something between bill and picture."""
    models = tuple(Watched(each, then) for each in deps.models())
    worker = Hands(studio.floor.db, studio.clock)
    worker.register("art.generate", Generating(replace(deps, models=lambda: models)).generate)
    worker.do(work)


def test_a_call_found_sent_after_a_crash_is_never_sent_again(calm: Studio) -> None:
    """Killed between bill and picture: unknown, counted, painted here, said; after any number of starts."""
    record = calm.ask(wait=None)
    hands(calm).perform(until="art.generate")
    (work,) = hands(calm).take("art.generate")
    with pytest.raises(SystemExit):
        generate(calm.deps, calm, work, killed)
    (call,) = calm.calls(record)
    assert (call.state, call.cost) == (CallState.SENT, PRICE)
    assert calm.spent(record) == PRICE
    for _start in range(3):
        hands(calm).do(work, resumed=True)
    calm.wait(record, "待审")
    (call,) = calm.calls(record)
    assert (call.state, call.cost, call.blob) == (CallState.UNKNOWN, PRICE, None)
    assert len(calm.bills(record)) == 1
    assert calm.spent(record) == PRICE
    assert "底图没有收到，可能已经计费（ark），不会自动再要；先用本地绘制的底图（1 张）" in calm.cell(
        record, "说明"
    )
    assert calm.cell(record, "费用") == 0.25
    assert read_label(calm.results(record)[0][1]) is None  # nothing of it was generated


def test_a_late_picture_is_kept_and_changes_nothing_that_was_delivered(calm: Studio) -> None:
    """Another worker took the call for lost and went on; then the first one gets its picture after all."""
    record = calm.ask(wait=None)
    hands(calm).perform(until="art.generate")
    (work,) = hands(calm).take("art.generate")

    def adopted() -> None:
        hands(calm).do(work, resumed=True)
        calm.wait(record, "待审")

    before = len(calm.asked())
    generate(calm.deps, calm, work, adopted)
    delivered = calm.results(record)
    calm.idle()
    (call,) = calm.calls(record)
    assert (call.state, call.cost) == (CallState.STORED, PRICE)
    assert call.blob is not None
    assert calm.spent(record) == PRICE
    assert len(calm.asked()) - before == 1
    assert calm.results(record) == delivered
    assert calm.request(record).version == 1
    # New copy costs nothing, and now has the picture that was paid for.
    calm.edit("art_requests", record, 主标题="另一句话")
    calm.wait(record, "待审", version=2)
    assert len(calm.bills(record)) == 1
    assert read_label(calm.results(record)[0][1]) is not None


def test_a_picture_that_cannot_be_kept_is_not_asked_for_again(calm: Studio) -> None:
    """The disk is full when the picture comes: a fault of ours after the bill."""
    record = calm.ask(wait=None)
    hands(calm).perform(until="art.generate")
    (work,) = hands(calm).take("art.generate")
    generate(replace(calm.deps, blobs=Full(calm.deps.blobs.root)), calm, work, lambda: None)
    (call,) = calm.calls(record)
    assert call.state is CallState.UNKNOWN
    assert len(calm.bills(record)) == 1
    hands(calm).do(work, resumed=True)
    calm.wait(record, "待审")
    assert len(calm.bills(record)) == 1


class Full(Blobs):
    """A disk without room."""

    def put(self, data: bytes) -> str:
        """Refused."""
        raise OSError(28, "No space left on device")


def test_everything_that_may_have_been_billed_is_counted_and_never_repeated(calm: Studio) -> None:
    """Six variants, each meets another fault after its bill; all are painted here."""
    faults = [
        answer(200, PAGE, done=True, Content_Type="text/html"),
        answer(200, said("oops", "something"), done=True),
        answer(200, {"created": 1, "data": []}, done=True),
        answer(200, item(b64_json=b64(WHOLE[: len(WHOLE) // 2])), done=True),
        {"kind": "drop_after"},
        {"kind": "drop_mid"},
    ]
    for fault in faults:
        calm.fault(**fault)
    before = len(calm.asked())
    record = calm.ask(版数=6)
    calls = calm.calls(record)
    assert (len(calls), states(calls)) == (6, {"unknown"})
    assert len(calm.asked()) - before == 6
    assert len(calm.bills(record)) == 6
    assert calm.spent(record) == 6 * PRICE
    assert "不会自动再要；先用本地绘制的底图（6 张）" in calm.cell(record, "说明")
    assert len(calm.results(record)) == 6
    assert hands(calm).given_up == []


def test_an_answer_after_our_patience_is_lost(calm: Studio) -> None:
    """Ark is out, Qwen answers too late: one bill, and Ark is not asked once more instead."""
    calm.fault(ARK, **answer(503, said("overloaded", "try later")))
    calm.fault(QWEN, kind="late", seconds=6)
    before = len(calm.asked())
    record = calm.ask()
    (call,) = calm.calls(record)
    assert (call.state, call.provider) == (CallState.UNKNOWN, "qwen")
    until(lambda: len(calm.asked()) - before >= 2, what="the late answer leaves the sandbox")
    assert [each["path"] for each in calm.asked()[before:]] == [ARK, QWEN]
    assert calm.spent(record) == PRICE


HARMLESS = [
    answer(429, said("rate_limit_exceeded")),
    answer(500, said("server_error", "The server had an error")),
    answer(503, said("overloaded", "try later")),
    answer(429, said("insufficient_quota")),
]


def test_an_outage_goes_to_the_next_provider(calm: Studio) -> None:
    """What surely cost nothing at the first is painted by the second; one without money is left alone."""
    for fault in HARMLESS:
        calm.fault(ARK, **fault)
    before = len(calm.asked())
    record = calm.ask(版数=5)
    calls = calm.calls(record)
    assert [call.provider for call in calls] == ["qwen"] * 5
    assert states(calls) == {"stored"}
    paths = [each["path"] for each in calm.asked()[before:]]
    assert (paths.count(ARK), paths.count(QWEN)) == (4, 5)  # after “no money” Ark is not asked for a while
    assert {bill["dialect"] for bill in calm.bills(record)} == {"qwen"}
    assert calm.spent(record) == 5 * PRICE
    assert calm.cell(record, "模型") == "qwen-image-3.0"
    assert calm.cell(record, "说明") == "第 1 次：5 版，请在卡片上定稿或重做"


def test_with_all_providers_out_the_request_is_finished_at_no_cost(calm: Studio) -> None:
    """Asked a few rounds with growing waits, then painted here."""
    calm.fault(**answer(500, said("server_error", "The server had an error")), times=100)
    record = calm.ask()
    (call,) = calm.calls(record)
    assert (call.state, call.cost) == (CallState.FAILED, None)
    assert calm.bills(record) == []
    assert calm.spent(record) == 0
    assert "图像模型暂时不可用，先用本地绘制的底图" in calm.cell(record, "说明")
    assert len(calm.results(record)) == 1


@pytest.mark.parametrize("word", ["血腥", "走光"])
def test_a_refused_scene_is_said_and_nobody_else_is_asked(calm: Studio, word: str) -> None:
    """Moderation of prompt or picture: a person must change the words; another provider would refuse too."""
    before = len(calm.asked())
    record = calm.ask(备注=f"{word}的场面")
    (call,) = calm.calls(record)
    assert (call.state, call.cost) == (CallState.REFUSED, None)
    assert len(calm.asked()) - before == 1
    assert calm.spent(record) == 0
    assert "先用本地绘制的底图" in calm.cell(record, "说明")
