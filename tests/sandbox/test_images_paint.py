"""Painted backgrounds: repeatable, exact in size, each different, with calm room for a headline."""

import numpy as np
import pytest
from PIL import Image

from sandbox.images_paint import THEMES, chosen, paint, watermark
from sandbox.images_scenes import SCENES
from sandbox.images_state import Bill
from sandbox.keep import dump, restore
from sandbox.kernel import World

WORDS = [words.split()[0] for words, _, _ in THEMES]


def pixels(prompt: str, seed: int = 1, width: int = 200, height: int = 300) -> np.ndarray:
    """A small painting as numbers."""
    return np.asarray(paint(prompt, seed, width, height), np.float32)


@pytest.mark.parametrize("word", [*WORDS, "没有主题"])
def test_every_theme_is_repeatable_and_every_seed_another_picture(word: str) -> None:
    """Same words and seed, same bytes; another seed, another picture; neither black nor white nor flat."""
    one = pixels(word)
    assert one.shape == (300, 200, 3)
    assert np.array_equal(one, pixels(word))
    assert not np.array_equal(one, pixels(word, seed=2))
    assert 10 < one.mean() < 250
    assert one.std() > 8


def test_the_words_choose_the_scene() -> None:
    """The theme with most words wins, of equals the first named; parts of English words count for nothing."""
    dice = np.random.default_rng(1)
    assert chosen("风格：圣诞、极简", dice)[0] == "bokeh"
    assert chosen("风格：极简、圣诞", dice)[0] == "studio"
    assert chosen("Style: summer beach", dice)[0] == "shore"
    assert chosen("圣诞 水墨 国风", dice)[0] == "ink"
    assert {scene for _, scene, _ in THEMES} == set(SCENES)


@pytest.mark.parametrize("size", [(300, 200), (240, 240), (90, 160), (1024, 1536)])
def test_the_size_is_exact(size: tuple[int, int]) -> None:
    """Also where the picture is drawn smaller and enlarged."""
    assert paint("天空", 3, *size).size == size


@pytest.mark.parametrize("word", WORDS)
def test_the_upper_part_is_calm_enough_for_a_headline(word: str) -> None:
    """Neighbouring pixels of the upper third hardly differ: no detail fights with letters."""
    grey = pixels(word, seed=4, width=400, height=600)[20:200].mean(axis=2)
    assert np.abs(np.diff(grey, axis=1)).mean() < 4.5


def test_a_reference_colours_the_picture() -> None:
    """The mean of the references pulls the colours towards it."""
    plain = np.asarray(paint("极简", 1, 200, 300), np.float32).mean(axis=(0, 1))
    blue = np.asarray(paint("极简", 1, 200, 300, (20, 40, 220)), np.float32).mean(axis=(0, 1))
    assert blue[2] - blue[0] > plain[2] - plain[0] + 20


def test_the_mark_lies_in_the_corner_and_nowhere_else() -> None:
    """Bottom right, legible."""
    before = paint("极简", 1, 400, 600)
    change = np.abs(np.asarray(watermark(before), np.int16) - np.asarray(before, np.int16)).max(axis=2)
    rows, columns = np.nonzero(change)
    assert rows.min() > 540
    assert columns.min() > 200
    assert change.max() > 50
    assert isinstance(before, Image.Image)


def test_bills_outlive_the_process_and_files_do_not() -> None:
    """A kept state has the bills and knobs; addresses are short-lived anyway."""
    world, later = World(), World()
    world.reset("empty")
    later.reset("empty")
    bill = Bill(1, 0.0, "req_1", "ark", "m", "春节", "ab", "1x1", 0, "", False, 0)
    world.images.bills.append(bill)
    world.images.quota = 3
    world.images.shelve(b"x", "png")
    restore(later, dump(world))
    assert (later.images.bills, later.images.quota, len(later.images.files)) == ([bill], 3, 0)
