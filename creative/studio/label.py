"""The implicit label of AI content, as 《人工智能生成合成内容标识办法》 and GB 45438-2025 ask for it. Pure.

Where it goes: TC260-PG-20259A (2025-08-28), XMP property ``TC260:AIGC`` with the inner JSON as its text;
IPTC's DigitalSourceType beside it says the same to programs abroad. Writing is the very last step of making a
file, for every later encoding drops it. Reading goes another way through other libraries, so it is a proof.
"""

from __future__ import annotations

import io
import json
import re
import warnings
from enum import StrEnum
from typing import Any
from xml.dom import minidom  # only for our own text; outside data is parsed by defusedxml
from xml.parsers.expat import ExpatError
from xml.sax.saxutils import escape

import defusedxml.ElementTree as SafeTree
import defusedxml.minidom
from defusedxml.common import DefusedXmlException
from PIL import Image
from pydantic import BaseModel, ValidationError

from creative.studio.containers import XMP_MOST, get_xmp, put_png_text, put_xmp
from creative.studio.model import AigcLabel
from creative.studio.sniff import DAMAGE, Kind, sniff

NAMESPACE = "http://www.tc260.org.cn/ns/AIGC/1.0/"
"""XMP namespace of the label, prefix ``TC260`` (TC260-PG-20259A)."""
_IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_XMLNS = "http://www.w3.org/2000/xmlns/"
_HEAD = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
_TAIL = '<?xpacket end="w"?>'
_MOST_JSON = 4096
"""Characters of a label; what is longer does not come from a label."""

_VALUE = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]*")
_PRODUCER = re.compile(r"0011([0-9A-HJ-NP-RTUW-Y]{18})([12][0-9A-Z]{4}|00000)")
_CREDIT = "0123456789ABCDEFGHJKLMNPQRTUWXY"
"""Digits of a unified social credit code, GB 32100-2015: no I, O, S, V, Z."""


class Source(StrEnum):
    """How a picture came to be, IPTC NewsCodes *digitalsourcetype* (cv.iptc.org, 2026-11)."""

    COMPOSITE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
    """Parts of it, as a background, were generated; the product is a photo."""
    GENERATED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
    """All of it was generated."""


class LabelError(ValueError):
    """A label that must not be written; the message says which value is wrong and what it must look like."""


class _Inner(BaseModel):
    """The JSON as found in files of others; their values are taken as they are."""

    Label: str
    ContentProducer: str
    ProduceID: str
    ReservedCode1: str = ""


def producer_fault(code: str) -> str | None:
    """What is wrong with a provider code, in Chinese, or None.

    TC260-PG-20252A (网安秘字〔2025〕29号): 27 characters: ``00``, subject ``1`` (organisation), binding ``1``
    (credit code), 18 of the unified social credit code, then service ``1`` (generates) or ``2`` (distributes)
    and four for one's own model, or ``00000``. The credit code's check digit (GB 32100-2015) is checked too.

    Args:
        code: from the configuration.
    """
    match = _PRODUCER.fullmatch(code)
    if match is None:
        return (
            f"内容生成服务提供者编码“{code[:40]}”不符合规范：应为 27 位，0011 + 18 位统一社会信用代码 + "
            "服务类型（1 生成，2 传播）+ 4 位自编号（不用则为 00000）。请改正配置后重试。"
        )
    credit = match[1]
    total = sum(_CREDIT.index(sign) * pow(3, place, 31) for place, sign in enumerate(credit[:17]))
    if _CREDIT[-total % 31] != credit[17]:
        return f"编码中的统一社会信用代码“{credit}”校验位不对，请对照营业执照检查是否录错。"
    return None


def label_json(label: AigcLabel) -> str:
    """The seven keys of GB 45438-2025 annex E in their order, compact; those of the distributor stay empty.

    Raises:
        LabelError: a value is missing or has characters the standard does not allow.
    """
    if label.kind not in ("1", "2", "3"):
        raise LabelError(
            f"kind is {label.kind!r}; it must be 1 (is AI content), 2 (may be) or 3 (suspected)."
        )
    values = {
        "Label": label.kind,
        "ContentProducer": _checked("producer", label.producer, needed=True),
        "ProduceID": _checked("produce_id", label.produce_id, needed=True),
        "ReservedCode1": _checked("reserved", label.reserved, needed=False),
        "ContentPropagator": "",
        "PropagateID": "",
        "ReservedCode2": "",
    }
    text = json.dumps(values, separators=(",", ":"))
    if len(text) > _MOST_JSON:
        raise LabelError(f"The label has {len(text)} characters; shorten its values to {_MOST_JSON} in all.")
    return text


def _checked(name: str, value: str, *, needed: bool) -> str:
    if needed and not value:
        raise LabelError(f"{name} is empty; the label needs it. Set it in the configuration.")
    if not _VALUE.fullmatch(value):
        raise LabelError(
            f"{name} is {value!r}; use printable ASCII without space, quotation mark and backslash."
        )
    return value


def xmp_packet(label: AigcLabel, source: Source = Source.COMPOSITE) -> bytes:
    """A whole XMP packet with nothing but the label, UTF-8.

    Raises:
        LabelError: see `label_json`.
    """
    body = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        f'<rdf:RDF xmlns:rdf="{_RDF}">{_description(label, source)}</rdf:RDF></x:xmpmeta>'
    )
    return f"{_HEAD}{body}{_TAIL}".encode()


