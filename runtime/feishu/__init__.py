"""The only door to Feishu.

`Feishu` is loaded when it is first asked for, so that the errors and tables of this package can be imported
by the web process, which must never pay for the SDK.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runtime.feishu.client import Feishu as Feishu

__all__ = ["Feishu"]


def __getattr__(name: str) -> Any:
    """Load `Feishu` on first use."""
    if name == "Feishu":
        from runtime.feishu.client import Feishu  # noqa: PLC0415 - see above

        return Feishu
    msg = f"runtime.feishu has no {name!r}"
    raise AttributeError(msg)
