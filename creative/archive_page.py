"""The wiki page of a finished version: what it shows, who asked and approved, and where every file came from.

Pure: `page` turns an `ArchivedAsset` into blocks, `runtime.feishu.docx.Docx.write_page` writes them. The same
asset always gives the same blocks, so a half-written page is completed by writing it again.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from runtime.feishu.docx_blocks import (
    ROWS,
    Block,
    Span,
    Words,
    bold,
    bullet,
    code,
    divider,
    file,
    heading,
    image,
    link,
    table,
    text,
)

NOTHING = "—"
KIB = 1024
PAIR_WIDTHS = (160, 660)
SUM_WIDTHS = (240, 110, 470)
"""Pixels of columns; a page is 820 wide."""


@dataclass(frozen=True, slots=True)
class ArchivedFile:
    """A file that people can take from the page.

    Args:
        key: under which the writer finds its bytes; unique on the page.
        file_name: with extension (``tmall_main.jpg``).
        size: bytes.
        sha256: of the bytes, 64 hexadecimal digits.
    """

    key: str
    file_name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class ArchivedFormat:
    """One finished picture.

    Args:
        file: the picture as it was delivered, labels included.
        name: what people call the format (``天猫主图 800×800``).
        generated: its background comes from a model, or may do.
        label: the implicit label written into the file (JSON of GB 45438-2025), empty if there is none.
    """

    file: ArchivedFile
    name: str
    generated: bool
    label: str = ""


@dataclass(frozen=True, slots=True)
class Origin:
    """How the pictures came about.

    Args:
        provider, model: who generated the backgrounds; empty when they were painted locally.
        prompt_digest: SHA-256 of the prompt; the prompt itself stays with us.
        template: name and version of the layout.
        wording_version: version of the advertising rules the copy was checked with.
        verdict: what they said, for people (``通过``, ``通过，2 处需留存依据``).
    """

    provider: str
    model: str
    prompt_digest: str
    template: str
    wording_version: str
    verdict: str


@dataclass(frozen=True, slots=True)
class ArchivedAsset:
    """Everything the page of one version says.

    Args:
        number: the request's number; with the version it names the page.
        version: 1 for the first.
        title: what the material is for.
        brand, product: as in the request; the product may be empty.
        tags: for searching; as people typed them.
        requester, approver: names.
        approved_on: the day it was chosen, in Shanghai.
        alt: what the first picture shows, for who cannot see it.
        row_link: address of the request's row.
        formats: finished pictures, the first is shown on top.
        sources: layered files (PSD, SVG).
        origin: see `Origin`.

    Raises:
        ValueError: there is no picture, or two files share a key.
    """

    number: str
    version: int
    title: str
    brand: str
    product: str
    tags: tuple[str, ...]
    requester: str
    approver: str
    approved_on: date
    alt: str
    row_link: str
    formats: tuple[ArchivedFormat, ...]
    sources: tuple[ArchivedFile, ...]
    origin: Origin

    def __post_init__(self) -> None:
        if not self.formats:
            msg = (
                f"{self.number} v{self.version} has no finished picture; only finished versions are archived."
            )
            raise ValueError(msg)
        keys = [each.key for each in self.files()]
        if len(set(keys)) != len(keys):
            msg = f"Two files of {self.number} v{self.version} share a key; give every file its own."
            raise ValueError(msg)

    def files(self) -> tuple[ArchivedFile, ...]:
        """All files of the page: pictures, then sources."""
        return (*(each.file for each in self.formats), *self.sources)


def page_title(asset: ArchivedAsset) -> str:
    """Return the page's title in the wiki; no other version has it, so a page is found by it."""
    return f"{asset.number} v{asset.version} {asset.title}".strip()


