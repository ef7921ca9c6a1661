"""Between our client and the sandbox: each request goes on as the official SDK's typed client sends it."""

import inspect
import io
import json
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, get_type_hints

import lark_oapi as lark
from werkzeug import Request, Response
from werkzeug.serving import make_server

from tests.contract.bitable_kit import lost, missing
from tests.contract.kit import parsed, raw_call

Known = tuple[str, str]
"""Method and address of an API, with `:x` for each parameter: names of parameters are not the platform's."""


def known_as(method: str, uri: str) -> Known:
    """The same for our endpoint and the SDK's request."""
    return method, re.sub(r":\w+", ":x", uri)


@dataclass(frozen=True)
class Typed:
    """A method of the SDK's typed client, and what it takes."""

    call: Callable[[Any], Any]
    request: type[Any]
    uri: str

    def values(self, path: str) -> dict[str, str]:
        """The parameters standing in a path."""
        found = re.fullmatch(re.sub(r":(\w+)", r"(?P<\1>[^/]+)", self.uri), path)
        assert found is not None
        return found.groupdict()


@dataclass(frozen=True)
class Passed:
    """One request that went through the SDK.

    Args:
        known: which API.
        typed: the SDK has a typed method for it; otherwise its raw call was used.
        success: what the SDK says of the answer.
        dropped: members of the request or of the answer that the SDK's models lost, `[]` for any place.
    """

    known: Known
    typed: bool
    success: bool
    dropped: tuple[str, ...] = ()


class Relay:
    """Listens on loopback; `passed` is what went through.

    Args:
        client: the SDK's client of the sandbox.
        apis: what may be asked for.
    """

    def __init__(self, client: lark.Client, apis: Iterable[Known]) -> None:
        self.passed: list[Passed] = []
        self._client = client
        self._apis = {known: re.compile(re.sub(r":x", "[^/]+", known[1])) for known in apis}
        self._typed = dict(typed_methods(client, {known[1].split("/")[2] for known in self._apis}))
        self._server = make_server("127.0.0.1", 0, Request.application(self._answer))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.port}"

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _answer(self, request: Request) -> Response:
        known = self._which(request.method, request.path)
        typed = self._typed.get(known)
        if typed is None:
            raw = raw_call(self._client, request.method, request.path)
            self.passed.append(Passed(known, False, parsed(raw)["code"] == 0))
            return _passed_on(raw)
        asked, dropped = build(typed, request)
        response = typed.call(asked)
        answered = getattr(response, "file", None)
        if answered is None:
            dropped += lost(response)
        places = sorted({re.sub(r"\[\d+\]", "[]", name) for name in dropped})
        self.passed.append(Passed(known, True, response.success(), tuple(places)))
        return _passed_on(response.raw)

    def _which(self, method: str, path: str) -> Known:
        fitting = [known for known, form in self._apis.items() if known[0] == method and form.fullmatch(path)]
        # `users/batch` is an API of its own and no user.
        return min(fitting, key=lambda known: known[1].count(":x"))


def _passed_on(raw: lark.RawResponse) -> Response:
    return Response(raw.content, raw.status_code, content_type=raw.headers["Content-Type"])


def typed_methods(client: lark.Client, services: Iterable[str]) -> Iterator[tuple[Known, Typed]]:
    """Every method of the typed client's services that sends a request."""
    for service in services:
        for version in vars(getattr(client, service, None) or object).values():
            for resource in getattr(version, "__dict__", {}).values():
                for name, call in inspect.getmembers(resource, inspect.ismethod):
                    if name.startswith("_") or inspect.iscoroutinefunction(call):
                        continue
                    request = get_type_hints(call)["request"]
                    empty = request.builder().build()
                    if empty.uri is not None:
                        yield (
                            known_as(empty.http_method.name, empty.uri),
                            Typed(call, request, empty.uri),
                        )


def build(typed: Typed, request: Request) -> tuple[Any, list[str]]:
    """The SDK's request that says the same, and what of ours it cannot say."""
    builder, dropped = typed.request.builder(), []
    for name, value in typed.values(request.path).items():
        getattr(builder, name)(value)
    for name in request.args:
        if hasattr(builder, name):
            many = request.args.getlist(name)
            getattr(builder, name)(many if len(many) > 1 else many[0])
        else:
            dropped.append(f"query.{name}")
    built = builder.build()
    if not hasattr(builder, "request_body"):
        return built, dropped + ["body"] * bool(request.data)
    kind = get_type_hints(builder.request_body)["request_body"]
    if request.files or request.form:
        body = kind(dict(request.form))
        dropped += missing(dict(request.form), vars(body), "form")
        for name, file in request.files.items():
            setattr(body, name, io.BytesIO(file.read()))
    else:
        sent = request.get_json(silent=True)
        body = kind(sent)
        dropped += missing(sent, json.loads(lark.JSON.marshal(body)), "body", nulls=True)
    builder.request_body(body)
    return built, dropped
