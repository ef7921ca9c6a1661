"""Image models over the real SDK and real HTTP: what comes back, what it costs, and what each fault means."""

import hashlib
import io
import pickle
import socket
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from creative.providers import open_model
from creative.providers.call import retry_after
from creative.providers.files import Unusable, check_address, examine
from creative.providers.model import (
    Kind,
    Lost,
    Orientation,
    Picture,
    Profile,
    Refused,
    Unavailable,
)
from creative.providers.prices import cost
from creative.providers.profiles import ARK, OPENAI, PROFILES, QWEN
from creative.providers.sizes import legal_size, size_limits
from runtime.errors import ConfigError
from sandbox.images_state import KEY
from sandbox.server import SandboxServer
from tests.contract.kit import calls, control
from tests.creative.models_kit import (
    GENERATIONS,
    ORDER,
    QUICK,
    WHOLE,
    Open,
    answer,
    b64,
    bills,
    opened_on,
    png,
)


@pytest.fixture(scope="module")
def open_on(sandbox_server: SandboxServer) -> Iterator[Open]:
    """Opens a profile on the sandbox."""
    yield from opened_on(sandbox_server)


def mean(picture: Picture) -> tuple[int, ...]:
    """The mean colour of a picture."""
    with Image.open(io.BytesIO(picture.bytes)) as image:
        return tuple(image.convert("RGB").resize((1, 1), Image.Resampling.BOX).getpixel((0, 0)))


@pytest.mark.parametrize("profile", PROFILES.values(), ids=list(PROFILES))
def test_each_model_paints_what_was_ordered(sandbox: SandboxServer, open_on: Open, profile: Profile) -> None:
    """One request, one bill for exactly this prompt, without a watermark, in the size that was asked for."""
    picture = open_on(profile).paint(replace(ORDER, orientation=Orientation.PORTRAIT, seed=77))
    size = legal_size(profile.kind, profile.model, Orientation.PORTRAIT)
    assert (picture.width, picture.height, picture.mime) == (*size, "image/png")
    assert Image.open(io.BytesIO(picture.bytes)).size == size
    (bill,) = bills(sandbox)
    assert bill["prompt_sha256"] == hashlib.sha256(ORDER.prompt.encode()).hexdigest()
    assert (bill["watermark"], bill["request_id"]) == (False, picture.request_id)
    assert picture.seed == (77 if profile.seeds else None)
    assert bill["seed"] == (77 if profile.seeds else 0)
    assert (picture.provider, picture.model) == (profile.name, bill["model"])
    assert picture.cost > 0
    assert picture.seconds > 0


@pytest.mark.parametrize("profile", PROFILES.values(), ids=list(PROFILES))
def test_references_reach_the_model(sandbox: SandboxServer, open_on: Open, profile: Profile) -> None:
    """Two references arrive as two, and colour the picture."""
    model = open_on(profile, **QUICK[profile.kind])
    blue = ((png((10, 10, 230)), "image/png"), (png((10, 20, 210)), "image/png"))
    plain, tinted = model.paint(ORDER), model.paint(replace(ORDER, references=blue))
    assert [bill["references"] for bill in bills(sandbox)] == [0, 2]
    assert mean(tinted)[2] > mean(plain)[2] + 20


def test_what_is_not_wanted_is_said_in_each_dialect(sandbox: SandboxServer, open_on: Open) -> None:
    """Qwen has a field for it; the others get a last sentence."""
    for profile in PROFILES.values():
        open_on(profile, **QUICK[profile.kind]).paint(replace(ORDER, negative="霓虹"))
    ark, qwen, openai = (bill["prompt"] for bill in bills(sandbox))
    assert (ark, openai) == (f"{ORDER.prompt}\n不要出现：霓虹", f"{ORDER.prompt}\nAvoid: 霓虹")
    assert qwen == ORDER.prompt
    sent = calls(sandbox, "/compatible-mode/")[0]["body"]
    assert (sent["negative_prompt"], sent["prompt_extend"]) == ("霓虹", False)


def test_the_provider_is_told_apart_who_asked(sandbox: SandboxServer, open_on: Open) -> None:
    """OpenAI gets the digest that the order carries, and no field of it when there is none."""
    for order in (ORDER, replace(ORDER, requester="")):
        open_on(OPENAI, **QUICK[Kind.OPENAI]).paint(order)
    sent = [call["body"].get("safety_identifier") for call in calls(sandbox, "/v1/images")]
    assert sent == [ORDER.requester, None]


def test_a_paid_picture_is_not_thrown_away_for_what_stands_beside_it(
    sandbox: SandboxServer, open_on: Open
) -> None:
    """Odd usage, codes and texts of a gateway do not matter as long as the picture is there."""
    beside = {"usage": ["?"], "code": 0, "message": "success", "error": None, "request_id": 7}
    body = {"data": [{"b64_json": "data:image/png;base64," + b64(WHOLE), "revised_prompt": {}}], **beside}
    control(sandbox, "POST", "faults", match={"path": GENERATIONS}, **answer(200, body))
    picture = open_on(QWEN, **QUICK[Kind.QWEN]).paint(ORDER)
    assert (picture.width, picture.request_id, picture.usage, picture.cost) == (900, "7", {}, QWEN.price)


