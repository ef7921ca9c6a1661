"""What every area of the sandbox stands on: requests, answers, errors, routes and the world itself.

An area is one file ``sandbox/<area>.py`` (it may spread over ``<area>_*.py`` and ``include`` their routes):

* ``routes: Routes`` - its endpoints, each with a dated claim of what its behaviour was taken from;
* ``class <Area>State`` - built once as ``<Area>State(world)``, found as ``world.<area>``.
  ``reset(world, company, seed)`` empties it; ``close()``, if present, stops what it runs. ``transient``
  names the attributes that a kept state (``sandbox.keep``) leaves out, ``awake()`` goes on from such a state.

People and goods are filled in last, by ``sandbox.company.fill(world, company, seed)``. An area registers
its own control routes (``/_sandbox/act/...``, auth "none") beside its platform routes.
"""

import importlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from sandbox.clock import SandboxClock
from sandbox.ids import Ids
from sandbox.pulse import TOPICS, Pulse

if TYPE_CHECKING:
    from sandbox.ads import AdsState
    from sandbox.approval_state import ApprovalState
    from sandbox.attendance import AttendanceState
    from sandbox.auth import AuthState
    from sandbox.bitable_people import BitableState
    from sandbox.callbacks import CallbacksState
    from sandbox.contact import ContactState
    from sandbox.control import ControlState
    from sandbox.docx import DocxState
    from sandbox.drive import DriveState
    from sandbox.erp import ErpState
    from sandbox.events import EventsState
    from sandbox.im_state import ImState
    from sandbox.images_state import ImagesState
    from sandbox.jd import JdState
    from sandbox.longconn import LongconnState
    from sandbox.oauth import OauthState
    from sandbox.shop import ShopState
    from sandbox.simulator import SimulatorState
    from sandbox.taobao import TaobaoState
    from sandbox.task import TaskState
    from sandbox.wdt import WdtState
    from sandbox.wiki import WikiState

AREAS = (
    "auth", "contact", "im", "callbacks", "bitable", "drive", "docx", "wiki", "events", "longconn", "oauth",
    "approval", "task", "attendance", "ads", "shop", "erp", "taobao", "jd", "wdt", "images", "simulator",
    "control",
    "page",
)  # fmt: skip

DEFAULT_APP_ID = "cli_sandbox0000001"
TENANT_KEY = "2ca1d211f64f6438"


