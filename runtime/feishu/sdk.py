"""The only import of `lark_oapi` in the product.

`import lark_oapi` loads every API of the platform: about 4 s and 170 MB. Its parts that we use (requests, URL
and header building, the WebSocket client) need none of that, so while they are imported an empty module
stands in for the package, with the package's real path: Python then finds the parts and never runs the
package's own `__init__`. The WebSocket client asks for one more class, used only as a type; it gets an empty
one.

The stand-in is taken away again, so that somebody else in the same process (a test with the typed SDK) still
gets the whole package. `tests/feishu/test_sdk.py` proves in fresh processes that every name here is the one
the normal import gives, and that the cost stays small.
"""

from __future__ import annotations

import importlib.util
import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import Any

PACKAGE = "lark_oapi"
DISPATCHER = "lark_oapi.event.dispatcher_handler"


@contextmanager
def _stand_in() -> Iterator[None]:
    if PACKAGE in sys.modules:
        yield
        return
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.submodule_search_locations is None:
        msg = "lark_oapi is not installed; install the requirements of this project."
        raise ImportError(msg)
    package = ModuleType(PACKAGE)
    package.__path__ = list(spec.submodule_search_locations)
    package.__spec__ = spec
    dispatcher = ModuleType(DISPATCHER)
    dispatcher.EventDispatcherHandler = type("EventDispatcherHandler", (), {})  # type: ignore[attr-defined]
    sys.modules[PACKAGE] = package
    sys.modules[DISPATCHER] = dispatcher
    try:
        yield
    finally:
        del sys.modules[PACKAGE], sys.modules[DISPATCHER]


with _stand_in():
    from lark_oapi.core.const import VERSION
    from lark_oapi.core.enum import AccessTokenType, HttpMethod
    from lark_oapi.core.http.transport import _build_header, _build_url
    from lark_oapi.core.model import BaseRequest, Config, RequestOption

__all__ = [
    "VERSION",
    "AccessTokenType",
    "BaseRequest",
    "Config",
    "HttpMethod",
    "RequestOption",
    "build_headers",
    "build_url",
    "websocket_client",
]

# The SDK prints to stdout by a handler of its own; our log is the only one.
_sdk_log = logging.getLogger("Lark")
for _handler in list(_sdk_log.handlers):
    _sdk_log.removeHandler(_handler)


def build_url(base_url: str, request: BaseRequest) -> str:
    """Return the address of a request without its query: path parameters filled in and percent-encoded.

    Args:
        base_url: scheme and host, no slash at the end.
        request: with `uri` and `paths` set.
    """
    return str(_build_url(base_url, request.uri, request.paths))


def build_headers(request: BaseRequest, token: str | None) -> Mapping[str, str]:
    """Return the headers the SDK would send: its User-Agent and, where one is needed, the tenant token."""
    option = RequestOption()
    option.tenant_access_token = token
    headers: Mapping[str, str] = _build_header(request, option)
    return headers


def websocket_client(**options: Any) -> Any:
    """Make the SDK's long-connection client (`lark_oapi.ws.Client`).

    It calls `event_handler._do_without_validation(payload: bytes)` for each frame and sends the returned
    object back; `start()` never returns and there is no `stop()`, so it gets a process of its own (SDK issues
    128, 169).

    Args:
        options: `app_id`, `app_secret`, `event_handler`, `domain`, as in the SDK.
    """
    with _stand_in():
        from lark_oapi.ws.client import Client  # noqa: PLC0415 - only the websocket process pays for it

    return Client(**options)
