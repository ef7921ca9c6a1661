"""Drive through the SDK: subscriptions, uploads whole and in parts, downloads, attachments."""

import io
import zlib
from typing import Any

import pytest
import requests
from lark_oapi.api.drive.v1 import (
    BatchGetTmpDownloadUrlMediaRequest,
    DeleteSubscribeFileRequest,
    DownloadMediaRequest,
    GetSubscribeFileRequest,
    MediaUploadInfo,
    SubscribeFileRequest,
    UploadAllMediaRequest,
    UploadAllMediaRequestBody,
    UploadFinishMediaRequest,
    UploadFinishMediaRequestBody,
    UploadPartMediaRequest,
    UploadPartMediaRequestBody,
    UploadPrepareMediaRequest,
)

from sandbox.server import SandboxServer
from tests.contract.bitable_kit import Bench, lost
from tests.contract.kit import fresh_client

FIELDS = [{"field_name": "名称", "type": 1}, {"field_name": "附件", "type": 17}]
MIB = 1024 * 1024


@pytest.fixture
def bench(sandbox: SandboxServer) -> Bench:
    """A base with an attachment column."""
    return Bench(sandbox, FIELDS)


def upload(bench: Bench, data: bytes, **change: Any) -> Any:
    """The answer of upload_all; ``change`` overrides what is announced."""
    told = {
        "file_name": "图.png",
        "parent_type": "bitable_image",
        "parent_node": bench.app,
        "size": len(data),
    }
    body = UploadAllMediaRequestBody.builder().file(io.BytesIO(data))
    for key, value in {**told, **change}.items():
        getattr(body, key)(value)
    return bench.client.drive.v1.media.upload_all(
        UploadAllMediaRequest.builder().request_body(body.build()).build()
    )


def subscription(bench: Bench, builder: Any, token: str = "") -> Any:
    """A request about the base's subscription."""
    return builder.file_token(token or bench.app).file_type("bitable").build()


def test_subscribing_and_ending_it(bench: Bench) -> None:
    """Subscribe twice is fine, get tells the truth, ending it twice is 1069605."""
    api = bench.client.drive.v1.file
    state = subscription(bench, GetSubscribeFileRequest.builder())
    assert api.get_subscribe(state).data.is_subscribe is False
    for _ in range(2):
        assert api.subscribe(subscription(bench, SubscribeFileRequest.builder())).success()
    assert api.get_subscribe(state).data.is_subscribe is True
    end = subscription(bench, DeleteSubscribeFileRequest.builder())
    assert api.delete_subscribe(end).success()
    assert api.delete_subscribe(end).code == 1069605
    assert api.get_subscribe(state).data.is_subscribe is False


def test_subscriptions_that_are_refused(bench: Bench) -> None:
    """An unknown document is 1069604, one the app does not manage 1069603."""
    api = bench.client.drive.v1.file
    unknown = api.subscribe(subscription(bench, SubscribeFileRequest.builder(), "bascnnosuch"))
    assert (unknown.code, unknown.raw.status_code) == (1069604, 400)
    base = bench.world.bitable.bases[bench.app]
    base.managers.clear()
    base.owner = "ou_other"
    mine = api.subscribe(subscription(bench, SubscribeFileRequest.builder()))
    assert (mine.code, mine.raw.status_code) == (1069603, 403)


def test_an_upload_becomes_an_attachment_and_comes_back(bench: Bench) -> None:
    """Upload with checksum, write the cell, read its members, download whole and in part."""
    data = bytes(range(256)) * 40
    done = upload(bench, data, checksum=str(zlib.adler32(data)))
    assert done.success(), done.msg
    token = done.data.file_token
    [record] = bench.add({"附件": [{"file_token": token}]})
    [cell] = bench.read(record)["附件"]
    assert (cell["name"], cell["type"], cell["size"]) == ("图.png", "image/png", len(data))
    got = bench.client.drive.v1.media.download(DownloadMediaRequest.builder().file_token(token).build())
    assert (got.file.read(), got.file_name) == (data, "图.png")
    headers = {"Authorization": f"Bearer {tenant_token(bench)}", "Range": "bytes=2-5"}
    partly = requests.get(cell["url"], headers=headers, timeout=5)
    assert (partly.status_code, partly.content) == (206, data[2:6])


def tenant_token(bench: Bench) -> str:
    """A tenant token, as any client gets it."""
    keys = {"app_id": "cli_sandbox0000001", "app_secret": "sandbox-secret"}
    url = f"{bench.sandbox.url}/open-apis/auth/v3/tenant_access_token/internal"
    return str(requests.post(url, json=keys, timeout=5).json()["tenant_access_token"])


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"checksum": "1"}, 1062008),
        ({"size": 5}, 1062009),
        ({"size": 20 * MIB + 1}, 1061043),
        ({"parent_node": "bascnnosuch"}, 1061044),
        ({"parent_type": "explorer"}, 1061002),
        ({"file_name": "x" * 251}, 1061008),
    ],
)
def test_uploads_that_are_refused(bench: Bench, change: dict[str, Any], code: int) -> None:
    """Wrong checksum, size, parent, kind or name each have their code, and nothing is kept."""
    assert upload(bench, b"0123456789", **change).code == code
    assert bench.world.drive.media == {}