class ApiError(Exception):
    """A refusal as the platform words it; rendered in one place with ``X-Tt-Logid``.

    ``code``/``msg`` are the platform's, ``status`` the HTTP status, ``error`` joins the error object.
    """

    def __init__(
        self,
        code: int,
        msg: str,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        error: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(f"{code}: {msg}")
        self.code = code
        self.msg = msg
        self.status = status
        self.headers = dict(headers or {})
        self.error = dict(error or {})


class Refusals:
    """The refusals of one area: code → the platform's text and HTTP status."""

    def __init__(self, texts: Mapping[int, tuple[str, int]]) -> None:
        self.texts = texts

    def __call__(self, code: int) -> ApiError:
        """The refusal of a code, to be raised."""
        msg, status = self.texts[code]
        return ApiError(code, msg, status=status)


@dataclass(slots=True)
class App:
    """A self-built app of the tenant: credentials, granted scopes and where its events and callbacks go."""

    app_id: str
    secret: str
    encrypt_key: str | None
    verification_token: str
    name: str
    open_id: str
    event_url: str | None = None
    callback_url: str | None = None
    revoked_scopes: set[str] = field(default_factory=set)
    enabled: bool = True


@dataclass(slots=True)
class Person:
    """A member of the tenant. ``department`` is a path of names, e.g. ``运营部/天猫组``."""

    open_id: str
    union_id: str
    user_id: str
    name: str
    en_name: str
    department: str
    leader_open_id: str = ""
    mobile: str = ""
    email: str = ""
    title: str = ""
    employee_no: str = ""
    resigned: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a multipart body. ``filename`` is None when the client sent none (the SDK does that)."""

    data: bytes
    filename: str | None
    content_type: str


@dataclass(slots=True)
class Request:
    """One call, already parsed. ``identity`` is "app" for a tenant token or the open_id of a user token."""

    method: str
    path: str
    params: dict[str, str]
    query: dict[str, str]
    query_all: dict[str, list[str]]
    headers: dict[str, str]
    raw: bytes
    files: dict[str, Part]
    form: dict[str, str]
    app: App
    identity: str = "app"
    route: "Route | None" = None

    def json(self) -> dict[str, Any]:
        """The body as a JSON object, whatever Content-Type says (the SDK often sends none).

        Raises:
            ApiError: 9499 when the body is not a JSON object.
        """
        if not self.raw.strip():
            return {}
        try:
            body = json.loads(self.raw)
        except ValueError as broken:
            raise ApiError(9499, "Bad Request: invalid JSON body", status=400) from broken
        if not isinstance(body, dict):
            raise ApiError(9499, "Bad Request: body must be a JSON object", status=400)
        return body

    def upload(self, name: str) -> bytes | None:
        """The bytes of the multipart part ``name``, with or without a file name."""
        part = self.files.get(name)
        return part.data if part else None

    def need(self, body: Mapping[str, Any], *names: str) -> None:
        """Refuse with 99992402 (field validation) when one of ``names`` is missing or empty in ``body``."""
        missing = [name for name in names if body.get(name) in (None, "", [])]
        if missing:
            raise ApiError(
                99992402,
                "field validation failed",
                status=400,
                error={
                    "field_violations": [{"field": m, "description": f"{m} is required"} for m in missing]
                },
            )


@dataclass(slots=True)
class Reply:
    """A whole answer, for routes that do not use the ``{code, msg, data}`` envelope.

    ``body`` may be a mapping (JSON), text or bytes (set Content-Type in ``headers``), or an iterator of bytes
    (streamed until it ends). ``after`` runs on its own once the answer has left. The recorder leaves out the
    body of a ``bulky`` answer.
    """

    body: Mapping[str, Any] | str | bytes | Iterator[bytes]
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    after: Callable[[], None] | None = None
    bulky: bool = False


@dataclass(frozen=True, slots=True)
class Rate:
    """How often one app may call one API; hitting any window refuses. None = no such window."""

    per_minute: int | None = None
    per_second: int | None = None

    def windows(self) -> list[tuple[int, int]]:
        """Pairs (calls, seconds)."""
        pairs = ((self.per_minute, 60), (self.per_second, 1))
        return [(calls, seconds) for calls, seconds in pairs if calls is not None]


Auth = Literal["tenant", "user", "any", "none"]
Handler = Callable[["World", Request], "Mapping[str, Any] | Reply"]
ErrorView = Callable[[ApiError, str], Reply]


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint: how it is reached, who may call it, how often, and the source of its behaviour."""

    area: str
    method: str
    pattern: str
    handler: Handler
    auth: Auth
    rate: Rate | None
    scopes: tuple[str, ...]
    claim: str
    locked: bool
    limit_status: int
    on_error: ErrorView | None


class Routes:
    """The endpoints of one area. ``on_error`` draws errors for platforms with another envelope (ads, ERP)."""

    def __init__(self, area: str, on_error: ErrorView | None = None) -> None:
        self.area = area
        self.on_error = on_error
        self.items: list[Route] = []

    def add(
        self,
        method: str,
        pattern: str,
        *,
        claim: str,
        rate: Rate | None = None,
        auth: Auth = "tenant",
        scopes: tuple[str, ...] = (),
        locked: bool = True,
        limit_status: int = 429,
    ) -> Callable[[Handler], Handler]:
        """Register the decorated handler.

        Args:
            method: HTTP method.
            pattern: path with ``:name`` for one segment.
            claim: doc page and date the behaviour was taken from.
            rate: limit per app.
            auth: which token is asked for; "none" routes get the default app.
            scopes: any one of them must be granted, else 99991672.
            locked: run under ``world.lock``; False for handlers that wait or call out.
            limit_status: HTTP status of the refusal 99991400; 400 on older APIs.
        """

        def keep(handler: Handler) -> Handler:
            self.items.append(
                Route(
                    self.area,
                    method,
                    pattern,
                    handler,
                    auth,
                    rate,
                    scopes,
                    claim,
                    locked,
                    limit_status,
                    self.on_error,
                )
            )
            return handler

        return keep

    def include(self, other: "Routes") -> None:
        """Take over the endpoints of another file of the same area."""
        self.items.extend(other.items)


def area_modules() -> dict[str, Any]:
    """The area modules, in order. Imported late, because every area imports this file."""
    return {name: importlib.import_module(f"sandbox.{name}") for name in AREAS}


class World:
    """Everything the sandbox knows. Handlers run under ``lock`` and see a consistent world."""

    auth: "AuthState"
    contact: "ContactState"
    im: "ImState"
    callbacks: "CallbacksState"
    bitable: "BitableState"
    drive: "DriveState"
    docx: "DocxState"
    wiki: "WikiState"
    events: "EventsState"
    longconn: "LongconnState"
    oauth: "OauthState"
    approval: "ApprovalState"
    task: "TaskState"
    attendance: "AttendanceState"
    ads: "AdsState"
    shop: "ShopState"
    erp: "ErpState"
    taobao: "TaobaoState"
    jd: "JdState"
    wdt: "WdtState"
    images: "ImagesState"
    simulator: "SimulatorState"
    control: "ControlState"

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.clock = SandboxClock()
        self.ids = Ids()
        self.pulse = Pulse()
        self.apps: dict[str, App] = {}
        self.people: dict[str, Person] = {}
        self.tenant_key = TENANT_KEY
        self.company = "empty"
        self.base_url = ""
        self.limits_on = True
        self.areas: dict[str, Any] = {}
        modules = area_modules()
        self.routes: list[Route] = [route for module in modules.values() for route in module.routes.items]
        for name, module in modules.items():
            state = getattr(module, f"{name.capitalize()}State", None)
            if state is not None:
                self.areas[name] = state(self)
                setattr(self, name, self.areas[name])

    @property
    def default_app(self) -> App:
        """The app that exists without anybody creating it."""
        return self.apps[DEFAULT_APP_ID]

    def reset(self, company: str = "tiny", seed: int = 1) -> None:
        """Empty everything and found ``company`` (demo, tiny or empty) anew; same seed, same ids."""
        with self.lock:
            self.company = company
            self.ids.reseed(seed)
            self.clock.reset()
            self.people.clear()
            self.apps.clear()
            self.apps[DEFAULT_APP_ID] = App(
                app_id=DEFAULT_APP_ID,
                secret="sandbox-secret",  # noqa: S106 - the published secret of a make-believe app
                encrypt_key="sandbox-encrypt-key",
                verification_token="sandbox-verification-token",  # noqa: S106 - published as well
                name="Chorus",
                open_id=self.ids.open_id(),
            )
            self.limits_on = True
            for state in self.areas.values():
                state.reset(self, company, seed)
            importlib.import_module("sandbox.company").fill(self, company, seed)
        for topic in TOPICS:
            self.pulse.touch(topic)

    def close(self) -> None:
        """Stop what areas run in the background."""
        self.pulse.close()
        for state in self.areas.values():
            close = getattr(state, "close", None)
            if close is not None:
                close()

    def find_person(self, value: str, id_type: str = "open_id") -> Person | None:
        """The person with this open_id, union_id, user_id, email or mobile; None when nobody has it."""
        if id_type == "open_id":
            return self.people.get(value)
        return next((p for p in self.people.values() if getattr(p, id_type, None) == value), None)

    def person_ids(self, person: Person) -> dict[str, str]:
        """The three ids of a person as events and callbacks carry them."""
        return {"union_id": person.union_id, "user_id": person.user_id, "open_id": person.open_id}

    def ids_of(self, open_id: str) -> dict[str, str]:
        """The three ids behind an open_id; a bot or a stranger has no others."""
        person = self.people.get(open_id)
        return self.person_ids(person) if person else {"union_id": "", "user_id": "", "open_id": open_id}
