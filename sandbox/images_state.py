"""What the image providers remember: what was painted and billed, and the knobs of the control plane."""

from __future__ import annotations

import hashlib
import io
import time
from collections import OrderedDict
from dataclasses import asdict, dataclass, field
from typing import Any

from PIL import Image

from sandbox.images_paint import paint, watermark
from sandbox.kernel import ApiError, Reply, Request, World

KEY = "sandbox-image-key"
KEPT_FILES = 64
URL_SECONDS = 86_400
FORMATS = {"png": "PNG", "jpeg": "JPEG", "webp": "WEBP"}
BLOCKED = {"血腥": "input", "gore": "input", "走光": "output"}


@dataclass(frozen=True, slots=True)
class Wish:
    """One picture a provider has agreed to paint. ``tint`` is the mean colour of the references."""

    dialect: str
    model: str
    prompt: str
    width: int
    height: int
    seed: int = 0
    quality: str = ""
    format: str = "png"
    watermark: bool = False
    references: int = 0
    tint: tuple[int, int, int] | None = None


@dataclass(frozen=True, slots=True)
class Bill:
    """One picture that is paid for, whether or not its answer reached anybody."""

    n: int
    at: float
    request_id: str
    dialect: str
    model: str
    prompt: str
    prompt_sha256: str
    size: str
    seed: int
    quality: str
    watermark: bool
    references: int


@dataclass(slots=True)
class ImagesState:
    """Bills, knobs and the files behind addresses. Found as ``world.images``.

    ``latency`` is how many seconds an answer takes at least, ``quota`` how many pictures the account may
    still order (None: any), ``per_minute`` how many a minute, ``blocked`` which words are refused at
    ``input`` or at ``output``. ``sketches`` paints each size once and gives it again and again, so that
    what is measured is not the painting.
    """

    world: World
    bills: list[Bill] = field(default_factory=list)
    latency: float = 0.0
    quota: int | None = None
    per_minute: int | None = None
    blocked: dict[str, str] = field(default_factory=lambda: dict(BLOCKED))
    sketches: bool = False
    drawn: dict[tuple[int, int, str], bytes] = field(default_factory=dict)
    files: OrderedDict[str, tuple[float, str, bytes]] = field(default_factory=OrderedDict)

    transient = ("files", "drawn")

    def reset(self, _world: World, _company: str, _seed: int) -> None:
        """Forget all bills and turn the knobs back."""
        self.bills.clear()
        self.files.clear()
        self.drawn.clear()
        self.latency, self.quota, self.per_minute, self.sketches = 0.0, None, None, False
        self.blocked = dict(BLOCKED)

    def admit(self, req: Request, quota_code: str, rate_code: str) -> None:
        """Check the key, the account and the frequency.

        Raises:
            ApiError: 401 without the right key, 429 when the quota is used up or calls come too fast.
        """
        if req.headers.get("authorization", "") != f"Bearer {KEY}":
            raise refusal(401, "invalid_api_key", "Incorrect API key provided.", kind="invalid_request_error")
        with self.world.lock:
            if self.quota is not None and self.quota <= 0:
                raise refusal(429, quota_code, "You exceeded your current quota.", kind="insufficient_quota")
            if self.per_minute is not None:
                over = self.world.control.limiter.take("images", [(self.per_minute, 60)])
                if over is not None:
                    wait = {"Retry-After": str(over[1])}
                    raise refusal(429, rate_code, "Rate limit reached.", kind="requests", headers=wait)

    def judged(self, prompt: str, stage: str) -> str:
        """The first word that is blocked at a stage, or ""."""
        return next((word for word, at in self.blocked.items() if at == stage and word in prompt), "")

    def make(self, wish: Wish, request_id: str) -> bytes:
        """Paint a picture, bill it, and wait until the ordered latency is over; outside the world's lock."""
        started = time.monotonic()
        data = self._sketched(wish, request_id) if self.sketches else _painted(wish)
        with self.world.lock:
            self.bills.append(self._bill(wish, request_id))
            if self.quota is not None:
                self.quota -= 1
        time.sleep(max(0.0, self.latency - (time.monotonic() - started)))
        return data

    def _sketched(self, wish: Wish, request_id: str) -> bytes:
        """A picture painted before at this size; its comment makes it another file."""
        key = (wish.width, wish.height, wish.format)
        with self.world.lock:
            data = self.drawn.get(key)
        if data is None:
            data = _painted(wish)
            with self.world.lock:
                self.drawn[key] = data
        return commented(data, request_id.encode())

    def _bill(self, wish: Wish, request_id: str) -> Bill:
        return Bill(
            n=len(self.bills) + 1,
            at=self.world.clock.time(),
            request_id=request_id,
            dialect=wish.dialect,
            model=wish.model,
            prompt=wish.prompt,
            prompt_sha256=hashlib.sha256(wish.prompt.encode()).hexdigest(),
            size=f"{wish.width}x{wish.height}",
            seed=wish.seed,
            quality=wish.quality,
            watermark=wish.watermark,
            references=wish.references,
        )

    def shelve(self, data: bytes, file_format: str) -> str:
        """Keep a file behind an address for a day; only the newest few are kept. Returns the address."""
        with self.world.lock:
            name = f"{self.world.ids.hex(24)}.{file_format}"
            self.files[name] = (self.world.clock.time() + URL_SECONDS, f"image/{file_format}", data)
            while len(self.files) > KEPT_FILES:
                self.files.popitem(last=False)
        return f"{self.world.base_url}/image-store/{name}"

    def ledger(self) -> dict[str, Any]:
        """Everything billed: how many, how many of each prompt, and each picture."""
        counts: dict[str, int] = {}
        for bill in self.bills:
            counts[bill.prompt_sha256] = counts.get(bill.prompt_sha256, 0) + 1
        return {
            "images": len(self.bills),
            "by_prompt": counts,
            "bills": [asdict(bill) for bill in self.bills],
        }


