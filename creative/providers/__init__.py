"""Image models behind one interface: OpenAI, Volcengine Ark (Seedream), Qwen-Image.

Read `model.py` (words and errors), `dialects.py` (how each wants to be asked), then `call.py`, where every
answer of every provider becomes a picture or one of three errors. Nothing here retries: a call costs money,
so whoever keeps the books decides.
"""

from urllib.parse import urlsplit

from creative.providers.call import RemoteModel
from creative.providers.files import is_loopback
from creative.providers.model import ImageModel, Profile
from runtime.errors import ConfigError


def open_model(profile: Profile, key: str) -> ImageModel:
    """The model of a profile, ready to paint; close it when done.

    Args:
        profile: which model, where, at what price.
        key: its API key, as read from the variable `profile.key_env`.

    Raises:
        ConfigError: no key or not one, an address that would send it in the clear, or a size the model
            refuses; the sentence names what to set.
    """
    key = key.strip()
    if not key:
        raise ConfigError(
            f"The image model {profile.name} has no key: set {profile.key_env}, or take it off the list."
        )
    if not (key.isascii() and key.isprintable()):
        raise ConfigError(f"{profile.key_env} holds characters no key has; copy the key again.")
    parts = urlsplit(profile.base_url)
    if not parts.hostname or not (parts.scheme == "https" or is_loopback(parts.hostname)):
        raise ConfigError(
            f"Image model {profile.name}: base_url {profile.base_url!r} must begin with https:// "
            "(http:// only on this machine), because the key goes there."
        )
    return RemoteModel(profile, key)
