"""Every platform's signature as a pure function: text in, text out.

What is signed is what is sent: bodies come in as the very text that goes out. MD5 is the platforms' choice.
The vectors of `tests/sync/test_signing.py` are those the platforms or their SDKs publish, and derived ones
where at least two independent implementations agree. Not every signature has a connection yet: pushes and
SPI of 抖店, 用友 and 金蝶 are signed and verified here and by nothing else (`docs/GATEWAYS.md`).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote_plus


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


def doudian(
    app_key: str, secret: str, method: str, timestamp: str, body: str, *, sign_method: str = "hmac-sha256"
) -> str:
    """抖店: HMAC-SHA256 of the wrapped parameters, lower hex; the access token is not signed.

    ``sign_method`` ``md5`` is the old way, over the same text.
    """
    return _doudian(
        f"app_key{app_key}method{method}param_json{body}timestamp{timestamp}v2", secret, sign_method
    )


def doudian_push(app_key: str, secret: str, body: str) -> str:
    """抖店 pushes: what the header ``event-sign`` must say of the raw body; compare with `same`.

    It holds no time: who receives it has to know messages again by their ``msg_id``.
    """
    return _md5(app_key + body + secret)


def doudian_spi(app_key: str, secret: str, timestamp: str, body: str, *, sign_method: str = "md5") -> str:
    """抖店 SPI (the platform calls us): the parameter ``sign``, or with ``hmac-sha256`` ``sign_v2``.

    ``body`` is the parameter ``param_json`` in the form `canonical` gives it; compare with `same`.
    """
    return _doudian(f"app_key{app_key}param_json{body}timestamp{timestamp}", secret, sign_method)


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


def yonyou(app_key: str, secret: str, timestamp: str) -> str:
    """用友 YonBIP: the parameter ``signature`` of a token call; ``timestamp`` in milliseconds.

    It is URL-encoded already: a client that encodes it again breaks it.
    """
    digest = hmac.new(secret.encode(), f"appKey{app_key}timestamp{timestamp}".encode(), hashlib.sha256)
    return quote_plus(base64.b64encode(digest.digest()))


def kingdee(app_key: str, app_secret: str) -> str:
    """金蝶 API 网关: ``app_signature``, the Base64 of the *hex text* of an HMAC-SHA256."""
    digest = hmac.new(app_secret.encode(), app_key.encode(), hashlib.sha256).hexdigest()
    return base64.b64encode(digest.encode()).decode()


def same(ours: str, theirs: str) -> bool:
    """Whether a signature that came in is the one we computed; takes the same time however much agrees."""
    return hmac.compare_digest(ours.encode(), theirs.encode())


def canonical(params: Any) -> str:
    """A JSON body: keys sorted at every depth, no blanks, nothing escaped that need not be."""
    return json.dumps(params, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _joined(params: Mapping[str, str]) -> str:
    return "".join(key + params[key] for key in sorted(params) if key and key != "sign" and params[key])


def _doudian(text: str, secret: str, sign_method: str) -> str:
    wrapped = f"{secret}{text}{secret}"
    if sign_method == "md5":
        return _md5(wrapped)
    return hmac.new(secret.encode(), wrapped.encode(), hashlib.sha256).hexdigest()


def _md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()  # noqa: S324 - the platforms' choice
