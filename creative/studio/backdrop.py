"""TEMP"""
from PIL import Image
from creative.studio.model import Palette
def paint_backdrop(size: tuple[int, int], palette: Palette, seed: int) -> Image.Image:
    return Image.new("RGB", size, palette.secondary)
