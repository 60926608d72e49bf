"""Draw the sample drawings of the package, softmax_lib/drawings/*.png: the same bytes each time.

    python tools/draw_digits.py [FOLDER]

They stand for what people give a digit reader: pen, marker and chalk, photos of paper, large, small and
transparent pictures.  Strokes go through points that were set by hand, with a hand's wobble and pressure.
The first character of a name is the digit that is meant.  (Byte-identical with the Pillow and NumPy of
constraints.txt; other versions may pack or round differently.)
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

FOLDER = Path(__file__).parents[1] / "softmax_lib" / "drawings"

# Each digit: its strokes, one a line, each a list of points "x,y" that a smooth curve goes through.
# x runs from 0 to 100 to the right, y from 0 to 140 downwards.
STROKES = {
    "0": """
        60,7 34,8 13,36 9,78 25,122 54,131 81,104 89,60 76,21 52,5 38,13
    """,
    "0 narrow": """
        56,10 40,5 26,34 24,84 36,128 54,130 70,96 72,44 58,14 46,9
    """,
    "1": """
        60,4 55,50 50,98 43,135
    """,
    "1 with a flag": """
        24,42 42,25 59,4
        59,4 58,52 55,96 56,137
    """,
    "2": """
        13,36 24,12 50,4 75,17 77,45 56,78 29,108 9,131
        9,131 38,122 66,127 95,121
    """,
    "3": """
        15,22 40,4 71,13 72,42 38,63
        38,63 75,69 87,99 64,130 32,133 9,112
    """,
    "4": """
        50,4 36,44 10,87
        10,87 48,86 95,80
        73,38 67,88 62,138
    """,
    "5": """
        29,9 24,34 20,60
        20,60 48,50 80,67 83,103 55,131 12,119
        27,10 56,9 89,3
    """,
    "6": """
        72,5 42,28 19,68 13,107 35,134 67,127 77,99 57,79 29,88 15,111
    """,
    "7": """
        9,17 47,13 89,9
        89,9 67,52 49,95 39,137
    """,
    "7 with a bar": """
        9,17 47,13 89,9
        89,9 67,52 49,95 39,137
        31,73 56,70 85,63
    """,
    "8": """
        74,24 50,5 25,21 33,50 65,77 78,107 54,134 24,119 29,90 59,57 77,31 64,11
    """,
    "9": """
        77,30 54,8 25,24 22,55 47,68 71,47 78,20
        78,20 76,72 66,137
    """,
}


# --------------------------------------------------------------------------------------------------- the hand


def strokes_of(digit: str) -> list[np.ndarray]:
    """The points (M, 2) of each stroke."""
    lines = STROKES[digit].strip().splitlines()
    return [np.array([point.split(",") for point in line.split()], float) for line in lines]


def smooth_curve(points: np.ndarray, steps: int = 60) -> np.ndarray:
    """Points (M, 2) on a Catmull-Rom spline through the given ones."""
    p = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    pieces = [
        b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
        for a, b, c, d in zip(p, p[1:], p[2:], p[3:], strict=False)
    ]
    return np.concatenate([*pieces, p[-2:-1]])


def write_by_hand(digit: str, size, height: float, at, pen: float, slant: float, seed: int) -> np.ndarray:
    """The ink of one digit: floats (H, W) in [0, 1].

    size: (W, H) of the picture; height of the digit, its top left corner and the pen's width, in pixels;
    slant: how far the top leans to the right, in heights; seed: of wobble and pressure.
    """
    rng = np.random.default_rng(seed)
    fine = 4  # drawn larger and shrunk, so that edges are soft
    sheet = Image.new("L", (size[0] * fine, size[1] * fine), 0)
    draw = ImageDraw.Draw(sheet)
    for points in strokes_of(digit):
        curve = smooth_curve(points)
        along = np.linspace(0, len(points) - 1, len(curve))
        wobble = sum(
            rng.normal(0, 1.1 / k, 2) * np.sin(1.3 * k * along[:, None] + rng.uniform(0, 6.28, 2))
            for k in (1, 2, 4)
        )
        x, y = (curve + wobble).T
        x, y = at[0] + (x + slant * (140 - y)) * height / 140, at[1] + y * height / 140
        pressure = 1 + 0.13 * np.sin(along * 1.7 + rng.uniform(0, 6.28))
        # lighter at both ends
        pressure *= np.minimum(1, 0.75 + along) * np.minimum(1, 0.7 + along[-1] - along)
        radius = pen * pressure / 2 * fine
        for cx, cy, r in zip(x * fine, y * fine, radius, strict=True):
            draw.ellipse((cx - r, cy - r, cx + r, cy + r), fill=255)
    return np.asarray(sheet.resize(size, Image.Resampling.BOX), float) / 255


# ------------------------------------------------------------------------------------------------- the papers


def grey(levels: np.ndarray, step: int = 1) -> Image.Image:
    """A grey picture of levels in [0, 1]; a step above 1 makes the file smaller."""
    return Image.fromarray((np.clip(levels * 255 / step, 0, 255 // step).round() * step).astype(np.uint8))


def on_white(ink: np.ndarray, darkness: float = 0.92) -> Image.Image:
    return grey(1 - darkness * ink)


def coloured(ink: np.ndarray, pen, paper) -> Image.Image:
    """A pen and a paper of any RGB colour."""
    pen, paper = np.array(pen, float), np.array(paper, float)
    return Image.fromarray((paper + ink[..., None] * (pen - paper)).round().astype(np.uint8))


def transparent(ink: np.ndarray, pen) -> Image.Image:
    """What a drawing programme exports: a pen's colour, and everything else see-through."""
    alpha = (ink * 255).round().astype(np.uint8)
    rgb = np.where(alpha[..., None] > 0, np.array(pen, np.uint8), np.uint8(0))
    return Image.fromarray(np.dstack([rgb, alpha]).astype(np.uint8))


