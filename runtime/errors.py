"""The errors of the whole product, by what the caller should do next.

ChorusError
├── ConfigError        settings or manifest: a person must change a file or a variable
├── TransientError     nothing happened: try again, after `wait` seconds if given
├── UnknownOutcome     it may have happened: look it up before sending it again
└── PermanentError     repeating cannot help: park it and tell someone

Packages derive their own errors from these four; the retry policy of `runtime.engine` knows only these.
"""


class ChorusError(Exception):
    """Base of every error this product raises on purpose. The message is a sentence for a person."""


class ConfigError(ChorusError):
    """A setting or the manifest is wrong; the message names the key, the place and what is expected."""


class TransientError(ChorusError):
    """Nothing happened on the other side; the same call may be made again.

    Args:
        message: a sentence saying what was refused and that it will be tried again.
        wait: seconds the other side asked us to wait, or None for our own back-off.
    """

    def __init__(self, message: str, *, wait: float | None = None) -> None:
        super().__init__(message)
        self.wait = wait


class UnknownOutcome(ChorusError):  # noqa: N818 - it names what is known, which is that nothing is
    """The call may or may not have taken effect; look it up before sending it again."""


class PermanentError(ChorusError):
    """The other side refused for good; repeating the call cannot help."""
