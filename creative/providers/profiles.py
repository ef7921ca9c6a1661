"""Profiles to begin with; the manifest may change every field of them.

Prices and ids: provider pages and resellers as of 2026-11-23; mainland list prices are not confirmed, so
compare the first bill with what Chorus counted.
"""

from __future__ import annotations

from decimal import Decimal

from creative.providers.model import Kind, Profile, TokenRates

ARK = Profile(
    name="ark",
    kind=Kind.ARK,
    base_url="https://ark.cn-beijing.volces.com/api/v3",
    model="doubao-seedream-5-0-260128",
    price=Decimal("0.25"),
    max_references=14,
    prompt_limit=300,  # the provider advises at most 300 Chinese characters; details get lost beyond
)
QWEN = Profile(
    name="qwen",
    kind=Kind.QWEN,
    base_url="https://dashscope.aliyuncs.com/compatible-mode/v1",
    model="qwen-image-3.0",
    price=Decimal("0.25"),
    max_references=3,
    seeds=True,
    prompt_limit=800,
)
OPENAI = Profile(
    name="openai",
    kind=Kind.OPENAI,
    base_url="https://api.openai.com/v1",
    model="gpt-image-2",
    price=Decimal("0.40"),  # medium 1024x1024: US$0.053
    max_references=16,
    rates=TokenRates(Decimal(5), Decimal(8), Decimal(30)),
    quality="medium",
)
PROFILES = {profile.name: profile for profile in (ARK, QWEN, OPENAI)}
"""By name, in the order they are best asked: from inside China Ark and Qwen answer without detours."""
