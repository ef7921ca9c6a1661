"""Image models behind one interface: OpenAI, Volcengine Ark (Seedream), Qwen-Image.

Read `model.py` (words and errors), then one adapter (`ark.py` is the shortest), then `call.py`, where every
answer of every provider becomes a picture or one of three errors. Nothing here retries: a call costs money,
so whoever keeps the books decides.
"""

from creative.providers.ark import ArkImages
from creative.providers.model import ImageModel, Kind, Profile
from creative.providers.openai_images import OpenAIImages
from creative.providers.qwen import QwenImages
from runtime.errors import ConfigError

ADAPTERS: dict[Kind, type[OpenAIImages | ArkImages | QwenImages]] = {
    Kind.OPENAI: OpenAIImages,
    Kind.ARK: ArkImages,
    Kind.QWEN: QwenImages,
}


def open_model(profile: Profile, key: str) -> ImageModel:
    """The adapter of a profile, ready to paint; close it when done.

    Args:
        profile: which model, where, at what price.
        key: its API key, as read from the variable `profile.key_env`.

    Raises:
        ConfigError: no key; the sentence names the variable to set.
    """
    if not key.strip():
        raise ConfigError(
            f"The image model {profile.name} has no key: set {profile.key_env}, or take it off the list."
        )
    return ADAPTERS[profile.kind](profile, key.strip())
