"""The image providers answer, refuse, bill and break like OpenAI, Ark and Qwen; asked by the official SDK."""

import base64
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import openai
import pytest
import requests
from PIL import Image

from sandbox.images_state import KEY
from sandbox.server import SandboxServer
from tests.contract.kit import calls, control

ARK_5 = "doubao-seedream-5-0-260128"
ARK_4 = "doubao-seedream-4-0-250828"
SIDE = "816x816"


@pytest.fixture(scope="module")
def client(sandbox_server: SandboxServer) -> Iterator[openai.OpenAI]:
    """The SDK without retries; its address is changed per dialect."""
    with openai.OpenAI(api_key=KEY, base_url=f"{sandbox_server.url}/v1", max_retries=0) as made:
        yield made


def dialect(client: openai.OpenAI, sandbox: SandboxServer, path: str) -> openai.OpenAI:
    """The same client on another address."""
    return client.copy(base_url=sandbox.url + path)


def decoded(b64: str | None) -> Image.Image:
    """A picture in base64."""
    return Image.open(io.BytesIO(base64.b64decode(b64 or "")))


def png(side: int = 20) -> bytes:
    """A small picture."""
    out = io.BytesIO()
    Image.new("RGB", (side, side), (40, 120, 200)).save(out, "PNG")
    return out.getvalue()


def test_openai_answers_with_everything_its_types_name(sandbox: SandboxServer, client: openai.OpenAI) -> None:
    """Base64 in the asked size and format, usage that adds up, the request id."""
    answer = client.images.generate(
        model="gpt-image-2", prompt="春节", size=SIDE, quality="low", output_format="webp", n=2
    )
    assert [decoded(item.b64_json).size for item in answer.data or []] == [(816, 816)] * 2
    assert decoded((answer.data or [])[0].b64_json).format == "WEBP"
    assert (answer.output_format, answer.quality, answer.size) == ("webp", "low", SIDE)
    usage = answer.usage
    assert usage is not None
    assert usage.input_tokens + usage.output_tokens == usage.total_tokens
    assert (
        usage.input_tokens == usage.input_tokens_details.text_tokens + usage.input_tokens_details.image_tokens
    )
    assert answer._request_id
    assert answer._request_id.startswith("req_")
    ledger = control(sandbox, "GET", "world/images")["data"]
    assert (ledger["images"], list(ledger["by_prompt"].values())) == (2, [2])


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("size", "1080x1920", "invalid_value"),
        ("size", "800x800", "invalid_value"),
        ("size", "3200x800", "invalid_value"),
        ("size", "large", "invalid_value"),
        ("quality", "hd", "invalid_value"),
        ("n", 11, "invalid_value"),
        ("prompt", "", "invalid_prompt"),
        ("response_format", "url", "unknown_parameter"),
        ("output_format", "bmp", "invalid_value"),
        ("safety_identifier", "x" * 65, "string_above_max_length"),
    ],
)
def test_openai_refuses_a_wrong_parameter(
    sandbox: SandboxServer, client: openai.OpenAI, field: str, value: Any, code: str
) -> None:
    """400 naming the parameter, nothing billed."""
    fields: dict[str, Any] = {"model": "gpt-image-2", "prompt": "春节", "size": SIDE, field: value}
    with pytest.raises(openai.BadRequestError) as caught:
        client.images.generate(**fields)
    assert (caught.value.code, caught.value.param) == (code, field)
    assert caught.value.request_id
    assert control(sandbox, "GET", "world/images")["data"]["images"] == 0


def test_openai_knows_no_foreign_fields_and_no_retired_models(
    sandbox: SandboxServer, client: openai.OpenAI
) -> None:
    """`watermark` and `seed` are unknown, gpt-image-1 is gone, a wrong key is 401."""
    for extra in ({"watermark": False}, {"seed": 1}):
        with pytest.raises(openai.BadRequestError, match="Unknown parameter"):
            client.images.generate(model="gpt-image-2", prompt="x", size=SIDE, extra_body=extra)
    with pytest.raises(openai.NotFoundError):
        client.images.generate(model="gpt-image-1", prompt="x")
    with pytest.raises(openai.AuthenticationError):
        client.copy(api_key="wrong").images.generate(model="gpt-image-2", prompt="x")


