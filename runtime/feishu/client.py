"""Everything the product can ask of Feishu, in one object."""

from runtime.clock import Clock
from runtime.db import Database
from runtime.feishu.approval import Approval
from runtime.feishu.attendance import Attendance
from runtime.feishu.auth import Auth
from runtime.feishu.bitable import Bitable
from runtime.feishu.contact import Contact
from runtime.feishu.docx import Docx
from runtime.feishu.door import Door
from runtime.feishu.drive import Drive
from runtime.feishu.im import Im
from runtime.feishu.limits import Limits
from runtime.feishu.quota import Quota
from runtime.feishu.task import Tasks
from runtime.feishu.transport import READ_SECONDS, Transport
from runtime.feishu.wiki import Wiki
from runtime.settings import Settings


class Feishu:
    """The platform, for one app. Safe to share between threads.

    Args:
        settings: address, app id and secret.
        db: the durable database; limits and quota are shared through it by all processes.
        clock: tells the time; waits move a `ManualClock` forward.
        limits: other limits than the platform's own (benchmarks).
        monthly_calls: the allowance of the tenant's plan (`quota` in the manifest).
        warn_at: share of it at which a warning is given.
        read_seconds: how long an answer may take.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        db: Database,
        clock: Clock,
        limits: Limits | None = None,
        monthly_calls: int = 10_000,
        warn_at: float = 0.8,
        read_seconds: float = READ_SECONDS,
    ) -> None:
        self._limits = limits or Limits(db, clock)
        self.quota = Quota(db, clock, monthly_calls=monthly_calls, warn_at=warn_at)
        transport = Transport(
            settings.feishu_base_url,
            count=self.quota.count,
            sleep=self._limits.sleep,
            read_seconds=read_seconds,
        )
        self._door = Door(settings, transport=transport, limits=self._limits, clock=clock)
        self.auth = Auth(self._door)
        self.contact = Contact(self._door)
        self.im = Im(self._door)
        self.bitable = Bitable(self._door)
        self.drive = Drive(self._door)
        self.docx = Docx(self._door, self.drive)
        self.wiki = Wiki(self._door)
        self.approval = Approval(self._door)
        self.attendance = Attendance(self._door)
        self.task = Tasks(self._door)

    def close(self) -> None:
        """Close the connections and write what was counted."""
        self._door.close()
        self.quota.close()
        self._limits.close()
