"""The scenes: each takes a canvas and gives its picture, with calm room above and a place to stand below."""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

from sandbox.images_canvas import Array, Canvas, mix, noise, ridge, screen, soften, step


def studio(c: Canvas) -> Array:
    """A wall, a floor without an edge, light through a window or leaves, an arch and a round podium."""
    horizon = c.between(0.66, 0.72)
    lamp = c.between(0.15, 0.4) * c.wide
    light = 0.62 + 0.42 * c.glow(lamp, 0.3, 0.75) - 0.16 * c.y
    wall = c.colours.ramp(np.clip(light, 0, 1))
    floor = c.colours.ramp(np.clip(0.66 + 0.5 * (c.y - horizon), 0, 1))
    middle = c.wide * (0.5 if c.wide < 0.9 else c.between(0.56, 0.66))
    wall = arch(c, wall, middle, horizon)
    picture = mix(wall, floor, step(horizon - 0.012, horizon + 0.02, c.y))
    shade = window(c) if c.dice.random() < 0.5 else leaves(c)
    fade = 0.05 + 0.15 * step(1.1, 0.1, np.hypot(c.x - lamp, c.y - 0.3))
    picture = picture * (1 - fade * shade)[..., None] + (0.05 * (1 - shade))[..., None] * c.colours.light
    radius = min(0.36, 0.34 * c.wide)
    return podium(c, picture, middle, min(horizon + 0.12, 0.85 - 0.2 * radius), radius)


def arch(c: Canvas, wall: Array, x: float, horizon: float) -> Array:
    """A niche with a round top in the wall, or a large disc like a low sun."""
    half = min(0.30, 0.36 * c.wide)
    top = c.between(0.26, 0.34)
    if c.dice.random() < 0.45:
        distance = np.hypot(c.x - x, c.y - (horizon - 0.20)) - half * 0.95
        return mix(
            wall, mix(c.colours.accent, c.colours.light, 0.35), 0.55 * step(c.pixel, -c.pixel, distance)
        )
    up = np.minimum(c.y - (top + half), 0)
    distance = np.hypot(c.x - x, up) - half
    inside = step(c.pixel, -c.pixel, distance)
    depth = step(0.0, -0.10, distance + 0.05 * (c.x - x) / half)
    niche = mix(c.colours.dark, c.colours.mid, 0.35 + 0.65 * depth)
    niche = mix(niche, c.colours.light, 0.35 * c.glow(x, horizon, 0.35))
    rim = 0.5 * step(0.012, 0.0, np.abs(distance))
    return mix(mix(wall, niche, 0.85 * inside), c.colours.light, 0.5 * rim)


def podium(c: Canvas, picture: Array, x: float, y: float, radius: float) -> Array:
    """A round stand of two steps whose upper face is at height ``y``, with its shadow."""
    for r, top, high in ((radius, y + 0.05, 0.06), (radius * 0.74, y, 0.05)):
        flat = r * 0.2
        u = (c.x - x) / r
        bottom = top + high
        shadow = np.hypot((c.x - x - r * 0.22) / (r * 1.22), (c.y - bottom - flat * 0.3) / (flat * 1.7))
        picture = picture * (1 - 0.36 * step(1.1, 0.45, shadow))[..., None]
        curve = flat * np.sqrt(np.clip(1 - u * u, 0, 1))
        edge = step(1 + c.pixel / r, 1 - c.pixel / r, np.abs(u))
        side = edge * step(-c.pixel, c.pixel, c.y - top) * step(c.pixel, -c.pixel, c.y - bottom - curve)
        round_light = np.clip(0.80 - 0.34 * u - 0.26 * u * u, 0.1, 1)
        picture = mix(picture, c.colours.ramp(round_light * 0.82), side)
        face = np.hypot(u, (c.y - top) / flat)
        on_top = step(1 + 2 * c.pixel / flat, 1 - 2 * c.pixel / flat, face)
        picture = mix(picture, c.colours.ramp(np.clip(0.95 - 0.12 * (u + 1) / 2, 0, 1)), on_top)
        lip = np.exp(-(((face - 0.985) / 0.02) ** 2)) * (c.y > top)
        picture = mix(picture, c.colours.light, 0.55 * lip * on_top)
    return picture