def _painted(wish: Wish) -> bytes:
    picture = paint(wish.prompt, wish.seed, wish.width, wish.height, wish.tint)
    if wish.watermark:
        picture = watermark(picture)
    return encoded(picture, wish.format)


def commented(data: bytes, text: bytes) -> bytes:
    """The file with a comment in it, where its kind has a simple place for one: JPEG after its first mark."""
    if not data.startswith(b"\xff\xd8"):
        return data
    return data[:2] + b"\xff\xfe" + (len(text) + 2).to_bytes(2, "big") + text + data[2:]


def encoded(picture: Image.Image, file_format: str) -> bytes:
    """The file of a picture; PNG packed fast, because a provider's time is not what is tested."""
    out = io.BytesIO()
    options = {"png": {"compress_level": 1}, "jpeg": {"quality": 92}, "webp": {"quality": 90, "method": 2}}
    picture.save(out, FORMATS[file_format], **options[file_format])
    return out.getvalue()


def reference_colour(pictures: list[bytes]) -> tuple[int, int, int] | None:
    """The mean colour of reference pictures; None without any.

    Raises:
        ValueError: one of them is no picture.
    """
    means = []
    for data in pictures:
        try:
            with Image.open(io.BytesIO(data)) as picture:
                means.append(picture.convert("RGB").resize((1, 1), Image.Resampling.BOX).getpixel((0, 0)))
        except (OSError, SyntaxError) as broken:
            raise ValueError("not an image") from broken
    if not means:
        return None
    red, green, blue = (sum(column) // len(means) for column in zip(*means, strict=True))
    return red, green, blue


def refusal(
    status: int, code: str, message: str, *, kind: str, param: str | None = None, headers: Any = None
) -> ApiError:
    """An error in the envelope all three dialects share, drawn by ``error_view``."""
    return ApiError(status, message, status, headers, {"code": code, "type": kind, "param": param})


def error_view(error: ApiError, log_id: str) -> Reply:
    """``{error: {message, type, param, code}}`` with the request id in a header."""
    body = {
        "error": {"message": error.msg, "type": "server_error", "param": None, "code": None, **error.error}
    }
    return Reply(body, error.status, {"X-Request-Id": f"req_{log_id}", **error.headers})
