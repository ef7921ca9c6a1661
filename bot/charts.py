"""Charts in cards: the VChart specification of the one shape the product draws.

Spec words: VChart guide (``type``, ``data.values``, ``xField``, ``yField``, ``seriesField``, ``markLine``);
clients from 7.16 draw them. Numbers may be ``Decimal``; a chart is a picture, so they become floats here and
nowhere else.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from bot.words import Element

Number = int | float | Decimal
Points = Sequence[tuple[str, Number | None]]


def line_chart(
    title: str,
    series: Mapping[str, Points],
    *,
    line: Number | None = None,
    line_label: str = "",
    height: int | None = None,
) -> Element:
    """Draw lines over time.

    Args:
        title: Above the chart.
        series: Name to points (label of the x axis, value); a value of None leaves a gap.
        line: Draws a horizontal line there, e.g. the threshold.
        line_label: Stands at that line.
        height: In pixels, on every screen; None makes it half as high as wide.
    """
    values = [
        {"x": label, "y": None if value is None else float(value), "name": name}
        for name, points in series.items()
        for label, value in points
    ]
    spec: dict[str, Any] = {
        "type": "line",
        "title": {"text": title},
        "data": {"values": values},
        "xField": "x",
        "yField": "y",
        "seriesField": "name",
        "legends": {"visible": len(series) > 1},
        "invalidType": "break",
    }
    if line is not None:
        spec["markLine"] = [
            {"y": float(line), "label": {"text": line_label}, "line": {"style": {"lineDash": [4, 4]}}}
        ]
    built: Element = {"tag": "chart", "chart_spec": spec, "aspect_ratio": "2:1", "preview": True}
    return built if height is None else {**built, "height": f"{height}px"}
