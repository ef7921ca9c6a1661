"""The contact sheet: every picture whole, in order, with its name; small enough for a card."""

import io

import numpy as np
import pytest
from PIL import Image, ImageChops

from creative.studio.sheet import WIDTH, contact_sheet

COLOURS = [(200, 30, 30), (30, 160, 60), (30, 60, 200), (220, 180, 20), (120, 40, 160)]


def centre(sheet: Image.Image, colour: tuple[int, int, int]) -> tuple[float, float]:
    """Where the pixels of a colour lie on average."""
    rows, columns = np.nonzero((np.asarray(sheet) == colour).all(axis=2))
    assert rows.size > 500, "the picture is not on the sheet"
    return float(columns.mean()), float(rows.mean())


def test_pictures_stand_in_reading_order() -> None:
    sheet = contact_sheet([("图", Image.new("RGB", (300, 300), colour)) for colour in COLOURS])
    assert sheet.mode == "RGB"
    assert sheet.width == WIDTH
    places = [centre(sheet, colour) for colour in COLOURS]
    assert places == sorted(places, key=lambda place: (round(place[1]), place[0]))
    assert len({round(y) for _, y in places}) == 2


@pytest.mark.parametrize("size", [(1080, 1920), (1920, 600), (800, 800), (900, 383)])
def test_every_picture_is_shown_whole_and_undistorted(size: tuple[int, int]) -> None:
    image = Image.new("RGB", size, COLOURS[0])
    sheet = contact_sheet([("a", image), ("b", Image.new("RGB", (800, 800), COLOURS[1]))], columns=2)
    rows, columns = np.nonzero((np.asarray(sheet) == COLOURS[0]).all(axis=2))
    shown = np.ptp(columns) + 1, np.ptp(rows) + 1
    assert shown[0] / shown[1] == pytest.approx(size[0] / size[1], rel=0.02)
    assert shown[0] * shown[1] == rows.size


def test_labels_are_written_below_and_shortened() -> None:
    image = Image.new("RGB", (300, 300), COLOURS[0])
    plain = contact_sheet([("", image)] * 3)
    short = contact_sheet([("天猫主图", image)] + [("", image)] * 2)
    long = contact_sheet([("长" * 200 + "\n", image)] + [("", image)] * 2)
    box = ImageChops.difference(plain, short).getbbox()
    assert box is not None
    assert box[1] > centre(plain, COLOURS[0])[1]
    wide = ImageChops.difference(plain, long).getbbox()
    assert wide is not None
    assert wide[2] <= 24 + 368 + 8


def test_few_pictures_use_the_room() -> None:
    one = contact_sheet([("a", Image.new("RGB", (300, 300), COLOURS[0]))])
    assert ((np.asarray(one) == COLOURS[0]).all(axis=2)).mean() > 0.8


def test_a_white_picture_ends_where_its_frame_is() -> None:
    """A poster with a white foot is not taken for a shorter one on white paper."""
    tall = Image.new("RGB", (900, 1600), (255, 255, 255))
    sheet = contact_sheet([("a", tall), ("b", Image.new("RGB", (800, 800), COLOURS[1]))], columns=2)
    middle = sheet.height // 2
    left = [sheet.getpixel((x, middle)) for x in range(24, 600)]
    first = left.index((255, 255, 255))
    assert first > 20
    assert left[first - 1] != (255, 255, 255)
    assert (255, 255, 255) not in left[:first]


def test_transparent_parts_are_white() -> None:
    sheet = contact_sheet([("a", Image.new("RGBA", (300, 300)))])
    assert sheet.getpixel((600, 400)) == (255, 255, 255)


def test_twelve_busy_pictures_fit_a_card() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (320, 240, 3), dtype=np.uint8)
    image = Image.fromarray(noise).resize((480, 640), Image.Resampling.BICUBIC)
    file = io.BytesIO()
    contact_sheet([("图", image)] * 12, columns=4).save(file, "JPEG", quality=85)
    assert len(file.getvalue()) < 900_000


def test_what_cannot_be_shown_says_what_to_do() -> None:
    with pytest.raises(ValueError, match="at least one"):
        contact_sheet([])
    with pytest.raises(ValueError, match="fewer columns"):
        contact_sheet([("a", Image.new("RGB", (9, 9)))] * 30, columns=30)
