"""What a picture costs, in yuan."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from creative.providers.model import Profile, TokenRates
from creative.providers.sizes import Size

MILLION = Decimal(1_000_000)
CENT_OF_CENT = Decimal("0.0001")
MOST_TOKENS = 10_000_000
USUAL = 1024 * 1536
"""Pixels of a background; gpt-image-2 charges a square of 1024 as much or more."""


def cost(profile: Profile, usage: Mapping[str, Any], size: Size) -> Decimal:
    """What one picture costs.

    Args:
        profile: rates and prices.
        usage: what the provider says it used; empty before the call (then this is the estimate) and when
            it did not say.
        size: (width, height) in pixels that was asked for. An estimate by tokens grows with the area
            beyond 1024x1536; a price by the piece does not.

    Returns:
        Yuan, four decimals, rounded half up.
    """
    if profile.rates is None:
        pieces = max(1, _count(usage, "generated_images"))
        amount = profile.price * pieces + profile.reference_price * _count(usage, "input_images")
    elif _count(usage, "output_tokens"):
        amount = _by_tokens(profile.rates, usage) * profile.usd_cny
    else:
        amount = profile.price * max(Decimal(1), Decimal(size[0] * size[1]) / USUAL)
    return amount.quantize(CENT_OF_CENT, ROUND_HALF_UP)


def _by_tokens(rates: TokenRates, usage: Mapping[str, Any]) -> Decimal:
    """US dollars. Source: developers.openai.com model pages, 2026-11."""
    split = usage.get("input_tokens_details")
    images = _count(split, "image_tokens") if isinstance(split, Mapping) else 0
    text = max(0, _count(usage, "input_tokens") - images)  # without the split all of it counts as text
    total = rates.text_in * text + rates.image_in * images + rates.image_out * _count(usage, "output_tokens")
    return total / MILLION


def _count(usage: Mapping[str, Any], name: str) -> int:
    """A number of the usage; what is no number, or cannot be one of one picture, counts as 0."""
    value = usage.get(name)
    return value if isinstance(value, int) and 0 < value <= MOST_TOKENS else 0
