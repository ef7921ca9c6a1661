"""Fingerprints: stable under what channels do to pictures, different for different pictures."""

import hashlib
import io

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from creative.studio.hashing import dhash, distance, sha256


def scene(seed: int) -> Image.Image:
    """Soft patches, as a photo has them."""
    noise = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize((640, 480), Image.Resampling.BICUBIC)


def test_sha256_is_that_of_the_bytes() -> None:
    assert sha256(b"chorus") == hashlib.sha256(b"chorus").hexdigest()


def test_the_bits_say_which_neighbour_is_brighter() -> None:
    rising = Image.linear_gradient("L").rotate(90)
    assert dhash(rising) == "f" * 16
    assert dhash(rising.rotate(180)) == "0" * 16
    half = np.zeros((8, 9), dtype=np.uint8)
    half[0, 1] = 255
    assert dhash(Image.fromarray(half)) == "80" + "00" * 7


def test_the_look_survives_scaling_compression_and_light() -> None:
    image = scene(1)
    packed = io.BytesIO()
    image.save(packed, "JPEG", quality=60)
    for changed in (
        image.resize((320, 240)),
        Image.open(packed),
        ImageEnhance.Brightness(image).enhance(1.1),
    ):
        assert distance(dhash(image), dhash(changed)) <= 6


def test_other_pictures_are_far_away() -> None:
    hashes = [dhash(scene(seed)) for seed in range(8)]
    assert min(distance(a, b) for a in hashes for b in hashes if a != b) > 10


def test_transparent_counts_as_white() -> None:
    image = scene(2)
    clear = image.copy()
    clear.putalpha(Image.linear_gradient("L").rotate(90).resize(image.size))
    seen = Image.new("RGBA", image.size, "white")
    seen.alpha_composite(clear)
    assert dhash(clear) == dhash(seen.convert("RGB")) != dhash(image)


def test_no_hash_no_distance() -> None:
    with pytest.raises(ValueError, match="16 hex digits"):
        distance("abc", "0" * 16)