def chalk(ink: np.ndarray, seed: int) -> Image.Image:
    """Chalk on a board: the stroke is fainter where the board is rough."""
    rng = np.random.default_rng(seed)
    rough = Image.fromarray(rng.uniform(0, 1, (ink.shape[0] // 2, ink.shape[1] // 2)))
    rough = np.asarray(rough.resize(ink.shape[::-1], Image.Resampling.BILINEAR))
    return grey(0.10 + ink * (0.45 + 0.5 * rough), step=8)


def photo(ink: np.ndarray, light: np.ndarray, seed: int, darkness: float = 0.78) -> Image.Image:
    """A photo: light falls on the paper, ink takes most of it away, the sensor adds noise."""
    noise = np.random.default_rng(seed).normal(0, 0.022, ink.shape)
    return grey(light * (1 - darkness * ink) + noise, step=6)


def light_from(side: str, shape, bright: float, dark: float) -> np.ndarray:
    """Light that falls off from one corner: "nw", "ne", "sw" or "se"."""
    y, x = np.mgrid[0 : 1 : shape[0] * 1j, 0 : 1 : shape[1] * 1j]
    far = ((1 - y if "s" in side else y) + (1 - x if "e" in side else x)) / 2
    return bright + (dark - bright) * far


def shadow(shape, left_of: float, lean: float, depth: float) -> np.ndarray:
    """A shadow with a soft edge over the left of the picture, such as a hand's or a phone's."""
    y, x = np.mgrid[0 : 1 : shape[0] * 1j, 0 : 1 : shape[1] * 1j]
    lit = np.clip((x - left_of - lean * y) / 0.08 + 0.5, 0, 1)
    return 1 - depth * (1 - lit)


# ----------------------------------------------------------------------------------------------- the drawings


def drawings() -> dict[str, Image.Image]:
    """Each drawing by its file name."""
    hand = write_by_hand
    made = {}
    made["0_pen"] = on_white(hand("0", (140, 160), 116, (26, 20), 7, 0.08, seed=1))
    made["0_chalk"] = chalk(hand("0 narrow", (120, 150), 112, (20, 18), 10, 0.12, seed=2), seed=3)
    made["1_photo"] = photo(
        hand("1", (150, 120), 84, (44, 16), 6, 0.14, seed=4), light_from("nw", (120, 150), 0.88, 0.55), seed=5
    )
    made["1_flag"] = on_white(hand("1 with a flag", (120, 140), 100, (22, 18), 8, 0.02, seed=6))
    made["2_marker"] = coloured(
        hand("2", (140, 150), 100, (30, 22), 15, 0.05, seed=7), pen=(24, 40, 120), paper=(255, 255, 255)
    )
    made["3_photo"] = photo(
        hand("3", (160, 130), 92, (50, 18), 7, 0.06, seed=8), light_from("ne", (130, 160), 0.9, 0.45), seed=9
    )
    made["4_chalk"] = chalk(hand("4", (140, 150), 104, (30, 20), 9, 0.1, seed=10), seed=11)
    made["4_small"] = on_white(hand("4", (26, 32), 24, (3, 4), 2.6, 0.05, seed=12), 0.8)
    made["5_corner"] = on_white(hand("5", (640, 480), 150, (498, 300), 7, 0.1, seed=13))
    made["6_transparent"] = transparent(
        hand("6", (128, 128), 92, (30, 16), 11, 0.04, seed=14), pen=(20, 20, 20)
    )
    made["7_red"] = coloured(
        hand("7", (130, 160), 110, (22, 22), 8, 0.04, seed=15), pen=(190, 40, 48), paper=(250, 244, 226)
    )
    made["7_bar"] = on_white(hand("7 with a bar", (130, 150), 104, (20, 22), 8, 0.06, seed=16))
    made["8_shadow"] = photo(
        hand("8", (160, 130), 94, (62, 16), 7, 0.08, seed=17),
        0.9 * shadow((130, 160), 0.24, 0.15, 0.42),
        seed=18,
    )
    made["9_pencil"] = photo(
        hand("9", (140, 140), 100, (34, 18), 4.5, 0.05, seed=19),
        light_from("sw", (140, 140), 0.92, 0.8),
        seed=20,
        darkness=0.5,
    )
    return {f"{name}.png": picture for name, picture in made.items()}


def main(folder: Path = FOLDER) -> None:
    """Write each drawing into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, picture in drawings().items():
        picture.save(folder / name, optimize=True)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
