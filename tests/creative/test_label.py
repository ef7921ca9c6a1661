"""The implicit label: what is written is read again, through other libraries, and no pixel moves."""

import contextlib
import io
import json
import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from creative.studio.containers import XMP_MOST, ContainerError, get_xmp, pad, put_png_text, put_xmp
from creative.studio.label import (
    NAMESPACE,
    LabelError,
    Source,
    label_json,
    label_text,
    producer_fault,
    read_label,
    write_label,
    xmp_packet,
)
from creative.studio.model import AigcLabel

LABEL = AigcLabel("001191110102MAD55U9H0F10002", "CHORUS-req7-v2-b-tmall", "1", "9f86d081")
KINDS = ("JPEG", "PNG", "WEBP")
VALUES = st.text([chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"\\'], min_size=1, max_size=60)


def packed(kind: str, mode: str = "RGB", **options: object) -> bytes:
    """A file whose pixels are all different."""
    image = Image.merge(
        "RGB", [Image.linear_gradient("L"), Image.radial_gradient("L"), Image.new("L", (256, 256), 9)]
    )
    file = io.BytesIO()
    image.convert(mode).crop((0, 0, 111, 64)).save(file, kind, **options)
    return file.getvalue()


def pixels(data: bytes) -> tuple[str, tuple[int, int], bytes]:
    """Mode, size and pixels, as decoded."""
    with Image.open(io.BytesIO(data)) as image:
        return image.mode, image.size, image.tobytes()


FILES = {kind: packed(kind) for kind in KINDS}


@given(st.sampled_from(KINDS), VALUES, VALUES, st.sampled_from("123"), VALUES | st.just(""))
def test_written_is_read_and_pixels_stay(
    kind: str, producer: str, number: str, sort: str, reserved: str
) -> None:
    label = AigcLabel(producer, number, sort, reserved)
    data = write_label(FILES[kind], label)
    assert read_label(data) == label
    assert pixels(data) == pixels(FILES[kind])


@pytest.mark.parametrize(
    ("kind", "mode", "options"),
    [
        ("JPEG", "L", {}), ("JPEG", "CMYK", {}), ("JPEG", "RGB", {"progressive": True, "comment": b"mine"}),
        ("PNG", "RGBA", {}), ("PNG", "P", {}), ("PNG", "L", {}),
        ("WEBP", "RGBA", {"lossless": True}), ("WEBP", "RGB", {"lossless": True}), ("WEBP", "RGBA", {}),
    ],
)  # fmt: skip
def test_every_variant_of_the_three_formats(kind: str, mode: str, options: dict[str, object]) -> None:
    data = packed(kind, mode, **options)
    labelled = write_label(data, LABEL)
    assert read_label(labelled) == LABEL
    assert pixels(labelled) == pixels(data)


def test_the_bytes_of_the_scan_are_untouched() -> None:
    data = FILES["JPEG"]
    labelled = write_label(data, LABEL)
    assert labelled[-len(data) + data.index(b"\xff\xdb") :] == data[data.index(b"\xff\xdb") :]
    assert len(labelled) - len(data) == len(xmp_packet(LABEL)) + 29 + 4


def test_a_second_label_takes_the_place_of_the_first() -> None:
    other = AigcLabel("another-code", "2")
    for kind in KINDS:
        once = write_label(FILES[kind], LABEL)
        again = write_label(write_label(FILES[kind], other), LABEL)
        assert read_label(again) == LABEL
        assert again.count(b"another-code") == 0
        assert len(write_label(write_label(once, LABEL), LABEL)) == len(write_label(once, LABEL))
        assert write_label(once, LABEL).count(b"<?xpacket begin") == 1


def test_the_json_is_that_of_the_standard() -> None:
    text = label_json(LABEL)
    assert text == (
        '{"Label":"1","ContentProducer":"001191110102MAD55U9H0F10002","ProduceID":"CHORUS-req7-v2-b-tmall",'
        '"ReservedCode1":"9f86d081","ContentPropagator":"","PropagateID":"","ReservedCode2":""}'
    )


def test_where_the_guide_wants_it() -> None:
    """Marker, keyword and chunk, looked for in the raw bytes."""
    jpeg, png, webp = (write_label(FILES[kind], LABEL) for kind in KINDS)
    at = jpeg.index(b"http://ns.adobe.com/xap/1.0/\0")
    assert jpeg[at - 4 : at - 2] == b"\xff\xe1"
    assert jpeg[2:4] == b"\xff\xe0"
    assert at < jpeg.index(b"\xff\xdb")
    assert b"iTXtXML:com.adobe.xmp\0\0\0\0\0<?xpacket" in png
    assert b"tEXtAIGC\0" + label_json(LABEL).encode() in png
    assert webp[12:16] == b"VP8X"
    assert webp[20] & 0x04
    assert b"XMP " in webp
    for data in (jpeg, png, webp):
        assert f"<TC260:AIGC>{label_json(LABEL)}</TC260:AIGC>".encode() in data
        assert f'xmlns:TC260="{NAMESPACE}"'.encode() in data


def test_iptc_says_it_too() -> None:
    for source in Source:
        assert f"<Iptc4xmpExt:DigitalSourceType>{source.value}<".encode() in xmp_packet(LABEL, source)


def test_the_file_says_how_long_it_is() -> None:
    webp = write_label(packed("WEBP"), LABEL)
    assert int.from_bytes(webp[4:8], "little") == len(webp) - 8
    assert len(webp) % 2 == 0


OTHERS = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" dc:format="image/jpeg" {more}>'
    "<dc:creator><rdf:Seq><rdf:li>王 &amp; 李</rdf:li></rdf:Seq></dc:creator>{inner}</rdf:Description>"
    "</rdf:RDF></x:xmpmeta>"
)


@pytest.mark.parametrize("kind", KINDS)
def test_other_xmp_stays(kind: str) -> None:
    data = put_xmp(FILES[kind], OTHERS.format(more="", inner="").encode())
    labelled = write_label(data, LABEL)
    packet = (get_xmp(labelled) or b"").decode()
    assert read_label(labelled) == LABEL
    assert "<dc:creator><rdf:Seq><rdf:li>王 &amp; 李</rdf:li></rdf:Seq></dc:creator>" in packet
    assert 'dc:format="image/jpeg"' in packet


@pytest.mark.parametrize("as_attribute", [True, False])
def test_a_foreign_label_is_read_and_then_replaced(as_attribute: bool) -> None:
    theirs = '{"Label":"1","ContentProducer":"vendor","ProduceID":"77","ContentPropagator":"x"}'
    quoted = theirs.replace('"', "&quot;")
    space = f'xmlns:TC260="{NAMESPACE}"'
    packet = (
        OTHERS.format(more=f'{space} TC260:AIGC="{quoted}"', inner="")
        if as_attribute
        else OTHERS.format(more=space, inner=f"<TC260:AIGC>{quoted}</TC260:AIGC>")
    )
    data = put_xmp(FILES["JPEG"], packet.encode())
    assert label_text(data) == theirs
    assert read_label(data) == AigcLabel("vendor", "77")
    ours = write_label(data, LABEL)
    assert read_label(ours) == LABEL
    assert b"vendor" not in ours


def test_labels_in_simple_text_chunks_are_found() -> None:
    inner = {"Label": "2", "ContentProducer": "p", "ProduceID": "i", "ReservedCode1": "r"}
    for text in (json.dumps(inner), json.dumps({"AIGC": inner})):
        data = put_png_text(FILES["PNG"], "AIGC", text)
        assert read_label(data) == AigcLabel("p", "i", "2", "r")
        assert label_text(data) == text


def test_a_compressed_packet_is_read_and_replaced() -> None:
    info = PngInfo()
    info.add_itxt("XML:com.adobe.xmp", xmp_packet(AigcLabel("old", "1")).decode(), zip=True)
    data = packed("PNG", pnginfo=info)
    assert b"old" not in data
    assert read_label(data) == AigcLabel("old", "1")
    assert b'"old"' in (get_xmp(data) or b"")
    assert read_label(write_label(data, LABEL)) == LABEL


BOMB = (
    '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/">&b;</x:xmpmeta>'
)
OUTSIDE = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]><x xmlns:r="r">&a;</x>'


