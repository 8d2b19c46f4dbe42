"""Training images that need no download: dead leaves with textures, repeated structures, lines and text.

Restoration networks learn well from occluding shapes with power-law sizes, shrunk like a photograph: Achddou, Gousseau
and Ladjal, "Synthetic images as a regularity prior for image restoration neural networks" (SSVM 2021) and "Fully
synthetic training for image restoration tasks" (CVIU 2023). A scene is painted at OVERSAMPLE times the wanted size and
then shrunk, so its edges are as soft as a lens and a sensor make them.
"""

import math
import string
from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

OVERSAMPLE = 2
SMALLEST_TEXTURED = 10  # radius in canvas pixels; no texture would be seen inside a smaller shape
MOST_LEAVES = 2000  # a scene of very small leaves is left partly bare, for the sake of time
LETTERS = list(string.ascii_letters + string.digits + " " * 8)
font = lru_cache(ImageFont.load_default)  # size -> font; it decodes the same embedded file on every call

Colour = tuple[int, int, int]


class Palette:
    """Colours of one scene. They differ mostly in brightness, as in photographs, where R, G and B are correlated."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.mean = rng.uniform(60, 190) + opponent(rng.normal(0, 12, 2))  # RGB, 0..255
        self.contrast, self.chroma = rng.uniform(20, 75), rng.exponential(12)  # standard deviations, 0..255

    def colours(self, count: int) -> list[Colour]:
        brightness = self.rng.normal(0, self.contrast, (count, 1))
        return as_colours(self.mean + brightness + opponent(self.rng.normal(0, self.chroma, (count, 2))))

    def colour(self) -> Colour:
        return self.colours(1)[0]

    def near(self, colour: Colour, spread: float, count: int) -> list[Colour]:
        """Colours of about the same hue, brighter or darker by about `spread` (0..255)."""
        brightness = self.rng.normal(0, spread, (count, 1))
        return as_colours(colour + brightness + opponent(self.rng.normal(0, 0.2 * spread, (count, 2))))


def opponent(axes: np.ndarray) -> np.ndarray:
    """(..., 2) amounts of yellow-blue and red-green -> (..., 3) RGB offsets of about zero brightness."""
    return axes @ np.array([[0.5, 0.4, -1.1], [0.5, -0.3, 0.05]])


def as_colours(rgb: np.ndarray) -> list[Colour]:
    return [(red, green, blue) for red, green, blue in np.clip(rgb, 0, 255).astype(int).tolist()]


class Scene:
    """A square canvas of `side` pixels, the palette to paint it with, and a sheet of noise to cut textures from."""

    def __init__(self, rng: np.random.Generator, side: int) -> None:
        self.rng, self.side = rng, side
        self.palette = Palette(rng)
        self.noise = fractal_noise(rng, side, gain=rng.uniform(0.5, 0.95))
        self.canvas = self.texture(side, side, self.palette.colour())
        self.draw = ImageDraw.Draw(self.canvas)

    def texture(self, width: int, height: int, colour: Colour) -> Image.Image:
        """(width, height) RGB between two shades of `colour`: a gradient, a sinusoid, stripes or 1/f noise."""
        kind = self.rng.random()
        if kind < 0.4:
            field = as_grey(self.ramp(width, height))
        elif kind < 0.8:
            field = self.noise_field(width, height)
        else:
            field = self.wave_field(width, height)
        one, other = self.palette.near(colour, self.rng.exponential(30), 2)
        patch = Image.new("RGB", (width, height), one)
        patch.paste(other, mask=field)
        return patch

    def ramp(self, width: int, height: int) -> np.ndarray:
        """(height, width): distance in pixels along a random direction."""
        angle = self.rng.uniform(0, 2 * np.pi)
        x, y = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)
        return np.float32(np.cos(angle)) * x + np.float32(np.sin(angle)) * y[:, None]

    def wave_field(self, width: int, height: int) -> Image.Image:
        period = OVERSAMPLE * np.exp(self.rng.uniform(np.log(2.5), np.log(24)))
        wave = np.sin(self.ramp(width, height) * np.float32(2 * np.pi / period))
        sharpness = self.rng.choice([1, 6])  # a sinusoid, or stripes
        return as_grey(np.clip(sharpness * wave, -1, 1))

    def noise_field(self, width: int, height: int) -> Image.Image:
        left = int(self.rng.integers(0, self.side - width + 1))
        top = int(self.rng.integers(0, self.side - height + 1))
        return self.noise.crop((left, top, left + width, top + height))

    def paint(self, polygon: np.ndarray, colour: Colour, textured: bool) -> None:
        """Fill a polygon, (n, 2) canvas x and y."""
        if not textured:
            self.draw.polygon(polygon.ravel().tolist(), fill=colour)
            return
        left, top = (max(int(least), 0) for least in polygon.min(axis=0))
        right, bottom = (min(int(most) + 1, self.side) for most in polygon.max(axis=0))
        if left < right and top < bottom:
            mask = Image.new("1", (right - left, bottom - top))
            ImageDraw.Draw(mask).polygon((polygon - (left, top)).ravel().tolist(), fill=1)
            self.canvas.paste(self.texture(right - left, bottom - top, colour), (left, top), mask)

    def blur(self, radius: float) -> None:
        """Put everything painted so far out of focus."""
        self.canvas = self.canvas.filter(ImageFilter.GaussianBlur(radius))
        self.draw = ImageDraw.Draw(self.canvas)


def as_grey(field: np.ndarray) -> Image.Image:
    """(H, W) -> 8-bit image, stretched so that the least value is black and the greatest is white."""
    low, high = field.min(), field.max()
    return Image.fromarray(((field - low) * np.float32(255 / max(high - low, 1e-6))).astype(np.uint8))


def fractal_noise(rng: np.random.Generator, side: int, gain: float) -> Image.Image:
    """Amplitude 1/f^a: every octave has `gain` times the contrast of the coarser one, so a = 1 - log2(gain)."""
    field = rng.random((4, 4), dtype=np.float32)
    contrast = 1.0
    while len(field) < side:
        finer = min(2 * len(field), side)
        contrast *= gain
        field = np.asarray(Image.fromarray(field).resize((finer, finer), Image.Resampling.BICUBIC))
        field = field + np.float32(contrast) * rng.random((finer, finer), dtype=np.float32)
    return as_grey(field)


def dead_leaves(scene: Scene) -> None:
    """Occluding shapes, density of radii r^-3 between r_min and r_max; what lies behind may be out of focus."""
    rng, side = scene.rng, scene.side
    r_min = OVERSAMPLE * np.exp(rng.uniform(np.log(1.0), np.log(8.0)))
    r_max = max(side * rng.uniform(0.15, 0.5), 2 * r_min)
    mean_area = 2 * np.pi * np.log(r_max / r_min) / (r_min**-2 - r_max**-2)
    count = int(min(1.5 * side**2 / mean_area + 1, MOST_LEAVES))
    radii = (r_min**-2 + rng.random(count) * (r_max**-2 - r_min**-2)) ** -0.5  # inverse of the distribution of r^-3
    centres = rng.uniform(0, side, (count, 2))
    colours = scene.palette.colours(count)
    textured = (radii > SMALLEST_TEXTURED) & (rng.random(count) < 0.7)
    focus_at = rng.integers(0, count) if rng.random() < 0.4 else -1
    for leaf in range(count):
        if leaf == focus_at:
            scene.blur(OVERSAMPLE * rng.uniform(0.3, 2.0))
        scene.paint(centres[leaf] + radii[leaf] * outline(rng, radii[leaf]), colours[leaf], textured[leaf])


@lru_cache
def circle(corners: int) -> np.ndarray:
    """(corners, 2) of a regular polygon of radius 1."""
    angle = (np.arange(corners) + 0.5) * (2 * np.pi / corners)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def outline(rng: np.random.Generator, radius: float) -> np.ndarray:
    """(n, 2) corners of a rectangle, polygon, ellipse or blob of about radius 1, more corners for a large `radius`."""
    kind = rng.random()
    if kind < 0.25:
        points = circle(4)
    elif kind < 0.5:
        points = circle(int(rng.integers(3, 7)))
        points = points * rng.uniform(0.6, 1.2, (len(points), 1))
    else:
        points = circle(int(min(6 + radius, 40)))
        if kind > 0.75:  # pull the ellipse into a smooth lopsided blob
            points = points * (1 + 0.4 * np.sin(points * rng.uniform(1, 3, 2) + rng.uniform(0, 6, 2)))
    stretch, turn = math.exp(rng.uniform(0, 0.7)), rng.uniform(0, 2 * math.pi)
    cosine, sine = math.cos(turn), math.sin(turn)
    return points @ np.array([[stretch * cosine, stretch * sine], [-sine / stretch, cosine / stretch]])


def facade(scene: Scene) -> None:
    """Rows and columns of panes that narrow towards one side: windows, tiles, bricks, a fence seen at an angle."""
    rng, side = scene.rng, scene.side
    corners = side * (np.array([[0, 0], [1, 0], [0, 1], [1, 1]]) + rng.normal(0, 0.25, (4, 2)))
    rows, columns = np.exp(rng.uniform(np.log(3), np.log(40), 2)).astype(int)
    if rng.random() < 0.3:
        columns = 1
    width, height = rng.uniform(0.3, 0.9, 2)  # of a pane, where 1 leaves no gap
    x = (np.arange(columns)[:, None] + (0, width, width, 0)) / columns  # (columns, 4 corners)
    y = (np.arange(rows)[:, None, None] + (0, 0, height, height)) / rows  # (rows, 1, 4 corners)
    weights = np.stack([(1 - x) * (1 - y), x * (1 - y), (1 - x) * y, x * y], axis=-1)  # bilinear
    panes = (weights @ corners).reshape(rows * columns, 8).tolist()
    colours = scene.palette.near(scene.palette.colour(), rng.choice([0, 4, 25]), len(panes))
    for pane, colour in zip(panes, colours, strict=True):
        scene.draw.polygon(pane, fill=colour)


def strands(scene: Scene) -> None:
    """Many short strokes in about one direction: hair, grass, wires."""
    rng, side = scene.rng, scene.side
    direction, disorder = rng.uniform(0, 2 * np.pi), rng.uniform(0, 0.5)
    length, width = side * rng.uniform(0.03, 0.4), rng.integers(1, 2 * OVERSAMPLE + 1)
    count = int(np.exp(rng.uniform(np.log(20), np.log(800))))
    middle, reach = rng.uniform(0, side, 2), side * rng.uniform(0.1, 0.5)
    starts = rng.normal(middle, reach, (count, 2))
    angles = rng.normal(direction, disorder, count)
    ends = starts + length * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    colours = scene.palette.near(scene.palette.colour(), rng.uniform(5, 50), count)
    for stroke, colour in zip(np.hstack([starts, ends]).tolist(), colours, strict=True):
        scene.draw.line(stroke, fill=colour, width=int(width))


def text(scene: Scene) -> None:
    """A turned block of random letters and digits, 8 to 40 pixels high."""
    rng = scene.rng
    size = OVERSAMPLE * int(np.exp(rng.uniform(np.log(8), np.log(40))))
    lines = ["".join(rng.choice(LETTERS, rng.integers(3, 20))) for _ in range(rng.integers(1, 7))]
    mask = Image.new("L", (scene.side, scene.side))
    place = tuple(rng.uniform(0, 0.5 * scene.side, 2).tolist())
    ImageDraw.Draw(mask).multiline_text(place, "\n".join(lines), fill=255, font=font(size))
    if rng.random() < 0.5:
        mask = mask.rotate(rng.normal(0, 20), Image.Resampling.BICUBIC)
    scene.canvas.paste(scene.palette.colour(), mask=mask)


def photograph(scene: Scene) -> np.ndarray:
    """Shrink the canvas through a lens of random sharpness. (size, size, 3) uint8."""
    rng, size = scene.rng, scene.side // OVERSAMPLE
    kernel = (Image.Resampling.BOX, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS)[rng.integers(3)]
    image = scene.canvas.resize((size, size), kernel)
    if rng.random() < 0.5:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.2, 0.7)))
    return np.array(image)


def synthetic_image(index: int, size: int = 256, seed: int = 0) -> np.ndarray:
    """(size, size, 3) uint8 RGB, a pure function of its arguments: every draw is from Philox keyed by (seed, index).

    The same on every machine with the same NumPy and Pillow; another release of either may round or draw differently.
    Raises ValueError for a negative index or seed, or a size below 16.
    """
    if index < 0 or seed < 0 or size < 16:
        raise ValueError(f"synthetic_image needs index >= 0, seed >= 0 and size >= 16, got {index}, {seed} and {size}.")
    rng = np.random.Generator(np.random.Philox(key=np.array([seed, index], dtype=np.uint64)))
    scene = Scene(rng, OVERSAMPLE * size)
    dead_leaves(scene)
    for layer, chance in ((facade, 0.5), (strands, 0.8), (text, 0.4)):
        if rng.random() < chance:
            layer(scene)
    return photograph(scene)


def synthetic_images(count: int, size: int = 256, seed: int = 0) -> Iterator[np.ndarray]:
    """Images 0 to count - 1 of `seed`."""
    return (synthetic_image(index, size, seed) for index in range(count))