def test_an_attachment_belongs_to_one_base(bench: Bench) -> None:
    """A token uploaded into one base is refused in another with 1254303."""
    token = upload(bench, b"x").data.file_token
    other = Bench(bench.sandbox, FIELDS)
    assert other.code("POST", "records", {"fields": {"附件": [{"file_token": token}]}}) == (1254303, 200)


def test_a_large_file_goes_up_in_parts(bench: Bench) -> None:
    """4 MiB blocks, each checked; finishing needs all of them; the upload ends with it."""
    data = bytes(9 * MIB)
    api = bench.client.drive.v1.media
    info = MediaUploadInfo.builder().file_name("大.psd").parent_type("bitable_file")
    info = info.parent_node(bench.app).size(len(data)).build()
    ready = api.upload_prepare(UploadPrepareMediaRequest.builder().request_body(info).build())
    assert (ready.data.block_size, ready.data.block_num, lost(ready)) == (4 * MIB, 3, [])

    def part(seq: int, piece: bytes, size: int) -> int:
        body = UploadPartMediaRequestBody.builder().upload_id(ready.data.upload_id).seq(seq).size(size)
        body = body.checksum(str(zlib.adler32(piece))).file(io.BytesIO(piece)).build()
        return int(api.upload_part(UploadPartMediaRequest.builder().request_body(body).build()).code)

    def finish() -> Any:
        body = UploadFinishMediaRequestBody.builder().upload_id(ready.data.upload_id).block_num(3).build()
        return api.upload_finish(UploadFinishMediaRequest.builder().request_body(body).build())

    assert part(0, data[: 4 * MIB], 4 * MIB) == 0
    assert part(3, data[:MIB], MIB) == 1062011
    assert part(1, data[:MIB], MIB) == 1062009
    assert finish().code == 1062010
    assert part(1, data[: 4 * MIB], 4 * MIB) == 0
    assert part(2, data[:MIB], MIB) == 0
    done = finish()
    assert bench.world.drive.media[done.data.file_token].data == data
    assert finish().code == 1061021


def test_an_upload_in_parts_expires_after_a_day(bench: Bench) -> None:
    """An upload id lives 24 hours."""
    info = MediaUploadInfo.builder().file_name("a").parent_type("bitable_file").parent_node(bench.app).size(3)
    api = bench.client.drive.v1.media
    ready = api.upload_prepare(UploadPrepareMediaRequest.builder().request_body(info.build()).build())
    bench.world.clock.advance(86_401)
    api = fresh_client(bench.sandbox).drive.v1.media
    body = UploadFinishMediaRequestBody.builder().upload_id(ready.data.upload_id).block_num(1).build()
    assert api.upload_finish(UploadFinishMediaRequest.builder().request_body(body).build()).code == 1061021


def test_temporary_links(bench: Bench) -> None:
    """Up to five files get a link that needs no token and dies after a day."""
    tokens = [upload(bench, bytes([n])).data.file_token for n in range(2)]
    api = bench.client.drive.v1.media
    request = BatchGetTmpDownloadUrlMediaRequest.builder().file_tokens(tokens).build()
    got = api.batch_get_tmp_download_url(request)
    assert lost(got) == []
    urls = [entry.tmp_download_url for entry in got.data.tmp_download_urls]
    assert [requests.get(url, timeout=5).content for url in urls] == [b"\x00", b"\x01"]
    bench.world.clock.advance(86_401)
    assert requests.get(urls[0], timeout=5).status_code == 404
    api = fresh_client(bench.sandbox).drive.v1.media
    many = BatchGetTmpDownloadUrlMediaRequest.builder().file_tokens(tokens * 3).build()
    assert api.batch_get_tmp_download_url(many).code == 1061002


def test_advanced_permissions_ask_where_a_file_is_attached(bench: Bench) -> None:
    """With advanced permissions on a download needs ``extra``; without it 403."""
    token = upload(bench, b"x").data.file_token
    bench.call("PUT", "", {"is_advanced": True})
    api = bench.client.drive.v1.media
    refused = api.download(DownloadMediaRequest.builder().file_token(token).build())
    assert (refused.code, refused.raw.status_code) == (1061004, 403)
    extra = f'{{"bitablePerm":{{"tableId":"{bench.table}"}}}}'
    place = DownloadMediaRequest.builder().file_token(token).extra(extra)  # noqa: S610 - not Django
    got = api.download(place.build())
    assert got.file.read() == b"x"
