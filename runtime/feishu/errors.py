"""The errors of the door to Feishu, by what the caller should do next.

FeishuError
├── RateLimited      (TransientError)   too many calls: wait `wait` seconds; nothing happened
├── Busy             (TransientError)   the platform could not do it now; nothing happened
├── Unreachable      (TransientError)   no connection, or no usable answer to a call that only reads
├── Ambiguous        (UnknownOutcome)   a call that writes got no usable answer: look before sending it again
├── NotPermitted     (PermanentError)   a scope, a share or the app's secret is missing; names what to grant
├── NotFound         (PermanentError)   the thing named in the call does not exist (any more)
├── Rejected         (PermanentError)   the request itself is wrong; `sub_code`, `path`: where in a card
├── TooLarge         (PermanentError)   a file is larger than the caller wants or the platform gives
├── QuotaExhausted   (PermanentError)   the tenant's monthly calls are used up
└── TokenRefused     (internal)         the tenant token is stale; the door fetches a new one, asks again

Which code means what stands in `runtime.feishu.codes`, once.
"""

from runtime.errors import ChorusError, PermanentError, TransientError, UnknownOutcome


class FeishuError(ChorusError):
    """Something Feishu refused, or could not be asked.

    Args:
        sentence: what happened and what to do next.
        code: Feishu's error code, None when there was no answer.
        endpoint: method and path pattern of the API.
        log_id: the platform's `X-Tt-Logid`, which its support asks for.
        wait: seconds to wait before the next try, where that is known.
        scopes: permission names that are missing.
        sub_code: the inner code of a refused card.
        path: where in a refused card or record the fault lies, in the platform's words.
    """

    def __init__(
        self,
        sentence: str,
        *,
        code: int | None = None,
        endpoint: str = "",
        log_id: str = "",
        wait: float | None = None,
        scopes: tuple[str, ...] = (),
        sub_code: int | None = None,
        path: str = "",
    ) -> None:
        facts = [f"code {code}" if code is not None else "", endpoint, f"log id {log_id}" if log_id else ""]
        known = ", ".join(fact for fact in facts if fact)
        Exception.__init__(self, f"{sentence} ({known})" if known else sentence)
        self.sentence = sentence
        self.code = code
        self.endpoint = endpoint
        self.log_id = log_id
        self.wait = wait
        self.scopes = scopes
        self.sub_code = sub_code
        self.path = path


class RateLimited(FeishuError, TransientError):  # noqa: N818 - named for what it says
    """Too many calls; nothing happened. `wait` is what the platform or our own pacing asks for."""


class Busy(FeishuError, TransientError):  # noqa: N818 - named for what it says
    """The platform could not do it just now (write conflict, data not ready); nothing happened."""


class Unreachable(FeishuError, TransientError):  # noqa: N818 - named for what it says
    """No connection, or no usable answer to a call that changes nothing."""


class Ambiguous(FeishuError, UnknownOutcome):  # noqa: N818 - named for what it says
    """A call that changes something got no usable answer; look up its outcome before sending it again."""


class NotPermitted(FeishuError, PermanentError):  # noqa: N818 - named for what it says
    """The app may not do this; `scopes` names what an administrator must grant, when Feishu says so."""


class NotFound(FeishuError, PermanentError):  # noqa: N818 - named for what it says
    """The base, table, record, message or person named in the call does not exist (any more)."""


class Rejected(FeishuError, PermanentError):  # noqa: N818 - named for what it says
    """The request itself is wrong; the same request will always be refused."""


class TooLarge(FeishuError, PermanentError):  # noqa: N818 - named for what it says
    """A file is larger than the caller wants or the platform gives; no more of it was read."""


class QuotaExhausted(FeishuError, PermanentError):  # noqa: N818 - named for what it says
    """The tenant's calls of this month are used up; nothing is sent before the next month."""


class TokenRefused(FeishuError):  # noqa: N818 - named for what it says
    """The tenant token is stale. Never leaves `runtime.feishu`."""