def page(asset: ArchivedAsset) -> tuple[Block, ...]:
    """Return the blocks of an archived version's page, top to bottom.

    Returns:
        Title, first picture with its words, facts, each picture with a caption, sources, origin. Pictures
        and files carry `ArchivedFile.key` as their `media`; the first picture stands there once more under
        its format.
    """
    return (
        heading(1, asset.title or page_title(asset)),
        _picture(asset.formats[0]),
        text(asset.alt or asset.formats[0].name, centred=True),
        heading(2, "基本信息"),
        _facts(asset),
        heading(2, f"成品（{len(asset.formats)}）"),
        *(block for each in asset.formats for block in _format(each)),
        *_sources(asset.sources),
        divider(),
        heading(2, "来源与合规"),
        *_origin(asset),
    )


def _picture(of: ArchivedFormat) -> Block:
    return image(of.file.key, of.file.file_name)


def _facts(asset: ArchivedAsset) -> Block:
    row: Words = link("打开需求行", asset.row_link) if asset.row_link else NOTHING
    pairs: tuple[tuple[str, Words], ...] = (
        ("需求", f"{asset.number} · 第 {asset.version} 版"),
        ("品牌 / 商品", f"{asset.brand or NOTHING} / {asset.product or NOTHING}"),
        ("标签", "、".join(asset.tags) or NOTHING),
        ("提需人", asset.requester or NOTHING),
        ("定稿人", asset.approver or NOTHING),
        ("定稿日期", asset.approved_on.isoformat()),
        ("需求行", row),
    )
    return _pairs(pairs)


def _pairs(pairs: Sequence[tuple[str, Words]]) -> Block:
    """A table of names and values."""
    rows: list[tuple[Words, Words]] = [("项目", "内容"), *((bold(name), value) for name, value in pairs)]
    return table(rows, widths=PAIR_WIDTHS)


def _format(of: ArchivedFormat) -> Iterator[Block]:
    """A picture under its name, with what it weighs and whether it carries a label."""
    yield heading(3, of.name)
    yield _picture(of)
    origin = (
        "背景由 AI 生成，文件已写入标识"
        if of.label
        else "背景由 AI 生成"
        if of.generated
        else "不含 AI 生成内容"
    )
    yield text(f"{of.file.file_name} · {_size(of.file.size)} · {origin}", centred=True)


def _sources(sources: Sequence[ArchivedFile]) -> Iterator[Block]:
    if not sources:
        return
    yield heading(2, "源文件（分层，可继续编辑）")
    for each in sources:
        yield file(each.key, each.file_name)


def _origin(asset: ArchivedAsset) -> Iterator[Block]:
    origin = asset.origin
    maker = " / ".join(part for part in (origin.provider, origin.model) if part)
    yield _pairs(
        (
            ("生成模型", maker or "未使用（背景为本地绘制）"),
            ("提示词摘要", _digest(origin.prompt_digest)),
            ("版式", origin.template or NOTHING),
            ("文案检查", f"{origin.verdict or NOTHING}（规则版本 {origin.wording_version or NOTHING}）"),
        )
    )
    yield from _checksums(asset.files())
    labels = [of.label for of in asset.formats if of.label]
    if labels:
        yield heading(3, "文件内的 AI 标识（GB 45438-2025，按成品顺序）")
        yield code("\n".join(labels))
        yield bullet("对外发布时，请在平台勾选“AI 生成”声明；请勿去除图片上的标识。")


def _checksums(files: Sequence[ArchivedFile]) -> Iterator[Block]:
    """What every file weighs and its hash, in tables the platform takes."""
    yield heading(3, "文件校验")
    most = ROWS - 1
    for start in range(0, len(files), most):
        rows = (
            (each.file_name, f"{each.size:,}", _digest(each.sha256)) for each in files[start : start + most]
        )
        yield table((("文件", "字节", "SHA-256"), *rows), widths=SUM_WIDTHS)


def _digest(value: str) -> Words:
    return Span(value, code=True) if value else NOTHING


def _size(size: int) -> str:
    """Bytes as people read them."""
    if size < KIB:
        return f"{size} B"
    return f"{size / KIB:,.0f} KB" if size < KIB * KIB else f"{size / KIB / KIB:,.1f} MB"
