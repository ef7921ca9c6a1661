"""Zones of a picture are made calm enough for letters, and letters get the colour that reads there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from creative.studio import contrast, draw, ground
from creative.studio.canvas import Canvas
from creative.studio.columns import SetColumn
from creative.studio.model import Colour, Palette
from creative.studio.stage import Box, around


@dataclass(frozen=True, slots=True)
class Zone:
    """Where letters of one colour stand: the box of each text, and all that a veil would have to cover."""

    letters: tuple[Box, ...]
    whole: Box


def zone(made: SetColumn) -> Zone | None:
    """The zone of a set column; None when all its texts stand on buttons of their own."""
    letters = tuple(one.letters for one in made.placed if one.pill is None)
    return Zone(letters, around([one.box for one in made.placed])) if letters else None


def calm(canvas: Canvas, zones: Sequence[Zone], palette: Palette) -> list[Colour]:
    """Lay veils where they are needed; gives the letters' colour in each zone.

    Each zone is judged by itself. When the veil of one has spoilt another, light here and dark there, all get
    the same colour and the same veil.
    """
    colours = [_one(canvas, each, palette) for each in zones]
    if all(_reads(canvas, each, colour) for each, colour in zip(zones, colours, strict=True)):
        return colours
    soft = ground.Soft(canvas.flat)
    boxes = [box for each in zones for box in each.letters]
    reading = ground.read([soft.sample(box) for box in boxes], palette, target=ground.AIM)
    for each in zones:
        canvas.lay("背景", "衬底", draw.Drawn(soft.veil(each.whole, reading), 0, 0))
    return [reading.text] * len(zones)


def _one(canvas: Canvas, each: Zone, palette: Palette) -> Colour:
    """Ink or paper for one zone, with a veil if neither reads or the ground is restless."""
    grounds = [contrast.sample(canvas.flat, box) for box in each.letters]
    reading = ground.read(grounds, palette)
    if reading.opacity > 0 or any(ground.restless(pixels) for pixels in grounds):
        soft = ground.Soft(canvas.flat)
        reading = ground.read([soft.sample(box) for box in each.letters], palette, target=ground.AIM)
        canvas.lay("背景", "衬底", draw.Drawn(soft.veil(each.whole, reading), 0, 0))
    return reading.text


def _reads(canvas: Canvas, each: Zone, colour: Colour) -> bool:
    return all(contrast.measure(canvas.flat, box, colour) >= contrast.TARGET for box in each.letters)
