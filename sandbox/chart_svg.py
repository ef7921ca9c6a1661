"""A chart of a card as a simple inline SVG: lines, areas and bars of the VChart specification."""

import html
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

COLOURS = ("#3370ff", "#34c724", "#ff8800", "#7f3bf5", "#14c0ff", "#f54a45")
RATIOS = {"1:1": 1.0, "2:1": 2.0, "4:3": 4 / 3, "16:9": 16 / 9}
WIDE, NARROW = 520, 288
"""Inner widths of a chart in pixels: in a card on a desktop, and on a phone. Each is drawn for itself, so
that letters and lines have the same size on both; the style sheet shows one of them."""
HEIGHT = re.compile(r"(\d{1,3})px")
LEFT, RIGHT, TOP, BOTTOM = 46, 14, 14, 26


@dataclass(frozen=True, slots=True)
class Plot:
    """What is drawn: x labels, named series (None is a gap), marked lines, and the frame."""

    labels: list[str]
    series: dict[str, list[float | None]]
    marks: list[tuple[float, str]]
    width: float
    height: float
    low: float
    high: float

    def x(self, index: float) -> float:
        """Pixels from the left of the middle of a label's slot."""
        return LEFT + (index + 0.5) * self.slot

    @property
    def slot(self) -> float:
        """Width of one label's slot."""
        return (self.width - LEFT - RIGHT) / max(1, len(self.labels))

    def y(self, value: float) -> float:
        """Pixels from the top."""
        return TOP + (self.high - value) / (self.high - self.low) * (self.height - TOP - BOTTOM)


def chart(component: dict[str, Any]) -> str:
    """The SVG of a chart component; a note for kinds that are not drawn."""
    spec = component.get("chart_spec") or {}
    title = (spec.get("title") or {}).get("text") or ""
    head = f'<div class="chart-title">{html.escape(str(title))}</div>' if title else ""
    kind = str(spec.get("type"))
    drawn = [plotted(spec, width, tall(component, width)) for width in (WIDE, NARROW)]
    if kind not in ("line", "area", "bar") or None in drawn:
        return f'<div class="chart">{head}<div class="chart-note">图表 {html.escape(kind)}</div></div>'
    plots = [plot for plot in drawn if plot is not None]
    legend = "".join(
        f'<span><svg viewBox="0 0 8 8"><rect width="8" height="8" rx="2" fill="{colour(n)}"/></svg>'
        f"{html.escape(name)}</span>"
        for n, name in enumerate(plots[0].series)
        if len(plots[0].series) > 1
    )
    legend = f'<div class="legend">{legend}</div>' if legend else ""
    pictures = "".join(svg(plot, kind, label=str(title)) for plot in plots)
    return f'<div class="chart">{head}{legend}{pictures}</div>'


def tall(component: dict[str, Any], width: float) -> float:
    """The height of a chart in pixels: the one it asks for, else what its ratio makes of the width."""
    asked = HEIGHT.fullmatch(str(component.get("height", "")))
    return float(asked[1]) if asked else width / RATIOS.get(str(component.get("aspect_ratio")), 16 / 9)


def svg(plot: Plot, kind: str, *, label: str) -> str:
    """The picture of a plot."""
    drawn = bars(plot) if kind == "bar" else lines(plot, filled=kind == "area" or len(plot.series) == 1)
    size = "narrow" if plot.width == NARROW else "broad"
    return (
        f'<svg class="{size}" viewBox="0 0 {plot.width} {plot.height:.0f}" role="img" '
        f'aria-label="{html.escape(label)}">{grid(plot)}{drawn}{marked(plot)}</svg>'
    )


def colour(number: int) -> str:
    """The colour of a series."""
    return COLOURS[number % len(COLOURS)]


def plotted(spec: dict[str, Any], width: float, height: float) -> Plot | None:
    """The numbers of a specification; None when there are none."""
    data = spec.get("data")
    parts = data if isinstance(data, list) else [data]
    values = [
        v for part in parts if isinstance(part, dict) for v in part.get("values", []) if isinstance(v, dict)
    ]
    x_field, y_field = spec.get("xField"), spec.get("yField")
    x_name = x_field[0] if isinstance(x_field, list) else x_field
    group = spec.get("seriesField")
    labels = list(dict.fromkeys(str(v.get(x_name)) for v in values))
    series: dict[str, list[float | None]] = {}
    for value in values:
        row = series.setdefault(str(value.get(group, "")), [None] * len(labels))
        number = value.get(y_field)
        row[labels.index(str(value.get(x_name)))] = float(number) if isinstance(number, int | float) else None
    marks = [
        (float(m["y"]), str((m.get("label") or {}).get("text") or ""))
        for m in spec.get("markLine") or []
        if isinstance(m.get("y"), int | float)
    ]
    known = [n for row in series.values() for n in row if n is not None] + [m[0] for m in marks]
    if not known:
        return None
    low, high = scale(known, from_zero=spec.get("type") == "bar")
    return Plot(labels, series, marks, width, height, low, high)