def test_a_refused_connection_costs_nothing(open_on: Open) -> None:
    """Nobody listens: the request never left."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(Unavailable) as caught:
            open_on(OPENAI, base_url=f"http://127.0.0.1:{port}/v1").paint(ORDER)
    assert caught.value.reason == "down"


@pytest.mark.parametrize("profile", PROFILES.values(), ids=list(PROFILES))
def test_moderation_and_quota_of_each_dialect(
    sandbox: SandboxServer, open_on: Open, profile: Profile
) -> None:
    """Each provider words it differently; the reasons are the same."""
    model = open_on(profile)
    for prompt, reason in (("血腥 场面", "moderation_input"), ("走光", "moderation_output")):
        with pytest.raises(Refused) as refused:
            model.paint(replace(ORDER, prompt=prompt))
        assert refused.value.reason == reason
    control(sandbox, "POST", "world/images", quota=0)
    with pytest.raises(Unavailable) as quota:
        model.paint(ORDER)
    control(sandbox, "POST", "world/images", quota=None, per_minute=1)
    with pytest.raises(Refused):
        model.paint(replace(ORDER, prompt="血腥 场面"))
    with pytest.raises(Unavailable) as rate:
        model.paint(ORDER)
    assert (quota.value.reason, rate.value.reason) == ("quota", "rate")
    assert 0 < rate.value.wait <= 60
    assert bills(sandbox) == []


def test_a_wrong_key_is_said_without_showing_it(sandbox: SandboxServer) -> None:
    """auth; and no error, message or representation holds the key."""
    model = open_model(replace(ARK, base_url=sandbox.url + "/api/v3"), "secret-of-mine")
    with pytest.raises(Unavailable) as caught:
        model.paint(ORDER)
    model.close()
    assert caught.value.reason == "auth"
    told = f"{caught.value!r} {caught.value.detail} {model!r} {model.profile!r}"
    assert "secret-of-mine" not in told


def test_a_picture_behind_an_address_is_fetched_without_the_key(
    sandbox: SandboxServer, open_on: Open
) -> None:
    """The store sees neither key nor retry; a failed fetch is tried once more; a second failure is a loss."""
    model = open_on(QWEN, **QUICK[Kind.QWEN])
    store = {"path": "/image-store/*"}
    control(sandbox, "POST", "faults", match=store, kind="status", status=500)
    assert model.paint(ORDER).mime == "image/png"
    fetched = [call for call in sandbox.world.control.recorder._calls if "image-store" in call.path]
    assert len(fetched) == 2
    assert all("authorization" not in call.headers for call in fetched)
    control(sandbox, "POST", "faults", match=store, kind="drop_before", times=2)
    with pytest.raises(Lost, match="重发"):
        model.paint(ORDER)
    assert len(bills(sandbox)) == 2


@pytest.mark.parametrize(
    ("url", "base", "fine"),
    [
        ("https://cdn.example/a.png", "https://api.example/v1", True),
        ("https://1.1.1.1/a.png", "https://api.example/v1", True),
        ("http://127.0.0.1:1/a.png", "http://localhost:2/v1", True),
        ("http://127.0.0.1:1/a.png", "https://api.example/v1", False),
        ("https://localhost/a.png", "https://api.example/v1", False),
        ("https://169.254.169.254/latest", "https://api.example/v1", False),
        ("https://[fd00::1]/a", "https://api.example/v1", False),
        ("https://192.168.1.1/a", "http://127.0.0.1:1/v1", False),
        ("ftp://cdn.example/a", "http://127.0.0.1:1/v1", False),
        ("https://[broken/a", "https://api.example/v1", False),
    ],
)
def test_no_answer_leads_into_our_network(url: str, base: str, fine: bool) -> None:
    """Https to a name or a public address; loopback only for a provider on loopback."""
    if fine:
        check_address(url, base)
    else:
        with pytest.raises(Unusable):
            check_address(url, base)


def test_an_order_the_model_cannot_take_is_refused_before_it_is_sent(
    sandbox: SandboxServer, open_on: Open
) -> None:
    """Too many references, a GIF, no words: no request, a sentence."""
    model = open_on(QWEN)
    good = (png((1, 1, 1)), "image/png")
    for order in (
        replace(ORDER, references=(good,) * 4),
        replace(ORDER, references=((b"GIF89a", "image/gif"),)),
        replace(ORDER, prompt=" \n"),
    ):
        with pytest.raises(Refused) as caught:
            model.paint(order)
        assert caught.value.reason == "invalid"
    assert calls(sandbox, "/images/") == []


def test_a_model_without_a_key_or_with_an_illegal_size_does_not_open() -> None:
    """A sentence for the administrator, naming the variable or the size."""
    with pytest.raises(ConfigError, match="CHORUS_IMAGE_KEY_ARK_2"):
        open_model(replace(ARK, name="ark-2"), " ")
    for profile, size in ((OPENAI, (1080, 1920)), (OPENAI, (800, 800)), (ARK, (1024, 1024))):
        with pytest.raises(ConfigError, match=f"{size[0]}x{size[1]}"):
            open_model(replace(profile, sizes={Orientation.SQUARE: size}), KEY)


@pytest.mark.parametrize(
    ("changes", "key", "words"),
    [
        ({"base_url": "http://gateway.example/v1"}, KEY, "https"),
        ({"base_url": "ark.cn-beijing.volces.com"}, KEY, "https"),
        ({}, "密钥", "copy the key again"),
        ({}, "two\nlines", "copy the key again"),
    ],
)
def test_a_key_goes_nowhere_in_the_clear(changes: dict[str, Any], key: str, words: str) -> None:
    """Plain http only on this machine; a key that cannot be a header is found at the start."""
    with pytest.raises(ConfigError, match=words):
        open_model(replace(ARK, **changes), key)


@pytest.mark.parametrize(
    "error",
    [
        Refused("invalid", "不行。", detail="d", request_id="r"),
        Unavailable("rate", "稍后。", wait=7.0, detail="d", request_id="r"),
        Lost("没有收到。", detail="d", request_id="r"),
    ],
)
def test_errors_survive_being_kept(error: Exception) -> None:
    """Durable work pickles what a step raised; nothing of it may be lost."""
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))


MODELS = [
    (Kind.OPENAI, "gpt-image-2"),
    (Kind.OPENAI, "gpt-image-2.6-flare"),
    (Kind.ARK, "doubao-seedream-5-0-260128"),
    (Kind.ARK, "doubao-seedream-5-0-pro-260628"),
    (Kind.ARK, "doubao-seedream-4-5-251128"),
    (Kind.ARK, "doubao-seedream-4-0-250828"),
    (Kind.ARK, "doubao-seedream-3-0-t2i-250415"),
    (Kind.ARK, "ep-20260125201054-abcde"),
    (Kind.QWEN, "qwen-image-3.0"),
]


@pytest.mark.parametrize(("kind", "model"), MODELS)
@pytest.mark.parametrize("orientation", Orientation)
def test_every_size_asked_for_is_legal(kind: Kind, model: str, orientation: Orientation) -> None:
    """Within the model's limits and of the right proportions."""
    width, height = legal_size(kind, model, orientation)
    assert size_limits(kind, model).complaint((width, height)) == ""
    assert {"portrait": width < height, "square": width == height, "landscape": width > height}[orientation]


