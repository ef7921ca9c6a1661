"""A person touches a card: the app is asked at once, and its answer changes the card.

Source: Feishu docs feishu-cards/card-callback-communication and handle-card-callbacks (May 2026), delayed
update /ukTMukTMukTM/uMDO1YjLzgTN24yM4UjN (Sep 2025).
"""

import itertools
import json
import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import urllib3
from urllib3 import exceptions as http

from sandbox import cards, im_content, tapping
from sandbox.im_act import CLAIM, person
from sandbox.im_state import Message
from sandbox.kernel import ApiError, App, Person, Rate, Reply, Request, Routes, World
from sandbox.longconn import NoClientError

ANSWER_LIMIT = 3.0
CONNECT_LIMIT = 2.0
TOKEN_LIFE = 1800.0
TOKEN_USES = 2
KEPT_TAPS = 2_000
TOASTS = ("info", "success", "error", "warning")
TOP = {"toast", "card"}

routes = Routes("callbacks")


class ClientError(Exception):
    """The tap failed; the person sees ``code``."""

    def __init__(self, code: int, why: str, http_status: int | None = None) -> None:
        super().__init__(why)
        self.code = code
        self.http_status = http_status


@dataclass(slots=True)
class CardToken:
    """The right to change a card later: 30 minutes, two uses, not before the tap was answered."""

    app_id: str
    message_id: str
    open_id: str
    born: float
    answered: bool = False
    uses: int = 0


@dataclass(slots=True)
class Outcome:
    """What the person saw after a tap."""

    http_status: int | None = None
    client_code: int = 0
    error: str = ""
    toast: Mapping[str, Any] | None = None
    card_updated: bool = False
    opened: str = ""
    ms: float = 0.0
    token: str = ""

    def view(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "http_status": self.http_status,
            "client_code": self.client_code,
            "error": self.error,
            "toast": self.toast,
            "card_updated": self.card_updated,
            "opened": self.opened,
            "ms": round(self.ms, 1),
            "token": self.token,
        }


@dataclass(slots=True)
class CallbacksState:
    """Card tokens, and cards a tap is under way on."""

    transient: ClassVar = ("http", "busy", "log", "numbers")
    world: World
    tokens: dict[str, CardToken] = field(default_factory=dict)
    busy: dict[str, int] = field(default_factory=dict)
    http: urllib3.PoolManager = field(
        default_factory=lambda: urllib3.PoolManager(num_pools=8, maxsize=16, retries=False)
    )
    log: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=KEPT_TAPS))
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def reset(self, _world: World, _company: str, _seed: int) -> None:
        """Forget tokens."""
        self.tokens.clear()
        self.busy.clear()
        self.log.clear()

    def note(
        self, open_id: str, message_id: str, told: Mapping[str, Any], outcome: Outcome, answer: Any
    ) -> None:
        """Remember a tap for who looks: who touched what, what the app was told and what it answered."""
        line = {"n": next(self.numbers), "at": self.world.clock.time(), "open_id": open_id}
        line |= {"message_id": message_id, "action": dict(told), "outcome": outcome.view(), "answer": answer}
        self.log.append(line)
        self.world.pulse.touch("calls")

    def close(self) -> None:
        """Close kept-alive lines."""
        self.http.clear()

    def refuse_busy(self, message_id: str) -> None:
        """A card inside an interaction cannot be changed from elsewhere.

        Raises:
            ApiError: 230099 with ErrCode 11310; try again shortly after the tap was answered.
        """
        if self.busy.get(message_id):
            why = cards.CardError(11310, "ROOT", "card action is lock")
            raise ApiError(230099, f"Failed to create card content, ext={why}", status=400)


def tap(world: World, wish: Mapping[str, Any]) -> Outcome:
    """Touch a card as a person and apply the answer.

    Raises:
        ApiError: 10003 when this person cannot do this on that card.
    """
    outcome = Outcome()
    with world.lock:
        who, message, card = seen_card(world, wish)
        try:
            told, outcome.opened = tapping.touch(card, wish)
        except tapping.CannotTouchError as cannot:
            raise ApiError(10003, str(cannot), status=400) from cannot
        if told is None:
            return outcome
        app = world.apps[message.sender]
        outcome.token = world.ids.card_token()
        token = CardToken(app.app_id, message.message_id, who.open_id, world.clock.time())
        world.callbacks.tokens[outcome.token] = token
        envelope = callback(world, app, who, message, outcome.token, told)
        world.callbacks.busy[message.message_id] = world.callbacks.busy.get(message.message_id, 0) + 1
    started, answer = time.perf_counter(), dict[str, Any]()
    try:
        outcome.http_status, answer = ask(world, app, envelope)
        with world.lock:
            outcome.toast = checked_toast(answer)
            outcome.card_updated = apply_card(world, app, who, message, answer)
    except ClientError as failed:
        outcome.client_code, outcome.error = failed.code, str(failed)
        outcome.http_status = failed.http_status or outcome.http_status
    finally:
        with world.lock:
            token.answered = True
            world.callbacks.busy[message.message_id] -= 1
    outcome.ms = (time.perf_counter() - started) * 1000
    world.callbacks.note(who.open_id, message.message_id, told, outcome, answer)
    return outcome


