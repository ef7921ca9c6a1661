"""Idempotency keys in the forms Feishu takes, derived from our own names of a piece of work.

The same seed always gives the same key, so a repeated job asks for the same thing instead of for another one.
"""

import hashlib
import uuid
from datetime import datetime, timedelta

MESSAGE_UUID_LENGTH = 50
REPEAT_WINDOW = timedelta(minutes=50)
"""The platform remembers a message uuid for one hour; ten minutes are left for clocks and slow calls."""


def client_token(seed: str) -> str:
    """Return a uuid4-shaped token (Bitable refuses others with 1254037), e.g. for `batch_create`."""
    return str(uuid.UUID(bytes=hashlib.sha256(seed.encode()).digest()[:16], version=4))


def message_uuid(seed: str) -> str:
    """Return the seed if it is short enough for a message (50 characters), else a digest of it."""
    if len(seed) <= MESSAGE_UUID_LENGTH and seed.isascii():
        return seed
    return hashlib.sha256(seed.encode()).hexdigest()[:MESSAGE_UUID_LENGTH]


def safe_to_repeat(first_tried_at: datetime, now: datetime) -> bool:
    """Tell whether a message may simply be sent again with its uuid, without looking whether it arrived."""
    return now - first_tried_at <= REPEAT_WINDOW
