"""Every platform's signature as a pure function: text in, hex out.

What is signed is what is sent: bodies come in as the very text that goes out. MD5 is the platforms' choice.
The vectors of `tests/sync/test_signing.py` are those the platforms or their SDKs publish, and derived ones
where at least two independent implementations agree.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any


def top(params: Mapping[str, str], secret: str, *, method: str = "md5") -> str:
    """Taobao/Tmall TOP: upper hex over the sorted non-empty parameters.

    ``md5`` wraps them in the secret; ``hmac`` and ``hmac-sha256`` use it as the key and wrap nothing
    (article 101617 of the open platform).
    """
    text = _joined(params)
    if method == "md5":
        return _md5(secret + text + secret).upper()
    kind = hashlib.md5 if method == "hmac" else hashlib.sha256
    return hmac.new(secret.encode(), text.encode(), kind).hexdigest().upper()


def jd(params: Mapping[str, str], secret: str) -> str:
    """JD JOS: upper hex MD5, wrapped, of every parameter sent; UTF-8 (the vendor's Python SDK is not)."""
    return _md5(secret + _joined(params) + secret).upper()


def doudian(app_key: str, secret: str, method: str, timestamp: str, body: str) -> str:
    """抖店: HMAC-SHA256 of the wrapped parameters, lower hex; the access token is not signed."""
    text = f"{secret}app_key{app_key}method{method}param_json{body}timestamp{timestamp}v2{secret}"
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def jushuitan(form: Mapping[str, str], secret: str) -> str:
    """聚水潭: lower hex MD5 of the secret (in front only) and the sorted non-empty parameters."""
    return _md5(secret + _joined(form))


def wdt_enterprise(params: Mapping[str, str], secret: str) -> str:
    """旺店通 企业版: lower hex MD5 of ``LL-key:VVVV-value`` pairs; lengths count characters, not bytes."""
    pairs = (f"{len(key):02d}-{key}:{len(params[key]):04d}-{params[key]}" for key in sorted(params))
    return _md5(";".join(pairs) + secret)


def wdt_flagship(query: Mapping[str, str], body: str, secret: str) -> str:
    """旺店通 旗舰版: lower hex MD5, wrapped, of the query and the raw body under the name ``body``."""
    return _md5(secret + _joined({**query, "body": body}) + secret)


def canonical(params: Any) -> str:
    """A JSON body: keys sorted at every depth, no blanks, nothing escaped that need not be."""
    return json.dumps(params, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _joined(params: Mapping[str, str]) -> str:
    return "".join(key + params[key] for key in sorted(params) if key and key != "sign" and params[key])


def _md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()  # noqa: S324 - the platforms' choice