def seen_card(world: World, wish: Mapping[str, Any]) -> tuple[Person, Message, dict[str, Any]]:
    """Person, message and the card as this person sees it."""
    who = person(world, dict(wish))
    message = world.im.messages.get(str(wish.get("message_id", "")))
    if message is None or who.open_id not in world.im.chats[message.chat_id].members:
        raise ApiError(10003, "this person sees no such message", status=400)
    if message.deleted or message.msg_type != "interactive" or message.sender_type != "app":
        raise ApiError(10003, "this message is not a card of an app", status=400)
    return who, message, json.loads(message.content_for(who.open_id))


def callback(
    world: World, app: App, who: Person, message: Message, token: str, told: Mapping[str, Any]
) -> dict[str, Any]:
    """The envelope of ``card.action.trigger``; create_time in microseconds."""
    operator = {"tenant_key": world.tenant_key, **world.person_ids(who)}
    if "contact:user.employee_id:readonly" in app.revoked_scopes:
        del operator["user_id"]
    event = {
        "operator": operator,
        "token": token,
        "action": told,
        "host": "im_message",
        "context": {"open_message_id": message.message_id, "open_chat_id": message.chat_id},
    }
    envelope: dict[str, Any] = world.events.envelope("card.action.trigger", event, app=app, micro=True)
    return envelope


def ask(world: World, app: App, envelope: dict[str, Any]) -> tuple[int | None, dict[str, Any]]:
    """Send the callback and wait: over the long connection if one is open, else to the callback URL.

    Raises:
        ClientError: what the person sees when no proper answer comes within 3 s.
    """
    if app.callback_url is None:
        return ask_connection(world, app, envelope)
    raw, headers = world.events.seal(app, envelope)
    timeout = urllib3.Timeout(connect=CONNECT_LIMIT, total=ANSWER_LIMIT)
    try:
        response = world.callbacks.http.request(
            "POST", app.callback_url, body=raw, headers=headers, timeout=timeout, redirect=False
        )
    except http.NameResolutionError as error:
        raise ClientError(200343, f"DNS: {error}") from error
    except (http.NewConnectionError, http.ConnectTimeoutError) as error:
        raise ClientError(200342, f"TCP connect failed: {error}") from error
    except http.TimeoutError as error:
        raise ClientError(200341, "no answer within 3 s") from error
    except http.HTTPError as error:
        raise ClientError(200080, f"request failed: {error}") from error
    if response.status != 200:
        raise ClientError(200671, f"HTTP status {response.status}", response.status)
    try:
        return response.status, shape(json.loads(response.data))
    except ValueError as error:
        raise ClientError(200672, "the answer is not JSON", response.status) from error


def ask_connection(world: World, app: App, envelope: dict[str, Any]) -> tuple[int | None, dict[str, Any]]:
    """Ask over the long connection.

    Raises:
        ClientError: 200340 nobody is connected, 200341 too late, 200671 the handler failed.
    """
    try:
        status, answer = world.longconn.request(envelope, app_id=app.app_id, timeout=ANSWER_LIMIT)
    except NoClientError as nobody:
        raise ClientError(200340, "no callback URL is configured and no long connection is open") from nobody
    except TimeoutError as late:
        raise ClientError(200341, "no answer within 3 s") from late
    if status != 200:
        raise ClientError(200671, f"the handler failed with {status}", status)
    return status, shape(answer)


def shape(answer: Any) -> dict[str, Any]:
    """An answer of the right shape: ``{}`` or a subset of toast and card.

    Raises:
        ClientError: 200672.
    """
    if not isinstance(answer, dict) or set(answer) - TOP:
        raise ClientError(200672, f"expected {{toast?, card?}}, got {str(answer)[:80]}", 200)
    return answer