def _description(label: AigcLabel, source: Source) -> str:
    return (
        f'<rdf:Description xmlns:rdf="{_RDF}" rdf:about=""'
        f' xmlns:TC260="{NAMESPACE}" xmlns:Iptc4xmpExt="{_IPTC}">'
        f"<TC260:AIGC>{escape(label_json(label))}</TC260:AIGC>"
        f"<Iptc4xmpExt:DigitalSourceType>{escape(source.value)}</Iptc4xmpExt:DigitalSourceType>"
        "</rdf:Description>"
    )


def write_label(data: bytes, label: AigcLabel, source: Source = Source.COMPOSITE) -> bytes:
    """The file with the label; its pixels are the same bytes as before.

    Other XMP of the file stays, an older label is replaced (keep it first: `label_text`). PNG files also get
    a ``tEXt`` chunk ``AIGC``, which simple readers look for.

    Args:
        data: a JPEG, PNG or WebP file.
        label: what to write.
        source: what IPTC's DigitalSourceType shall say.

    Raises:
        LabelError: see `label_json`.
        ContainerError: the file is none of the three, or broken; encode the picture anew.
    """
    own = xmp_packet(label, source)
    packet = _merged(get_xmp(data), label, source) or own
    data = put_xmp(data, packet if len(packet) <= XMP_MOST else own)
    return put_png_text(data, "AIGC", label_json(label)) if sniff(data) is Kind.PNG else data


def _merged(old: bytes | None, label: AigcLabel, source: Source) -> bytes | None:
    """The old packet with our properties in it; None if there is none that can be parsed safely."""
    if not old:
        return None
    try:
        document = defusedxml.minidom.parseString(old.strip(b"\0 \r\n\t"), forbid_dtd=True)
        return _with_ours(document, label, source)
    except (DefusedXmlException, ExpatError, ValueError, LookupError, RecursionError):
        return None


def _with_ours(document: minidom.Document, label: AigcLabel, source: Source) -> bytes | None:
    """Ours is put in as text: minidom would write each quotation mark of the JSON as an entity."""
    places = document.getElementsByTagNameNS(_RDF, "RDF")
    if not places:
        return None
    for description in places[0].getElementsByTagNameNS(_RDF, "Description"):
        _clear(description)
    if not places[0].childNodes:
        places[0].appendChild(document.createTextNode("\n"))  # so that it has a closing tag
    closing = f"</{places[0].tagName}>"
    root = "".join(node.toxml() for node in document.childNodes if isinstance(node, minidom.Element))
    before, _, after = root.rpartition(closing)
    return f"{_HEAD}{before}{_description(label, source)}{closing}{after}{_TAIL}".encode()


def _clear(description: minidom.Element) -> None:
    """Remove the properties that we write, as elements or attributes, and a description left empty."""
    for namespace, name in ((NAMESPACE, "AIGC"), (_IPTC, "DigitalSourceType")):
        for element in description.getElementsByTagNameNS(namespace, name):
            if element.parentNode is not None:
                element.parentNode.removeChild(element)
        if description.hasAttributeNS(namespace, name):
            description.removeAttributeNS(namespace, name)
    attributes = description.attributes.itemsNS()
    said = [key for key, _ in attributes if key[0] not in (_XMLNS, _RDF)]
    if not said and not description.getElementsByTagName("*") and description.parentNode is not None:
        description.parentNode.removeChild(description)


def label_text(data: bytes) -> str | None:
    """The label's JSON as it stands in a file, ours or another's, for the record; None if there is none.

    Args:
        data: a JPEG, PNG or WebP file; anything else has no label.
    """
    info = _info(data)
    for packet in (info.get("xmp"), info.get("XML:com.adobe.xmp")):
        text = _property(packet) if packet else None
        if text:
            return text[:_MOST_JSON]
    plain = info.get("AIGC")
    return str(plain)[:_MOST_JSON] if plain else None


def read_label(data: bytes) -> AigcLabel | None:
    """The label of a file; None if there is none or it is no label as the standard wants it.

    Args:
        data: a JPEG, PNG or WebP file.
    """
    text = label_text(data)
    if text is None:
        return None
    try:
        values = json.loads(text)
        # The standard's annex shows the JSON inside {"AIGC": …}, the guide for XMP without.
        inner = _Inner.model_validate(values.get("AIGC", values) if isinstance(values, dict) else values)
    except (ValidationError, ValueError, RecursionError):
        return None
    return AigcLabel(inner.ContentProducer, inner.ProduceID, inner.Label, inner.ReservedCode1)


def _info(data: bytes) -> dict[Any, Any]:
    """What Pillow read beside the pixels; it has another reader for containers than ours."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=["JPEG", "PNG", "WEBP"]) as image:
                return dict(image.info)
    except (*DAMAGE, Image.DecompressionBombError):
        return {}


def _property(packet: bytes | str) -> str | None:
    """The text of the property, as element or attribute."""
    raw = packet.encode() if isinstance(packet, str) else packet
    try:
        root = SafeTree.fromstring(raw.strip(b"\0 \r\n\t"), forbid_dtd=True)
    except (DefusedXmlException, SafeTree.ParseError, ValueError, LookupError):
        return None
    name = f"{{{NAMESPACE}}}AIGC"
    element = root.find(f".//{name}")
    if element is not None and element.text:
        return str(element.text).strip()
    found = [one.get(name) for one in root.iter(f"{{{_RDF}}}Description")]
    return next((str(text).strip() for text in found if text), None)