def scale(known: Sequence[float], *, from_zero: bool) -> tuple[float, float]:
    """Round ends of the axis."""
    low, high = min(known), max(known)
    if from_zero or 0 <= low < high - low:
        low = min(0.0, low)
    step = nice((high - low) / 4 or abs(high) / 4 or 1.0)
    return math.floor(low / step) * step, math.ceil(high / step + 0.01) * step


def nice(raw: float) -> float:
    """The next round number: 1, 2, 2.5, 5 or 10 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(raw))
    return next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= raw * 0.999)


def short(number: float) -> str:
    """A number for an axis."""
    if abs(number) >= 10_000:
        return f"{number / 10_000:g}万"
    return f"{number:.2f}".rstrip("0").rstrip(".")


def grid(plot: Plot) -> str:
    """Lines and labels of both axes."""
    out = []
    step = nice((plot.high - plot.low) / 4.4)
    value = plot.low
    while value <= plot.high + step / 100:
        y = plot.y(value)
        out.append(f'<line x1="{LEFT}" x2="{plot.width - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" class="grid"/>')
        out.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" class="axis end">{short(value)}</text>')
        value += step
    every = max(1, math.ceil(len(plot.labels) * 62 / plot.width))
    for index in range(0, len(plot.labels), every):
        text = html.escape(plot.labels[index])
        out.append(f'<text x="{plot.x(index):.1f}" y="{plot.height - 8:.1f}" class="axis mid">{text}</text>')
    return "".join(out)


def lines(plot: Plot, *, filled: bool) -> str:
    """One line a series; a gap interrupts it; the last point is marked."""
    out = []
    for number, row in enumerate(plot.series.values()):
        tint = colour(number)
        for run in runs(row):
            points = " ".join(f"{plot.x(i):.1f},{plot.y(v):.1f}" for i, v in run)
            if filled and len(run) > 1:
                floor = plot.y(plot.low)
                area = f"{plot.x(run[0][0]):.1f},{floor:.1f} {points} {plot.x(run[-1][0]):.1f},{floor:.1f}"
                out.append(f'<polygon points="{area}" fill="{tint}" opacity=".1"/>')
            out.append(f'<polyline points="{points}" fill="none" stroke="{tint}" stroke-width="2"/>')
            index, last = run[-1]
            out.append(f'<circle cx="{plot.x(index):.1f}" cy="{plot.y(last):.1f}" r="3.5" fill="{tint}"/>')
    return "".join(out)


def runs(row: Sequence[float | None]) -> list[list[tuple[int, float]]]:
    """The stretches of a series without gaps."""
    found: list[list[tuple[int, float]]] = [[]]
    for index, value in enumerate(row):
        if value is None:
            found.append([])
        else:
            found[-1].append((index, value))
    return [run for run in found if run]


def bars(plot: Plot) -> str:
    """Bars, those of several series side by side."""
    out = []
    width = min(28.0, plot.slot * 0.7 / max(1, len(plot.series)))
    zero = plot.y(max(0.0, plot.low))
    for number, row in enumerate(plot.series.values()):
        shift = (number - (len(plot.series) - 1) / 2) * width - width / 2
        for index, value in enumerate(row):
            if value is not None:
                y = plot.y(value)
                out.append(
                    f'<rect x="{plot.x(index) + shift:.1f}" y="{min(y, zero):.1f}" width="{width - 1:.1f}" '
                    f'height="{abs(zero - y):.1f}" rx="2" fill="{colour(number)}"/>'
                )
    return "".join(out)


def marked(plot: Plot) -> str:
    """Marked lines, dashed and named."""
    out = []
    for value, label in plot.marks:
        y = plot.y(value)
        out.append(
            f'<line x1="{LEFT}" x2="{plot.width - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" class="markline"/>'
        )
        text = html.escape(f"{label} {short(value)}".strip())
        out.append(f'<text x="{plot.width - RIGHT}" y="{y - 5:.1f}" class="axis end marklabel">{text}</text>')
    return "".join(out)
