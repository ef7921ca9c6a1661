"""A small composition with every kind of layer, for the writers of PSD and SVG."""

from PIL import Image, ImageDraw

from creative.studio.model import Composition, Layer, LiveText, Slot, TextLine

SIZE = (240, 320)


def small() -> Composition:
    """Four groups; the product reaches out of the canvas; a headline of two lines with an outline."""
    ground = Image.linear_gradient("L").resize(SIZE).convert("RGBA")
    product = Image.new("RGBA", (120, 100))
    ImageDraw.Draw(product).ellipse((5, 5, 110, 90), (200, 40, 60, 255), (0, 0, 0, 128))
    headline = Image.new("RGBA", (150, 70))
    ImageDraw.Draw(headline).rectangle((10, 10, 139, 59), (255, 255, 255, 200))
    point = Image.new("RGBA", (60, 20), (10, 20, 30, 255))
    logo = Image.new("RGBA", (30, 30), (0, 90, 200, 255))
    lines = (TextLine("夏日焕新 <5 折>", 14.5, 60.0), TextLine('A&B "限时" (2)', 14.5, 96.0))
    layers = (
        Layer("背景", "生成背景", ground, 0, 0),
        Layer("商品", "投影", product, -20, 190),
        Layer("商品", "商品", product, -30, 180),
        Layer(
            "文字", "主标题", headline, 10, 30,
            text=LiveText(lines, 30.0, 900, (255, 255, 255), (2, (20, 30, 40))), slot=Slot.HEADLINE,
        ),
        Layer(
            "文字", "卖点", point, 12, 120,
            text=LiveText((TextLine("山系😀吩咐", 12.0, 136.0),), 16.0, 400, (10, 20, 30)), slot=Slot.POINTS,
        ),
        Layer("标识", "品牌标志", logo, 200, 10),
    )  # fmt: skip
    flat = Image.new("RGBA", SIZE, "white")
    for layer in layers:
        placed = Image.new("RGBA", SIZE)
        placed.paste(layer.image, (layer.left, layer.top))
        flat.alpha_composite(placed)
    return Composition(*SIZE, layers, flat.convert("RGB"))