@pytest.mark.parametrize(
    "packet", [BOMB, OUTSIDE, "<not xml", "", "\0\0", "<a>" * 9000 + "</a>" * 9000, "<a>&nope;</a>"]
)
@pytest.mark.parametrize("kind", KINDS)
def test_a_hostile_packet_is_dropped(packet: str, kind: str) -> None:
    data = put_xmp(FILES[kind], packet.encode())
    assert read_label(data) is None
    labelled = write_label(data, LABEL)
    assert read_label(labelled) == LABEL
    assert get_xmp(labelled) == xmp_packet(LABEL)


def test_a_packet_with_no_room_for_ours_is_dropped() -> None:
    long = OTHERS.format(more="", inner=f"<dc:title>{'x' * (XMP_MOST - 500)}</dc:title>")
    labelled = write_label(put_xmp(FILES["JPEG"], long.encode()), LABEL)
    assert read_label(labelled) == LABEL
    with pytest.raises(ContainerError, match="shorten"):
        put_xmp(FILES["JPEG"], bytes(XMP_MOST + 1))


@pytest.mark.parametrize("text", ["[]", "{}", "null", "x", '{"AIGC":1}', '{"Label":1}', "[" * 4000])
def test_what_is_no_label_is_none(text: str) -> None:
    assert read_label(put_png_text(FILES["PNG"], "AIGC", text)) is None