def test_the_cost_of_tokens_and_of_pieces() -> None:
    """US$0.053 for a medium square; a piece is a piece; references where they are charged."""
    usage = {
        "input_tokens": 1060,
        "input_tokens_details": {"text_tokens": 60, "image_tokens": 1000},
        "output_tokens": 1767,
    }
    dollars = (60 * Decimal(5) + 1000 * Decimal(8) + 1767 * Decimal(30)) / 1_000_000
    assert cost(OPENAI, usage, (1024, 1024)) == (dollars * Decimal("7.2")).quantize(Decimal("0.0001"))
    assert cost(OPENAI, {}, (1024, 1536)) == OPENAI.price
    assert cost(OPENAI, {}, (2048, 3072)) == OPENAI.price * 4
    assert cost(ARK, {"generated_images": 1, "output_tokens": 16384}, (2048, 2048)) == ARK.price
    dear = replace(ARK, reference_price=Decimal("0.06"))
    assert cost(dear, {"generated_images": 1, "input_images": 2}, (2048, 2048)) == ARK.price + Decimal("0.12")


NAMES = st.sampled_from(["input_tokens", "input_tokens_details", "output_tokens", "generated_images"])
VALUES = st.none() | st.text() | st.integers() | st.just(10**40) | st.floats()


@settings(max_examples=60)
@given(st.dictionaries(NAMES, VALUES))
def test_no_usage_makes_a_picture_free(usage: dict[str, Any]) -> None:
    """Whatever a gateway writes there, a picture costs something."""
    assert cost(OPENAI, usage, (1024, 1024)) > 0
    assert cost(ARK, usage, (2048, 2048)) >= ARK.price


@settings(max_examples=60)
@given(st.binary(max_size=400))
def test_bytes_that_are_no_picture_are_unusable(data: bytes) -> None:
    """Nothing but Unusable comes of arbitrary bytes."""
    for head in (b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"RIFF\x00\x00\x00\x00WEBP"):
        with pytest.raises(Unusable):
            examine(head + data)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("7", 7.0), ("0.5", 0.5), ("-3", 0.0), ("1e9", 86_400.0), ("nan", None), ("", None), ("soon", None),
     ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0), ("Wed, 21 Oct 2099 07:28:00 GMT", 86_400.0)],
)  # fmt: skip
def test_retry_after(text: str, seconds: float | None) -> None:
    """Numbers, dates, and nonsense."""
    assert retry_after({"retry-after": text} if text else {}) == seconds
