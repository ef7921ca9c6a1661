"""Charts in cards: the VChart specification for the two shapes the product draws.

Spec words: VChart guide (``type``, ``data.values``, ``xField``, ``yField``, ``seriesField``, ``markLine``);
clients from 7.16 draw them. Numbers may be ``Decimal``; a chart is a picture, so they become floats here and
nowhere else.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal

from bot.words import Element

Ratio = Literal["1:1", "2:1", "4:3", "16:9"]
Number = int | float | Decimal
Points = Sequence[tuple[str, Number | None]]


def chart(spec: Mapping[str, Any], *, ratio: Ratio = "16:9", height: int | None = None) -> Element:
    """Show any VChart specification (JSON without functions); ``height`` in pixels wins over the ratio."""
    built: Element = {"tag": "chart", "chart_spec": dict(spec), "aspect_ratio": ratio, "preview": True}
    return built if height is None else {**built, "height": f"{height}px"}


def line_chart(
    title: str,
    series: Mapping[str, Points],
    *,
    line: Number | None = None,
    line_label: str = "",
    ratio: Ratio = "2:1",
    height: int | None = None,
) -> Element:
    """Draw lines over time.

    Args:
        title: Above the chart.
        series: Name to points (label of the x axis, value); a value of None leaves a gap.
        line: Draws a horizontal line there, e.g. the threshold.
        line_label: Stands at that line.
        ratio: Width to height.
        height: In pixels, on every screen; None leaves it to the ratio.
    """
    spec = _spec("line", title, series)
    spec["invalidType"] = "break"
    if line is not None:
        spec["markLine"] = [
            {"y": float(line), "label": {"text": line_label}, "line": {"style": {"lineDash": [4, 4]}}}
        ]
    return chart(spec, ratio=ratio, height=height)


def bar_chart(title: str, series: Mapping[str, Points], *, ratio: Ratio = "2:1") -> Element:
    """Draw bars, those of several series side by side."""
    spec = _spec("bar", title, series)
    if len(series) > 1:
        spec["xField"] = ["x", "name"]
    return chart(spec, ratio=ratio)


def _spec(kind: str, title: str, series: Mapping[str, Points]) -> dict[str, Any]:
    values = [
        {"x": label, "y": None if value is None else float(value), "name": name}
        for name, points in series.items()
        for label, value in points
    ]
    spec: dict[str, Any] = {"type": kind, "title": {"text": title}, "data": {"values": values}}
    return spec | {
        "xField": "x",
        "yField": "y",
        "seriesField": "name",
        "legends": {"visible": len(series) > 1},
    }
