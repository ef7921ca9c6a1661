"""Sending one request over pooled keep-alive connections, and telling "nothing was sent" from "who knows"."""

import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode, urlsplit

import urllib3
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NewConnectionError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)
from urllib3.response import BaseHTTPResponse

from runtime import fastjson
from runtime.feishu import sdk
from runtime.feishu.answers import Answer, lost
from runtime.feishu.endpoint import Endpoint
from runtime.feishu.errors import TooLarge, Unreachable
from runtime.feishu.pool import open_pool

CONNECT_SECONDS = 3.0
READ_SECONDS = 8.0
CONNECT_TRIES = 3

File = tuple[str, bytes, str]
"""A file part of a form: file name, content, media type."""


class _NothingSentError(Exception):
    """The connection could not be opened; the platform saw nothing."""


class Transport:
    """One pool of connections to one address.

    Args:
        base_url: scheme and host, e.g. `https://open.feishu.cn`.
        count: called with the endpoint's name before every HTTP attempt (the monthly quota counts attempts).
        sleep: waits between tries to connect; seconds.
        read_seconds: how long an answer may take.
    """

    def __init__(
        self,
        base_url: str,
        *,
        count: Callable[[str], None],
        sleep: Callable[[float], object] = time.sleep,
        read_seconds: float = READ_SECONDS,
    ) -> None:
        self._base_url = base_url
        self._prefix = urlsplit(base_url).path.rstrip("/")
        self._count = count
        self._pool = open_pool(base_url, urllib3.Timeout(connect=CONNECT_SECONDS, read=read_seconds))
        self._tries = Retrying(
            retry=retry_if_exception_type(_NothingSentError),
            stop=stop_after_attempt(CONNECT_TRIES),
            wait=wait_random_exponential(multiplier=0.1, max=1.0),
            sleep=_silent(sleep),
            reraise=True,
        )

    def send(
        self,
        endpoint: Endpoint,
        *,
        paths: Mapping[str, str] | None = None,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        form: Mapping[str, str | File] | None = None,
        token: str | None = None,
        most: int | None = None,
    ) -> Answer:
        """Send one request and return whatever came back.

        Only a connection that could not be opened is tried again here: then nothing was sent. Everything else
        is for the caller to judge.

        Args:
            endpoint: the API.
            paths: path parameters by name.
            query: query parameters; None is left out, a sequence is repeated, bool is `true`/`false`.
            body: JSON body, sent as it is: None inside a mapping arrives as null (it clears a Bitable cell).
            form: multipart fields instead of a JSON body.
            token: tenant access token.
            most: bytes of the answer that are read at most; None = all.

        Raises:
            TooLarge: the answer is longer than `most`; the rest of it was not read.
            Unreachable: not connected, or no answer to a call that only reads.
            Ambiguous: sent, but no answer, and the call writes.
        """
        request = _request(endpoint, paths, query)
        url = sdk.build_url(self._prefix, request)
        if request.queries:
            url = f"{url}?{urlencode(request.queries)}"
        headers = dict(sdk.build_headers(request, token))
        content: bytes | None = None
        if form is not None:
            content, headers["Content-Type"] = urllib3.encode_multipart_formdata(list(form.items()))
        elif body is not None:
            content = fastjson.dumps(body).encode()
            headers["Content-Type"] = "application/json; charset=utf-8"
        try:
            return self._tries(self._attempt, endpoint, url, headers, content, most)
        except _NothingSentError as error:
            raise _unreachable(endpoint, self._base_url, error) from error.__cause__

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()

    def _attempt(
        self,
        endpoint: Endpoint,
        url: str,
        headers: Mapping[str, str],
        content: bytes | None,
        most: int | None,
    ) -> Answer:
        self._count(endpoint.name)
        try:
            response = self._pool.urlopen(
                endpoint.method,
                url,
                body=content,
                headers=headers,
                retries=False,
                redirect=False,
                preload_content=most is None,
            )
            body = response.data if most is None else _at_most(endpoint, response, most)
        except (NewConnectionError, ConnectTimeoutError, ProxyError) as error:
            raise _NothingSentError from error
        except SSLError as error:
            if isinstance(error.__context__ or error.args[0], ssl.SSLCertVerificationError):
                raise _NothingSentError from error
            raise lost(endpoint, "The encrypted connection to Feishu broke.") from error
        except ReadTimeoutError as error:
            raise lost(endpoint, "Feishu did not answer in time.") from error
        except (HTTPError, OSError) as error:
            raise lost(endpoint, "The connection to Feishu broke before the answer came.") from error
        return Answer(response.status, response.headers, body)


def _at_most(endpoint: Endpoint, response: BaseHTTPResponse, most: int) -> bytes:
    """Read a body of at most `most` bytes; a longer one is left where it is and its connection closed."""
    try:
        declared = response.headers.get("Content-Length", "")
        if not (declared.isdigit() and int(declared) > most):
            body = response.read(most + 1)  # one more tells that there is more
            if len(body) <= most:
                response.release_conn()
                return body
        raise TooLarge(f"The file is larger than {most:,} bytes; send a smaller one.", endpoint=endpoint.name)
    except BaseException:
        response.close()
        raise


def _request(
    endpoint: Endpoint, paths: Mapping[str, str] | None, query: Mapping[str, Any] | None
) -> sdk.BaseRequest:
    request = sdk.BaseRequest()
    request.http_method = sdk.HttpMethod[endpoint.method]
    request.uri = endpoint.uri
    request.paths = dict(paths or {})
    if endpoint.token:
        request.token_types = {sdk.AccessTokenType.TENANT}
    for name, value in (query or {}).items():
        if value is not None:
            request.add_query(name, _plain(value))
    return request


def _plain(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(item) for item in value]
    return value


def _unreachable(endpoint: Endpoint, base_url: str, error: BaseException) -> Unreachable:
    cause = type(error.__cause__).__name__ if error.__cause__ else type(error).__name__
    return Unreachable(
        f"No connection to {base_url} ({cause}); nothing was sent. Check the network and FEISHU_BASE_URL.",
        endpoint=endpoint.name,
    )


def _silent(sleep: Callable[[float], object]) -> Callable[[float], None]:
    def wait(seconds: float) -> None:
        sleep(seconds)

    return wait
