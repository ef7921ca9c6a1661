"""Message contents: what may be sent, and how the platform gives it back.

Source: Feishu docs im-v1/message/create_json and message/events/message_content, read 2026-11.
"""

import json
import re
from typing import Any

from sandbox.kernel import ApiError, World

TEXT_LIMIT = 150 * 1024
RICH_LIMIT = 30 * 1024
FILE_TYPES = {"image": "image_key", "file": "file_key", "audio": "file_key", "sticker": "file_key"}
MENTION = re.compile(r'<at\s+user_id="([^"]*)"\s*>(.*?)</at>', re.DOTALL)


def bad_content(why: str) -> ApiError:
    """230001 with the part that is wrong."""
    return ApiError(230001, f"Your request contains an invalid request parameter, ext={why}", status=400)


def parse(raw: Any) -> dict[str, Any]:
    """The content as an object; on the wire it is a JSON text.

    Raises:
        ApiError: 230001 when it is not a text holding a JSON object.
    """
    if not isinstance(raw, str):
        raise bad_content("content must be a string holding JSON")
    try:
        content = json.loads(raw)
    except ValueError as broken:
        raise bad_content("content is not a string in json format") from broken
    if not isinstance(content, dict):
        raise bad_content("content must hold a JSON object")
    return content


def check_size(msg_type: str, raw: str) -> None:
    """230025 when a text is over 150 KB or a card or post over 30 KB."""
    limit = TEXT_LIMIT if msg_type == "text" else RICH_LIMIT
    size = len(raw.encode())
    if size > limit:
        why = f"The length of the message content reaches its limit, {size} > {limit} bytes"
        raise ApiError(230025, why, status=400)


def check(world: World, app_id: str, msg_type: str, raw: Any) -> dict[str, Any]:
    """Parse and check the content of a message that is not a card.

    Raises:
        ApiError: 230001, 230025, 230017 (a key another app uploaded), 230054 (type not supported).
    """
    content = parse(raw)
    check_size(msg_type, raw)
    if msg_type == "text":
        if not isinstance(content.get("text"), str) or not content["text"]:
            raise bad_content("text is empty")
    elif msg_type == "post":
        check_post(content)
    elif msg_type in FILE_TYPES:
        world.im.blob(app_id, str(content.get(FILE_TYPES[msg_type], "")))
    elif msg_type == "share_chat":
        if content.get("chat_id") not in world.im.chats:
            raise bad_content("chat_id is invalid")
    elif msg_type == "share_user":
        if content.get("user_id") not in world.people:
            raise bad_content("user_id is invalid")
    else:
        raise ApiError(230054, "This message type is not supported", status=400)
    return content


def check_post(content: dict[str, Any]) -> None:
    """A post has languages; each has paragraphs; each is a list of tagged pieces."""
    languages = content.get("post", content)
    if not languages:
        raise bad_content("post content is empty")
    for name, language in languages.items():
        paragraphs = language.get("content") if isinstance(language, dict) else None
        if not isinstance(paragraphs, list):
            raise bad_content(f"post.{name}.content must be a list of paragraphs")
        for paragraph in paragraphs:
            if not isinstance(paragraph, list) or not all(
                isinstance(p, dict) and p.get("tag") for p in paragraph
            ):
                raise bad_content(f"post.{name}: every paragraph is a list of tagged elements")


def numbered_mentions(world: World, text: str) -> tuple[str, list[dict[str, Any]]]:
    """Text with ``@_user_N`` in the place of mentions, and the list of who that is."""
    mentions: list[dict[str, Any]] = []

    def number(found: re.Match[str]) -> str:
        who = found[1]
        if who == "all":
            return "@_all"
        person = world.people.get(who)
        bot = next((app for app in world.apps.values() if app.open_id == who), None)
        key = f"@_user_{len(mentions) + 1}"
        name = person.name if person else bot.name if bot else found[2]
        mentions.append(
            {"key": key, "id": who, "id_type": "open_id", "name": name, "tenant_key": world.tenant_key}
        )
        return key

    return MENTION.sub(number, text), mentions


def read_back(msg_type: str, raw: str, *, original_card: bool) -> str:
    """The content as GET and list give it back: no language level, cards degraded unless asked otherwise."""
    if msg_type == "post":
        content = json.loads(raw)
        languages = content.get("post", content)
        return dumps(next(iter(languages.values())))
    if msg_type == "interactive" and not original_card:
        return dumps(degraded(json.loads(raw)))
    return raw


def degraded(card: dict[str, Any]) -> dict[str, Any]:
    """The poor picture of a card the platform gives back by default."""
    title = ((card.get("header") or {}).get("title") or {}).get("content", "")
    elements = (card.get("body") or {}).get("elements") or card.get("elements") or []
    lines = [[{"tag": "text", "text": text}] for element in elements for text in texts_of(element)]
    return {"title": title, "elements": lines}


def texts_of(element: Any) -> list[str]:
    """All texts below an element, in order."""
    if isinstance(element, list):
        return [text for item in element for text in texts_of(item)]
    if not isinstance(element, dict):
        return []
    own = [element["content"]] if isinstance(element.get("content"), str) else []
    return own + [
        text for key in ("text", "elements", "columns", "fields") for text in texts_of(element.get(key))
    ]


def dumps(value: Any) -> str:
    """Compact JSON text."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