def checked_toast(answer: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The toast of an answer.

    Raises:
        ClientError: 200672 when it is none.
    """
    toast = answer.get("toast")
    if toast is None:
        return None
    if not isinstance(toast, dict) or toast.get("type", "info") not in TOASTS:
        raise ClientError(200672, f"toast type must be one of {TOASTS}", 200)
    if not isinstance(toast.get("content", ""), str) or not (toast.get("content") or toast.get("i18n")):
        raise ClientError(200672, "a toast needs content or i18n", 200)
    return toast


def apply_card(world: World, app: App, who: Person, message: Message, answer: Mapping[str, Any]) -> bool:
    """Put the answered card in the place of the old one.

    Raises:
        ClientError: 200673 invalid card, 200830 another schema.
    """
    given = answer.get("card")
    if given is None:
        return False
    if not isinstance(given, dict) or given.get("type") not in ("raw", "template") or "data" not in given:
        raise ClientError(200673, "card must be {type: raw|template, data: {…}}", 200)
    card = given["data"]
    if given["type"] == "template" or not isinstance(card, dict):
        raise ClientError(200673, "card.data must be a card object; no template has this id", 200)
    raw = im_content.dumps(card)
    old = json.loads(message.content_for(who.open_id))
    try:
        im_content.check_size("interactive", raw)
        cards.check_card(world, app.app_id, card)
    except (ApiError, cards.CardError) as wrong:
        raise ClientError(200673, str(wrong), 200) from wrong
    if cards.is_v2(old) != cards.is_v2(card):
        raise ClientError(200830, "a card keeps its schema", 200)
    if cards.is_v2(card) or (card.get("config") or {}).get("update_multi"):
        world.im.replace(message, raw)
    else:
        message.own_cards[who.open_id] = raw
        message.update_count += 1
        world.im.touch()
    return True


@routes.add("POST", "/_sandbox/act/tap", auth="none", claim=CLAIM, locked=False)
def act_tap(world: World, req: Request) -> dict[str, Any]:
    """A person taps: {open_id, message_id, text|name|index|value, form?, option?}.

    ``forge: {…}`` sends this ``action`` instead of one of the card's, as a changed client or an old screen
    would.
    """
    return tap(world, req.json()).view()


@routes.add(
    "POST",
    "/open-apis/interactive/v1/card/update",
    rate=Rate(per_minute=1000, per_second=50),
    scopes=("im:message", "im:message:send_as_bot", "im:message:update"),
    claim="docs uMDO1YjLzgTN24yM4UjN (delayed card update), Sep 2025",
)
def delayed_update(world: World, req: Request) -> Reply:
    """Change a card with the token of a tap."""
    body = req.json()
    card, value = body.get("card"), str(body.get("token", ""))
    if not isinstance(card, dict):
        raise ApiError(10002, "card param is invalid", status=400)
    if not value.startswith("c-"):
        raise ApiError(300020, "token format is invalid", status=400)
    token: CardToken | None = world.callbacks.tokens.get(value)
    if token is None or world.clock.time() - token.born > TOKEN_LIFE:
        raise ApiError(300030, "token is expired", status=400)
    if token.app_id != req.app.app_id:
        raise ApiError(200310, "the card belongs to another app", status=400)
    if token.uses >= TOKEN_USES:
        raise ApiError(300040, "token has been used too often", status=400)
    world.callbacks.refuse_busy(token.message_id)
    message = world.im.messages[token.message_id]
    if message.deleted:
        raise ApiError(200000, "the message was recalled", status=400)
    change_late(world, message, dict(card))
    token.uses += 1
    return Reply({"code": 0, "msg": "ok"})


def change_late(world: World, message: Message, card: dict[str, Any]) -> None:
    """Apply a delayed update: for everybody, or for the people an exclusive 1.0 card names.

    Raises:
        ApiError: 11311 invalid card, 200830 another schema, 300090 / 200320 open_ids missing or wrong.
    """
    open_ids = card.pop("open_ids", None)
    raw = im_content.dumps(card)
    try:
        im_content.check_size("interactive", raw)
        cards.check_card(world, message.sender, card)
    except (ApiError, cards.CardError) as wrong:
        raise ApiError(11311, f"card format is invalid: {wrong}", status=400) from wrong
    if cards.is_v2(json.loads(message.content)) != cards.is_v2(card):
        raise ApiError(200830, "card schema can not be changed between 1.0 and 2.0", status=400)
    if cards.is_v2(card) or (card.get("config") or {}).get("update_multi"):
        world.im.replace(message, raw)
        return
    if not open_ids:
        raise ApiError(300090, "open_ids is required for a card that is not shared", status=400)
    members = world.im.chats[message.chat_id].members
    if any(open_id not in members for open_id in open_ids):
        raise ApiError(200320, "open_ids is invalid", status=400)
    message.own_cards.update(dict.fromkeys(open_ids, raw))
    message.update_count += 1
    world.im.touch()
