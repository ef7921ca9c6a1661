"""What painters do: module-level functions over blobs, run by ``creative/painter.py`` in own processes.

Arguments and results are plain data, so that they pass between processes; files pass through the blob store.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from PIL import Image

from creative.blobs import Blobs
from creative.studio.compose import Studio
from creative.studio.cutout import cut_out
from creative.studio.encode import encode
from creative.studio.formats import FORMATS, orientation
from creative.studio.hashing import dhash
from creative.studio.label import label_json
from creative.studio.layout import Template, defaults
from creative.studio.model import AigcLabel, Colour, Composition, Copy, Format, Ground, Look, Palette, Product
from creative.studio.photo import PhotoRefused, open_photo
from creative.studio.psd import write_psd
from creative.studio.sheet import contact_sheet
from creative.studio.svg import write_svg
from runtime.errors import PermanentError

PREVIEW_QUALITY = 82


@dataclass(frozen=True, slots=True)
class Prepared:
    """A photo that was looked at. ``fault``: a sentence when it cannot be used."""

    name: str
    blob: str
    product: str = ""
    cut: bool = False
    method: str = ""
    notes: tuple[str, ...] = ()
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Painting:
    """One variant to be composed.

    Attributes:
        number: the variant, 1, 2, …
        stem: beginning of all file names.
        copy: the letters.
        brand: its name.
        colours: ``#RRGGBB`` by name of the palette.
        safe: margin, share of the short side.
        logo, logo_dark: blobs or "".
        product: blob of the RGBA picture or "", with whether it is cut and how.
        grounds: orientation → blob of the generated background; missing = painted here.
        formats: keys.
        template: name and layout, or None: chosen by the seed.
        seed: of the variant.
        mark: visible sign for pictures with a generated background.
        producer: for the hidden sign.
        made: unique id of the variant, for the hidden sign.
        generated: the backgrounds of a model were used anywhere.
    """

    number: int
    stem: str
    copy: Copy
    brand: str
    colours: Mapping[str, str]
    safe: float
    logo: str
    logo_dark: str
    product: str
    cut: bool
    method: str
    grounds: Mapping[str, str]
    formats: tuple[str, ...]
    template: tuple[str, Mapping[str, Any]] | None
    seed: int
    mark: str
    producer: str
    made: str


@dataclass(frozen=True, slots=True)
class PaintedFile:
    """One file, in the blob store."""

    format: str
    name: str
    blob: str
    size: int
    width: int
    height: int
    label: str = ""
    dhash: str = ""


@dataclass(frozen=True, slots=True)
class Painted:
    """What came of a variant."""

    template: str
    files: tuple[PaintedFile, ...]
    preview: str | None
    faults: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(slots=True)
class _Work:
    """A variant under way."""

    blobs: Blobs
    painting: Painting
    look: Look
    product: Product | None
    templates: tuple[Template, ...]
    studio: Studio = field(default_factory=Studio)
    files: list[PaintedFile] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    shown: list[tuple[str, Image.Image]] = field(default_factory=list)
    master: tuple[Format, Composition] | None = None


def get_ready() -> None:
    """Nothing but what importing this module does: a painter that ran it has its libraries loaded."""


@lru_cache(maxsize=64)
def prepare_photo(root: str, blob: str, name: str) -> Prepared:
    """Look at a photo and cut its product out; once a painter, for redos and many requests of one product."""
    blobs = Blobs(Path(root))
    try:
        photo = open_photo(blobs.get(blob), name)
    except PhotoRefused as refused:
        return Prepared(name, blob, fault=refused.sentence)
    product = cut_out(photo)
    out = io.BytesIO()
    product.image.convert("RGBA").save(out, "PNG", compress_level=1)
    notes = (*photo.notes, *([product.note] if product.note else []))
    return Prepared(name, blob, blobs.put(out.getvalue()), product.cut, product.method, notes)


def paint(root: str, painting: Painting) -> Painted:
    """Compose all formats of a variant, label them, and write the layered files of the largest."""
    work = _begin(Blobs(Path(root)), painting)
    for key in painting.formats:
        _format(work, FORMATS[key])
    if work.master is not None:
        _layered(work, *work.master)
    preview = _preview(work) if work.shown else None
    return Painted(
        work.templates[0].name,
        tuple(work.files),
        preview,
        tuple(work.faults),
        tuple(dict.fromkeys(work.notes)),
    )


def _begin(blobs: Blobs, painting: Painting) -> _Work:
    palette = Palette(**{name: _colour(text) for name, text in painting.colours.items()})
    look = Look(
        painting.brand, palette, _picture(blobs, painting.logo), _picture(blobs, painting.logo_dark),
        safe=painting.safe,
    )  # fmt: skip
    image = _picture(blobs, painting.product)
    product = None if image is None else Product(image, painting.cut, painting.method)
    if painting.template is not None:
        templates: tuple[Template, ...] = (Template.model_validate(painting.template[1], strict=False),)
    else:
        # Nobody chose a layout: variants begin with different ones, and one that has no room gives way.
        choice = list(defaults().values())
        first = (painting.seed + painting.number) % len(choice)
        templates = (*choice[first:], *choice[:first])
    return _Work(blobs, painting, look, product, templates)


def _format(work: _Work, fmt: Format) -> None:
    painting = work.painting
    background, generated = None, False
    if fmt.ground is Ground.SCENE:
        blob = painting.grounds.get(orientation(fmt.shape), "")
        generated = bool(blob)
        background = _ground(str(work.blobs.root), blob) if blob else None
    mark = painting.mark if generated else ""
    tried: list[Composition] = []
    for template in work.templates:
        tried.append(
            work.studio.compose(
                painting.copy,
                work.look,
                work.product,
                background,
                fmt,
                template,
                mark=mark,
                seed=painting.seed,
            )
        )
        if not tried[-1].faults:
            break
    composition = tried[0] if tried[-1].faults else tried[-1]
    work.notes += composition.notes
    if composition.faults:
        work.faults += [each.sentence for each in composition.faults]
        return
    label = _label(painting, fmt) if generated else None
    encoded = encode(composition.flat, fmt, label)
    work.files.append(
        PaintedFile(
            fmt.key, f"{painting.stem}_{painting.number}_{_plain(fmt.name)}.{fmt.extension}",
            work.blobs.put(encoded.bytes), len(encoded.bytes), fmt.width, fmt.height,
            label_json(label) if label else "", dhash(composition.flat),
        )
    )  # fmt: skip
    work.shown.append((fmt.name, composition.flat.convert("RGB")))
    pixels = fmt.width * fmt.height
    if fmt.ground is Ground.SCENE and (
        work.master is None or pixels > work.master[0].width * work.master[0].height
    ):
        work.master = (fmt, composition)


def _layered(work: _Work, fmt: Format, composition: Composition) -> None:
    """The largest format as layers, for a designer."""
    for kind, data in (("psd", write_psd(composition)), ("svg", write_svg(composition))):
        name = f"{work.painting.stem}_{work.painting.number}_{_plain(fmt.name)}.{kind}"
        blob = work.blobs.put(data)
        work.files.append(PaintedFile(kind, name, blob, len(data), fmt.width, fmt.height))


def _preview(work: _Work) -> str:
    sheet = contact_sheet(work.shown)
    out = io.BytesIO()
    sheet.save(out, "JPEG", quality=PREVIEW_QUALITY, optimize=True)
    return work.blobs.put(out.getvalue())


def _label(painting: Painting, fmt: Format) -> AigcLabel:
    number = hashlib.sha256(f"{painting.made}:{fmt.key}".encode()).hexdigest()[:32]
    return AigcLabel(painting.producer, number)


def _picture(blobs: Blobs, blob: str) -> Image.Image | None:
    if not blob:
        return None
    try:
        return open_photo(blobs.get(blob), "").image.convert("RGBA")
    except PhotoRefused as refused:
        raise PermanentError(refused.sentence) from None


@lru_cache(maxsize=4)
def _ground(root: str, blob: str) -> Image.Image:
    """A background serves several formats of a variant; decoded once."""
    return open_photo(Blobs(Path(root)).get(blob), "").image.convert("RGB")


def _colour(text: str) -> Colour:
    value = int(text.lstrip("#"), 16)
    return (value >> 16 & 255, value >> 8 & 255, value & 255)


def _plain(text: str) -> str:
    return "".join(char if char.isalnum() or char in "-_×" else "-" for char in text)
