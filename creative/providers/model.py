"""The words of image models: a profile, an order, a picture, and the three ways a call can fail.

The errors say one thing above all: whether money may have been spent.

* `Refused`: the provider looked at the order and will not paint it. Change the order.
* `Unavailable`: surely nothing was painted or billed. Ask again later, or ask another provider.
* `Lost`: the order may have been painted and billed, and the picture is not here. Never send it again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal, Protocol

from runtime.errors import PermanentError, TransientError, UnknownOutcome

RefusedReason = Literal["moderation_input", "moderation_output", "invalid"]
UnavailableReason = Literal["rate", "quota", "auth", "down"]


class Kind(StrEnum):
    """The dialect of the Images API a provider speaks."""

    OPENAI = "openai"
    ARK = "ark"
    QWEN = "qwen"


class Orientation(StrEnum):
    """The proportions of a background; formats of the same orientation share one."""

    PORTRAIT = "portrait"
    SQUARE = "square"
    LANDSCAPE = "landscape"


@dataclass(frozen=True, slots=True)
class TokenRates:
    """US dollars per million tokens."""

    text_in: Decimal
    image_in: Decimal
    image_out: Decimal


@dataclass(frozen=True, slots=True)
class Profile:
    """One image model and how it is reached and paid.

    Args:
        name: ours, as in the manifest; also the end of `key_env`.
        kind: dialect.
        base_url: with the version segment (``https://ark.cn-beijing.volces.com/api/v3``).
        model: the provider's id of the model or endpoint.
        price: yuan for one picture. With `rates` it is the estimate budgets are checked with, and the charge
            of a picture whose usage is unknown.
        max_references: pictures an order may carry along; 0 means that the model takes none.
        reference_price: yuan for each of them, where the provider charges for them by the piece.
        rates: set when the provider charges by tokens.
        usd_cny: yuan for a dollar, for `rates`.
        quality: ``low``, ``medium``, ``high`` …; OpenAI only.
        png: ask for PNG; only where the model knows the field.
        seeds: send the seed; only where the model knows the field.
        sizes: (width, height) in pixels, where they shall differ from `sizes.legal_size`.
        prompt_limit: characters a prompt may have.
        connect_timeout: seconds to reach the provider.
        timeout: seconds to wait for a picture. Too short costs money: a late picture is billed and lost.
    """

    name: str
    kind: Kind
    base_url: str
    model: str
    price: Decimal
    max_references: int = 0
    reference_price: Decimal = Decimal(0)
    rates: TokenRates | None = None
    usd_cny: Decimal = Decimal("7.2")
    quality: str = "medium"
    png: bool = True
    seeds: bool = False
    sizes: Mapping[Orientation, tuple[int, int]] = field(default_factory=dict)
    prompt_limit: int = 4000
    connect_timeout: float = 5.0
    timeout: float = 300.0

    @property
    def key_env(self) -> str:
        """The environment variable that holds its key: ``CHORUS_IMAGE_KEY_ARK``."""
        return "CHORUS_IMAGE_KEY_" + "".join(c if c.isalnum() else "_" for c in self.name).upper()

    @property
    def supports_reference(self) -> bool:
        """Whether an order may carry pictures along."""
        return self.max_references > 0


@dataclass(frozen=True, slots=True)
class PictureOrder:
    """One picture to paint.

    Args:
        prompt: what to paint, as `creative.prompt.scene_prompt` made it.
        orientation: decides the size.
        negative: what not to paint; models without a field for it get it as a last sentence of the prompt.
        seed: 0 to 2**31 - 1; sent only to models that take one.
        references: (bytes, mime) of PNG, JPEG or WebP pictures.
        requester: a digest of who asked, so that the provider can tell misuse by one person from misuse by
            all; never an id or a name; at most 64 characters.
    """

    prompt: str
    orientation: Orientation
    negative: str = ""
    seed: int = 0
    references: tuple[tuple[bytes, str], ...] = ()
    requester: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture and where it came from.

    Args:
        bytes: the file as the provider made it.
        mime: by its first bytes, not by what the provider says: image/png, image/jpeg or image/webp.
        width, height: pixels, as in the file; may differ from what was ordered.
        provider, model: name of the profile, and its model.
        request_id: the provider's, for its support; empty if it gave none.
        usage: its account of tokens or pictures, as given.
        cost: yuan.
        seed: what was sent; None if the model takes none.
        revised_prompt: what the provider made of the prompt; empty if it did not say.
        seconds: from sending to having the bytes.
    """

    bytes: bytes
    mime: str
    width: int
    height: int
    provider: str
    model: str
    request_id: str
    usage: Mapping[str, Any]
    cost: Decimal
    seed: int | None
    revised_prompt: str
    seconds: float


class ImageModel(Protocol):
    """A model that paints. Safe to share between threads."""

    profile: Profile

    def paint(self, order: PictureOrder) -> Picture:
        """Paint one picture; takes half a minute or more.

        Raises:
            Refused: change the order before asking again.
            Unavailable: nothing was billed; ask again after `wait`, or another model.
            Lost: may have been billed; count it as spent and do not ask again.
        """
        ...

    def close(self) -> None:
        """Let go of its connections."""
        ...


class Refused(PermanentError):  # noqa: N818 - what the provider did
    """The provider will not paint this order; by what providers say of their prices, not billed.

    Args:
        reason: ``moderation_input`` (words or references), ``moderation_output`` (what came of them; another
            seed or variant may pass) or ``invalid`` (a parameter; a fault of ours or of the profile).
        sentence: for the requester, in Chinese, saying what to change.
        detail: the provider's own words, for the log.
        request_id: the provider's, if it gave one.
    """

    def __init__(
        self, reason: RefusedReason, sentence: str, *, detail: str = "", request_id: str = ""
    ) -> None:
        super().__init__(sentence)
        self.reason = reason
        self.detail = detail
        self.request_id = request_id

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.reason, str(self)), self.__dict__  # durable work keeps errors as pickles


class Unavailable(TransientError):  # noqa: N818 - what the provider is
    """Nothing was painted and nothing was billed.

    Args:
        reason: ``rate`` and ``down`` pass by themselves; ``quota`` and ``auth`` need a person (money, key,
            address, model), so the provider is better left alone until then.
        sentence: in Chinese, saying what happens or what to do.
        wait: seconds the provider asked for, or None.
        detail, request_id: as for `Refused`.
    """

    def __init__(
        self,
        reason: UnavailableReason,
        sentence: str,
        *,
        wait: float | None = None,
        detail: str = "",
        request_id: str = "",
    ) -> None:
        super().__init__(sentence, wait=wait)
        self.reason = reason
        self.detail = detail
        self.request_id = request_id

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.reason, str(self)), self.__dict__


class Lost(UnknownOutcome):
    """The order may have been painted and billed, but no usable picture came: count it as spent.

    Args:
        sentence: in Chinese.
        detail, request_id: as for `Refused`; with them the provider's support can find the call.
    """

    def __init__(self, sentence: str, *, detail: str = "", request_id: str = "") -> None:
        super().__init__(sentence)
        self.detail = detail
        self.request_id = request_id
