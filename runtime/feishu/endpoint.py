"""What is known about one API before it is called: path, how often it may be called, whether it writes."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]


@dataclass(frozen=True, slots=True)
class Rate:
    """How often something may happen; both windows hold at once, None = no such window.

    Args:
        per_second: calls in any second.
        per_minute: calls in any minute.
    """

    per_second: int | None = None
    per_minute: int | None = None


Wanted = tuple[str, Rate]
"""Calls counted together under a key, and how often they may happen."""

MESSAGES = Rate(per_second=50, per_minute=1000)
"""The platform's usual tier: messages, cards, contact, subscriptions, approval reads."""
RECEIVER = Rate(per_second=5)
"""Messages to one person, to one group by all bots in it, and updates of one card (docs: im/v1/messages)."""
PER_MINUTE_10 = Rate(per_minute=10)
PER_MINUTE_20 = Rate(per_minute=20)
PER_MINUTE_100 = Rate(per_minute=100)
PER_SECOND_3 = Rate(per_second=3)
PER_SECOND_5 = Rate(per_second=5)
UPLOADS = Rate(per_second=4)
"""5 are allowed and counted on arrival; megabytes are under way longer than a slot may be late."""
PER_SECOND_10 = Rate(per_second=10)
PER_SECOND_20 = Rate(per_second=20)
PER_SECOND_50 = Rate(per_second=50)


@dataclass(frozen=True)
class Endpoint:
    """One API of the platform.

    Args:
        method: HTTP method.
        uri: path with `:name` for each path parameter, as in the vendor's documentation.
        rate: limit per app and tenant.
        writes: it changes something; an answer that got lost leaves the outcome unknown.
        token: it needs the tenant access token.
        done: codes which mean that the wanted state is already there, besides 0.
    """

    method: Method
    uri: str
    rate: Rate
    writes: bool = False
    token: bool = True
    done: frozenset[int] = field(default=frozenset())

    @cached_property
    def name(self) -> str:
        """Return how logs, errors, limits and the quota call this API."""
        return f"{self.method} {self.uri}"