def window(c: Canvas) -> Array:
    """Where the shadow of a window's bars lies: 1 in the shade."""
    tilt = c.between(0.35, 0.6)
    u = c.x / c.wide + tilt * c.y + c.between(-0.1, 0.1)
    v = c.y - 0.35 * c.x
    panes = step(0.02, 0.05, np.abs((u * 2.6) % 1 - 0.5)) * step(
        0.02, 0.05, np.abs((v * 2.2 + 0.3) % 1 - 0.5)
    )
    inside = step(0.12, 0.2, u) * step(1.25, 1.1, u) * step(0.92, 0.7, c.y)
    return 1 - panes * inside


def leaves(c: Canvas) -> Array:
    """The soft shadow of palm leaves that hang in from a corner: 1 in the shade."""
    rows, columns = c.shape
    shade = Image.new("L", (columns, rows), 0)
    draw = ImageDraw.Draw(shade)
    for number in range(3):
        x0, y0 = c.between(-0.15, 0.12) * c.wide, c.between(-0.08, 0.10) + 0.16 * number
        angle, long = c.between(0.10, 0.55) + 0.12 * number, c.between(0.5, 0.68)
        for t in np.linspace(0.08, 1, 17):
            root = (x0 + long * t * np.cos(angle + 0.5 * t), y0 + long * t * np.sin(angle + 0.5 * t))
            for side in (-1, 1):
                turn = angle + 0.5 * t + side * (1.05 - 0.55 * t)
                blade(draw, rows, root, turn, 0.25 * (1.05 - 0.6 * t))
    return soften(np.asarray(shade, np.float32) / 255, max(2, rows // 95))


def blade(draw: ImageDraw.ImageDraw, rows: int, root: tuple[float, float], turn: float, long: float) -> None:
    """One narrow leaf, pointed at both ends."""
    ahead, aside = np.array([np.cos(turn), np.sin(turn)]), np.array([-np.sin(turn), np.cos(turn)])
    form = ((0, 0), (0.3, 0.011), (0.6, 0.010), (1, 0), (0.6, -0.010), (0.3, -0.011))
    points = [np.array(root) + ahead * (along * long) + aside * across for along, across in form]
    draw.polygon([(float(x) * rows, float(y) * rows) for x, y in points], fill=255)


def silk(c: Canvas) -> Array:
    """Folds of cloth, lit from the side, smoother in the middle."""
    turn = c.between(0.45, 0.8)
    drift = noise(c.dice, c.shape, 2, 3)
    u = c.x * np.cos(turn) + c.y * np.sin(turn) + 0.42 * drift
    v = -c.x * np.sin(turn) + c.y * np.cos(turn)
    wave = 1.2 * np.sin(2.6 * v + 5 * noise(c.dice, c.shape, 2, 2))
    height = np.sin(7 * u + wave) + 0.42 * np.sin(15 * u + 2.4 * wave + 2 * v)
    height += 0.10 * np.sin(37 * u + 3 * wave) + 0.05 * np.sin(61 * u - 9 * v)
    dy, dx = np.gradient(height / c.pixel * 0.05)
    lit = (0.78 - 0.62 * dx - 0.42 * dy) / np.sqrt(1 + dx * dx + dy * dy)
    shine = np.clip(lit, 0, 1.05) ** 12
    calm = 0.55 + 0.45 * step(0.1, 0.6, np.hypot((c.x / c.wide - 0.5) * 1.1, c.y - 0.42))
    tone = 0.52 + calm * (0.62 * (lit - 0.72) + 0.09 * height)
    picture = c.colours.ramp(np.clip(tone, 0.02, 0.97))
    return mix(picture, c.colours.accent, np.clip(0.62 * shine * calm, 0, 0.7))


def bokeh(c: Canvas) -> Array:
    """Lights out of focus over a glossy table, warm in the middle."""
    table = c.between(0.70, 0.75)
    glow = c.glow(c.between(0.35, 0.65) * c.wide, 0.42, 0.62)
    back = c.colours.ramp(np.clip(0.04 + 0.62 * glow + 0.10 * noise(c.dice, c.shape, 2, 3), 0, 1))
    lights = np.zeros((*c.shape, 3), np.float32)
    for number in range(110):
        near = number / 110
        radius = (0.007 + 0.044 * near**3) * c.between(0.7, 1.3)
        x, y = c.between(-0.05, 1.05) * c.wide, table * c.between(0.0, 1.0) ** 0.7
        # Calm room for a headline: fewer and weaker lights in the upper middle.
        away = min(1.0, abs(x / c.wide - 0.5) * 1.9 + 0.18 + 0.5 * (y > 0.5))
        colour = c.colours.accent if c.dice.random() < 0.72 else c.colours.light
        disc(c, lights, (x, y, radius), colour * np.float32(away * c.between(0.18, 0.62)))
    upper = screen(back, lights)
    return on_table(c, upper, table)


def disc(c: Canvas, lights: Array, circle: tuple[float, float, float], colour: Array) -> None:
    """Add one light out of focus: an even disc with a slightly brighter rim."""
    x, y, radius = circle
    rows, columns = c.shape
    reach = radius * 1.2
    top, bottom = int(max(0, (y - reach) * rows)), int(min(rows, (y + reach) * rows + 1))
    left, right = int(max(0, (x - reach) * rows)), int(min(columns, (x + reach) * rows + 1))
    if top >= bottom or left >= right:
        return
    patch = np.s_[top:bottom, left:right]
    distance = np.hypot(c.x[patch] - x, c.y[patch] - y) / radius
    form = step(1.06, 0.90, distance) * (0.72 + 0.28 * distance * distance)
    lights[patch] += form[..., None] * colour


def on_table(c: Canvas, upper: Array, table: float) -> Array:
    """Mirror what is above a table's edge in its surface, dark and blurred."""
    rows = c.shape[0]
    edge = int(table * rows)
    below = rows - edge
    mirrored = upper[edge - below : edge][::-1]
    depth = np.linspace(0, 1, below, dtype=np.float32)[:, None]
    blurred = soften(soften(mirrored, 9), 5)
    shine = 0.62 - 0.34 * depth
    surface = blurred * shine[..., None] + c.colours.dark * (0.32 * (1 - shine))[..., None]
    streak = c.glow(0.5 * c.wide, table + 0.13, 0.30)[edge:]
    surface = screen(surface, c.colours.accent * (0.16 * streak)[..., None])
    picture = np.concatenate([upper[:edge], surface])
    line = np.exp(-(((c.y - table) / 0.006) ** 2)) * (0.25 + 0.5 * c.glow(0.5 * c.wide, table, 0.5))
    return screen(picture, c.colours.accent * (0.30 * line)[..., None])


def clouds(c: Canvas, picture: Array, cover: float, low: float) -> Array:
    """Clouds above the height ``low``, lit from above."""
    field = noise(c.dice, c.shape, 3.5, 6)
    thick = step(cover, cover + 0.22, field - 0.10 * step(0.5 * low, low, c.y))
    shaded = np.clip(0.86 + 1.7 * (field - np.roll(field, -max(2, c.shape[0] // 60), axis=0)), 0.62, 1)
    white = np.array([1.0, 0.99, 0.97], np.float32)
    body = mix(mix(c.colours.mid, white, 0.72), white, (shaded - 0.62) / 0.38)
    return mix(picture, body, 0.92 * thick * step(low, low - 0.12, c.y))


def sky(c: Canvas) -> Array:
    """Dawn above a sea of clouds, the sun low."""
    sun = (c.between(0.3, 0.7) * c.wide, c.between(0.52, 0.60))
    picture = c.colours.ramp(np.clip(c.y * 1.35, 0, 1))
    picture = clouds(c, picture, 0.56, 0.62)
    picture = mix(picture, c.colours.accent, 0.75 * c.glow(*sun, 0.22))
    for number, level in enumerate((0.64, 0.72, 0.80, 0.89)):
        field = noise(c.dice, c.shape, 5 + 2 * number, 5)
        top = level + 0.10 * (0.5 - field)
        puffs = step(-0.012, 0.03, c.y - top)
        lit = np.clip(0.60 + 0.9 * (field - 0.45) - 1.6 * (c.y - level), 0.15, 1)
        body = mix(mix(c.colours.dark, c.colours.mid, 0.75), np.float32(1) * c.colours.accent, lit)
        picture = mix(picture, body, 0.88 * puffs)
    return mix(picture, c.colours.accent, 0.22 * c.glow(*sun, 0.5))


def shore(c: Canvas) -> Array:
    """Summer sky, a calm sea, wet and dry sand with the shadow of palm leaves."""
    horizon, beach = c.between(0.44, 0.50), c.between(0.66, 0.70)
    air = mix(c.colours.mid, c.colours.dark, step(horizon, 0.0, c.y))
    air = mix(air, c.colours.light, 0.75 * step(horizon - 0.28, horizon, c.y))
    picture = clouds(c, air, 0.58, horizon - 0.02)
    depth = np.clip((c.y - horizon) / (beach - horizon), 0, 1)
    flat = noise(c.dice, (c.shape[0], max(2, c.shape[1] // 14)), 46, 3)
    ripples = np.repeat(flat, 15, axis=1)[:, : c.shape[1]]
    water = mix(c.colours.dark, mix(c.colours.mid, c.colours.light, 0.5), 0.25 + 0.75 * depth)
    water = mix(water, np.ones(3, np.float32), 0.20 * step(0.56, 0.74, soften(ripples, 2)))
    picture = mix(picture, water, step(horizon - 0.003, horizon + 0.003, c.y))
    edge = beach + 0.09 * (ridge(c, 2.2, 3) - 0.5) + 0.06 * (c.x / c.wide - 0.5)
    grainy = noise(c.dice, c.shape, 90, 2)
    dry = np.array([0.965, 0.90, 0.77], np.float32) * (0.93 + 0.10 * grainy)[..., None]
    sand = mix(dry * np.float32(0.80), dry, step(0.02, 0.10, c.y - edge))
    picture = mix(picture, sand, step(0.0, 0.006, c.y - edge))
    foam = np.exp(-(((c.y - edge + 0.004) / 0.009) ** 2)) * (0.6 + 0.6 * noise(c.dice, c.shape, 40, 3))
    picture = mix(picture, np.ones(3, np.float32), np.clip(foam, 0, 0.95))
    picture = picture * (1 - 0.20 * leaves(c)[::-1] * step(0.0, 0.05, c.y - edge))[..., None]
    return screen(
        picture, np.array([1, 0.96, 0.82], np.float32) * (0.35 * c.glow(0.8 * c.wide, 0.04, 0.4))[..., None]
    )


def grid(c: Canvas) -> Array:
    """A dark hall of light: a grid that runs to the horizon, a ring of neon, dust."""
    horizon = c.between(0.64, 0.69)
    middle = c.wide * 0.5
    air = c.colours.ramp(
        np.clip(0.04 + 0.5 * c.glow(middle, horizon, 0.42) + 0.08 * noise(c.dice, c.shape, 3, 3), 0, 1)
    )
    away = np.clip(c.y - horizon, 1e-4, None)
    far = 0.16 / away
    width = 0.012 * far * c.pixel / away + 0.02
    across = np.abs(((c.x - middle) / away * 1.6 + 0.5) % 1 - 0.5)
    along = np.abs((far * 2.4 + 0.25) % 1 - 0.5)
    thin = np.clip(1.6 * c.pixel / away, 0.012, 0.5)
    lines = np.maximum(fade_line(across, thin), fade_line(along, width))
    strength = step(0.0, 0.16, c.y - horizon) * (0.30 + 0.45 * c.glow(middle, horizon + 0.1, 0.5))
    floor = c.colours.ramp(np.clip(0.03 + 0.20 * c.glow(middle, horizon, 0.35), 0, 1))
    floor = screen(floor, c.colours.accent * (lines * strength)[..., None])
    picture = mix(air, floor, step(-0.002, 0.002, c.y - horizon))
    ring = np.abs(np.hypot(c.x - middle, c.y - (horizon - 0.21)) - min(0.22, 0.33 * c.wide))
    shine = (
        np.exp(-((ring / 0.004) ** 2)) + 0.55 * np.exp(-((ring / 0.022) ** 2)) + 0.22 * np.exp(-ring / 0.06)
    )
    shine = shine * step(0.004, -0.004, c.y - horizon)
    picture = screen(picture, mix(c.colours.accent, np.ones(3, np.float32), 0.25) * (0.85 * shine)[..., None])
    mirrored = np.exp(-(((np.hypot(c.x - middle, (c.y - horizon) * 1.9 - 0.21) - 0.22) / 0.03) ** 2))
    picture = screen(picture, c.colours.accent * (0.16 * mirrored * (c.y > horizon))[..., None])
    line = np.exp(-np.abs(c.y - horizon) / 0.010) * c.glow(middle, horizon, 0.6)
    picture = screen(picture, c.colours.accent * (0.55 * line)[..., None])
    dust = (c.dice.random(c.shape, dtype=np.float32) > 0.9994).astype(np.float32)
    return screen(
        picture, c.colours.light * (0.9 * soften(dust, 2) * step(horizon, horizon - 0.2, c.y))[..., None]
    )


def fade_line(distance: Array, width: Array) -> Array:
    """A line of light where a distance is small, whatever its width."""
    return np.asarray(np.exp(-((distance / width) ** 2)), np.float32)


def forest(c: Canvas) -> Array:
    """Morning in a wood: trunks that fade into mist, rays of sun, moss in front."""
    sun = (c.between(0.3, 0.6) * c.wide, 0.14)
    light = 0.30 + 0.62 * c.glow(*sun, 0.55) + 0.18 * c.glow(*sun, 0.2)
    picture = c.colours.ramp(np.clip(light + 0.10 * (noise(c.dice, c.shape, 5, 4) - 0.5), 0, 1))
    ground = 0.74
    for layer in range(4):
        near = layer / 3
        tone = mix(mix(c.colours.mid, c.colours.light, 0.55), c.colours.dark, 0.18 + 0.74 * near)
        trunks = np.zeros(c.shape, np.float32)
        for _ in range(9 - 2 * layer):
            x, lean = c.between(-0.05, 1.05) * c.wide, c.between(-0.05, 0.05)
            if near > 0.5 and abs(x / c.wide - 0.5) < 0.30:
                continue  # the middle stays open
            half = (0.006 + 0.022 * near) * c.between(0.7, 1.3) * (1 + 0.5 * c.y**6)
            distance = np.abs(c.x - x - lean * (c.y - 0.5)) - half
            trunks = np.maximum(trunks, step(0.004, -0.004, distance))
        crown = noise(c.dice, c.shape, 7 + 3 * layer, 5)
        side = np.abs(c.x / c.wide - 0.5) * 2
        leaf = step(0.49, 0.66, crown + 0.34 * (0.30 - c.y) + 0.16 * (side - 0.75))
        cover = np.maximum(trunks * step(ground + 0.1, ground, c.y), leaf * step(0.62, 0.25, c.y))
        mist = 0.30 + 0.62 * near
        picture = mix(picture, tone, np.clip(cover, 0, 1) * mist)
    angle = np.arctan2(c.x - sun[0], c.y - sun[1] + 0.2)
    rays = np.interp(angle, np.linspace(-1.6, 1.6, 90), c.dice.random(90)).astype(np.float32)
    rays = step(0.45, 1.0, rays) * c.glow(*sun, 0.75) * step(0.05, 0.3, c.y)
    picture = screen(picture, c.colours.accent * (0.34 * rays)[..., None])
    return screen(moss(c, picture, ground), c.colours.accent * (0.30 * c.glow(*sun, 0.22))[..., None])


def moss(c: Canvas, picture: Array, ground: float) -> Array:
    """A mossy floor with a flat, brighter clearing."""
    bumps = noise(c.dice, c.shape, 16, 5)
    top = ground + 0.035 * (0.5 - ridge(c, 3, 3)) + 0.018 * (0.5 - bumps)
    clearing = np.hypot((c.x - 0.5 * c.wide) / (0.62 * c.wide), (c.y - 0.87) / 0.13)
    lit = np.clip(0.20 + 0.42 * bumps + 0.34 * step(1.2, 0.2, clearing) - 0.35 * (c.y - ground), 0, 1)
    return mix(picture, c.colours.ramp(lit * 0.85), step(-0.006, 0.010, c.y - top))


def ink(c: Canvas) -> Array:
    """Ink on paper: ranges of hills in mist, a red sun, still water."""
    paper = c.colours.light * (0.965 + 0.05 * noise(c.dice, c.shape, 60, 3))[..., None]
    paper = paper * (1 - 0.05 * noise(c.dice, c.shape, 2, 2))[..., None]
    sun = (c.between(0.62, 0.78) * c.wide, c.between(0.24, 0.32))
    disc_of_sun = np.hypot(c.x - sun[0], c.y - sun[1]) - 0.062
    wash = 0.82 + 0.18 * noise(c.dice, c.shape, 14, 3)
    picture = mix(paper, c.colours.accent, 0.86 * wash * step(0.003, -0.003, disc_of_sun))
    for layer in range(5):
        near = layer / 4
        base, high = 0.46 + 0.085 * layer, 0.17 - 0.018 * layer
        line = ridge(c, 1.6 + 0.8 * layer, 7)
        side = 0.55 + 0.65 * np.abs(c.x / c.wide - c.between(0.35, 0.65))
        crest = base - high * (line - 0.35) * 2.4 * side
        down = c.y - crest
        rough = 0.75 + 0.5 * (noise(c.dice, c.shape, 12 + 6 * layer, 4) - 0.5)
        dark = (0.30 + 0.55 * near) * np.exp(-np.clip(down, 0, None) / (0.085 + 0.02 * near)) * rough
        edge = 0.25 * np.exp(-((down / 0.006) ** 2)) * (0.4 + near)
        picture = mix(picture, c.colours.dark, np.clip(dark + edge, 0, 0.92) * step(-0.003, 0.004, down))
    water = step(0.80, 0.86, c.y)
    still = paper * (1 - 0.05 * noise(c.dice, (c.shape[0], 3), 60, 2)[:, :1])[..., None]
    picture = mix(picture, still, 0.85 * water)
    mist = 0.75 * np.exp(-(((c.y - 0.79) / 0.06) ** 2)) * (0.5 + 0.7 * noise(c.dice, c.shape, 3, 3))
    return mix(picture, paper, np.clip(mist, 0, 0.95))


SCENES: dict[str, Callable[[Canvas], Array]] = {
    "studio": studio,
    "silk": silk,
    "bokeh": bokeh,
    "sky": sky,
    "shore": shore,
    "grid": grid,
    "forest": forest,
    "ink": ink,
}