def test_openai_edits_take_one_or_many_references(sandbox: SandboxServer, client: openai.OpenAI) -> None:
    """One goes out as `image`, several as `image[]`; what is no picture, or has no mime, is refused."""
    one = ("a.png", png(), "image/png")
    fields: dict[str, Any] = {"model": "gpt-image-2", "prompt": "春节", "size": SIDE}
    client.images.edit(image=one, **fields)
    client.images.edit(image=[one] * 3, **fields)
    bills = control(sandbox, "GET", "world/images")["data"]["bills"]
    assert [bill["references"] for bill in bills] == [1, 3]
    for bad in (("a.png", b"GIF", "image/png"), ("a.gif", png(), "image/gif"), [one] * 17):
        with pytest.raises(openai.BadRequestError):
            client.images.edit(image=bad, **fields)
    with pytest.raises(openai.BadRequestError, match="moderation"):
        client.images.edit(image=one, extra_body={"moderation": "low"}, **fields)


def corner(picture: Image.Image) -> np.ndarray:
    """Where a provider puts its mark."""
    wide, high = picture.size
    return np.asarray(picture.convert("L").crop((wide * 6 // 10, high * 92 // 100, wide, high)), np.int16)


def test_ark_paints_its_mark_unless_told_not_to(sandbox: SandboxServer, client: openai.OpenAI) -> None:
    """The default is a mark in the corner; `watermark: false` leaves it away; the rest is the same."""
    ark = dialect(client, sandbox, "/api/v3")
    fields: dict[str, Any] = {
        "model": ARK_4, "prompt": "春节", "size": "960x960", "response_format": "b64_json",
    }  # fmt: skip
    marked, clean = (
        decoded((ark.images.generate(**fields, extra_body=extra).data or [])[0].b64_json)
        for extra in ({}, {"watermark": False})
    )
    assert np.abs(corner(marked) - corner(clean)).max() > 60
    upper = (0, 0, 960, 700)
    same = np.asarray(marked.crop(upper), np.int16) - np.asarray(clean.crop(upper), np.int16)
    assert np.abs(same).max() <= 3  # JPEG
    assert [bill["watermark"] for bill in control(sandbox, "GET", "world/images")["data"]["bills"]] == [
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("model", "size", "extra", "words"),
    [
        (ARK_5, "1024x1024", {}, "3686400"),
        (ARK_5, "2K", {"n": 1}, "`n`"),
        ("doubao-seedream-5-0-pro-260628", "2K", {"sequential_image_generation": "disabled"}, "sequential"),
        (ARK_4, "2K", {"output_format": "png"}, "output_format"),
        (ARK_5, "2K", {"image": base64.b64encode(png()).decode()}, "data:image"),
        (ARK_5, "2K", {"image": ["data:image/PNG;base64,AAAA"]}, "lower case"),
        (ARK_5, "2K", {"image": ["data:image/png;base64,%%"]}, "base64"),
        (ARK_5, "2K", {"image": ["data:image/png;base64,AAAA"]}, "decoded"),
        (ARK_5, "2K", {"image": ["data:image/png;base64,AAAA"] * 15}, "at most 14"),
        (ARK_5, "2K", {"seed": 2**31}, "seed"),
        (ARK_5, "2K", {"prompt": " "}, "prompt"),
    ],
)  # fmt: skip
def test_ark_refuses_a_wrong_parameter(
    sandbox: SandboxServer, client: openai.OpenAI, model: str, size: str, extra: dict[str, Any], words: str
) -> None:
    """InvalidParameter, nothing billed."""
    ark = dialect(client, sandbox, "/api/v3")
    with pytest.raises(openai.BadRequestError, match=words) as caught:
        ark.images.generate(model=model, prompt="春节", size=size, extra_body=extra)
    assert caught.value.code == "InvalidParameter"
    assert control(sandbox, "GET", "world/images")["data"]["images"] == 0


def test_addresses_live_for_a_day(sandbox: SandboxServer, client: openai.OpenAI) -> None:
    """Ark gives an address by default, Qwen always; a day later it is gone. Vendor fields survive the SDK."""
    ark, qwen = dialect(client, sandbox, "/api/v3"), dialect(client, sandbox, "/compatible-mode/v1")
    first = ark.images.generate(model=ARK_4, prompt="春节", size="960x960")
    second = qwen.images.generate(
        model="qwen-image-3.0", prompt="春节", size="512x512", n=2, extra_body={"negative_prompt": "字"}
    )
    item = (first.data or [])[0]
    assert (item.model_extra or {})["size"] == "960x960"
    assert first.usage is not None
    assert (first.usage.model_extra or {})["generated_images"] == 1
    urls = [str(item.url), *(str(item.url) for item in second.data or [])]
    answers = [requests.get(url, timeout=5) for url in urls]
    assert [a.headers["Content-Type"] for a in answers] == ["image/jpeg", "image/png", "image/png"]
    assert [Image.open(io.BytesIO(a.content)).size for a in answers] == [(960, 960), (512, 512), (512, 512)]
    sandbox.world.clock.advance(86_401)
    assert requests.get(urls[0], timeout=5).status_code == 403


def test_qwen_refuses_its_own_way(sandbox: SandboxServer, client: openai.OpenAI) -> None:
    """More than three references, more than six pictures, too many pixels."""
    qwen = dialect(client, sandbox, "/compatible-mode/v1")
    uri = f"data:image/png;base64,{base64.b64encode(png()).decode()}"
    wrong: list[dict[str, Any]] = [
        {"extra_body": {"image": [uri] * 4}}, {"n": 7}, {"size": "2048x2064"}, {"size": "1024*1024"},
    ]  # fmt: skip
    for fields in wrong:
        with pytest.raises(openai.BadRequestError) as caught:
            qwen.images.generate(model="qwen-image-3.0", prompt="春节", **fields)
        assert caught.value.code == "InvalidParameter"
    with pytest.raises(openai.NotFoundError):
        qwen.images.generate(model="wan2.6-t2i", prompt="春节")


def test_knobs_quota_rate_words_and_latency(sandbox: SandboxServer, client: openai.OpenAI) -> None:
    """One picture left is one picture; a word blocks; a nonsense knob is refused; latency is waited for."""
    fields: dict[str, Any] = {"model": "gpt-image-2", "prompt": "春节", "size": SIDE}
    control(sandbox, "POST", "world/images", quota=1, latency=1.0)
    done = client.images.with_raw_response.generate(**fields)
    assert done.elapsed.total_seconds() >= 1.0
    with pytest.raises(openai.RateLimitError) as quota:
        client.images.generate(**fields)
    assert quota.value.code == "insufficient_quota"
    control(sandbox, "POST", "world/images", quota=None, latency=0, per_minute=1, blocked={"春": "input"})
    with pytest.raises(openai.BadRequestError, match="safety_violations") as word:
        client.images.generate(**fields)
    assert word.value.code == "moderation_blocked"
    with pytest.raises(openai.RateLimitError) as rate:
        client.images.generate(**fields)
    assert 1 <= int(rate.value.response.headers["retry-after"]) <= 60
    assert "latency" in control(sandbox, "POST", "world/images", speed=1)["error"]["message"]


def test_the_recorder_keeps_requests_and_leaves_pictures_out(
    sandbox: SandboxServer, client: openai.OpenAI
) -> None:
    """A thousand pictures must not fill the memory; what was asked stays readable."""
    client.images.generate(model="gpt-image-2", prompt="春节", size=SIDE)
    (call,) = calls(sandbox, "/v1/images/generations")
    assert (call["body"]["prompt"], call["status"], call["response"]) == ("春节", 200, None)