def test_files_without_label_have_none() -> None:
    for data in (*FILES.values(), b"", b"nothing", b"\xff\xd8\xff", FILES["PNG"][:40]):
        assert read_label(data) is None


@given(st.sampled_from(KINDS), st.data())
def test_broken_files_give_one_kind_of_error(kind: str, data: st.DataObject) -> None:
    whole = write_label(FILES[kind], LABEL)
    place = data.draw(st.integers(0, len(whole) - 1))
    broken = bytearray(whole[: data.draw(st.integers(place, len(whole)))])
    if place < len(broken):
        broken[place] ^= data.draw(st.integers(1, 255))
    found = read_label(bytes(broken))
    assert found is None or isinstance(found, AigcLabel)
    with contextlib.suppress(ContainerError):
        assert label_json(LABEL).encode() in write_label(bytes(broken), LABEL)


@pytest.mark.parametrize("value", ["有中文", "a b", 'a"b', "a\\b", "é", "a\n", "\x7f"])
@pytest.mark.parametrize("field", ["producer", "produce_id", "reserved"])
def test_other_characters_are_refused_by_name(field: str, value: str) -> None:
    values = {"producer": "p", "produce_id": "i", "reserved": "r"} | {field: value}
    with pytest.raises(LabelError, match=field):
        label_json(AigcLabel(values["producer"], values["produce_id"], "1", values["reserved"]))


def test_what_is_missing_is_refused() -> None:
    for label in (AigcLabel("", "i"), AigcLabel("p", ""), AigcLabel("p", "i", "4")):
        with pytest.raises(LabelError):
            write_label(FILES["PNG"], label)
    with pytest.raises(LabelError, match="shorten"):
        label_json(AigcLabel("p" * 5000, "i"))


def test_provider_codes() -> None:
    """Two codes found in the wild pass; one wrong digit anywhere in the credit code does not."""
    for good in ("001191110102MAD55U9H0F10002", "001191110102MACQD9K64010000", "001191110102MAD55U9H0F00000"):
        assert producer_fault(good) is None
    for place in range(4, 22):
        wrong = "001191110102MAD55U9H0F10002"
        digit = "2" if wrong[place] != "2" else "3"
        assert producer_fault(wrong[:place] + digit + wrong[place + 1 :])


@given(st.text(string.ascii_letters + string.digits + "人-", max_size=30))
def test_anything_else_is_no_provider_code(code: str) -> None:
    fault = producer_fault(code)
    assert fault is not None
    assert re.search("请", fault)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [-1, 0, 1, 2, 999, 60_000, 150_001])
def test_padding_grows_the_file_and_nothing_else(kind: str, count: int) -> None:
    data = write_label(FILES[kind], LABEL)
    padded = pad(data, count)
    assert max(count, 0) <= len(padded) - len(data) <= max(count, 0) + 40
    assert pixels(padded) == pixels(data)
    assert read_label(padded) == LABEL


def test_other_formats_carry_no_label() -> None:
    with pytest.raises(ContainerError, match="gif"):
        write_label(packed("GIF"), LABEL)
