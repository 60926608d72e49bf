"""A photo or a drawing of a digit made into what MNIST holds.  NumPy and Pillow only.  Used by notebook 9.

MNIST was made so (LeCun, Bottou, Bengio and Haffner, "Gradient-Based Learning Applied to Document
Recognition", *Proceedings of the IEEE* 86 (1998), section III.A): a digit, light on black, was shrunk into a
box of 20 x 20 with its aspect kept, which made its edges grey, and put into 28 x 28 with its centre of mass
in the middle.  Where is the middle?  The images say it: in all but 2 of the 70,000 the centre of mass is
nearest to row 14, column 14 (counted from 0), and in all but 16 the longer side of the ink is 20.  A network
that has seen only such images reads others badly, so `prepare_digit` takes the same steps.
"""

import os
import warnings
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from PIL import Image, ImageOps

SIDE, BOX = 28, 20  # the side of MNIST's images, and of the box in them that holds the digit
MIDDLE = 14  # the row and the column of the centre of mass
WORK = 600  # a photo is first reduced to at most this many pixels a side
COARSE = 100  # paper and blots are looked for in a picture of at most this many pixels a side


def prepare_digit(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """A (28, 28) float32 image in [0, 1], light on black, made from a picture of one digit as MNIST was made.

    image: (H, W) grey, (H, W, 3) RGB or (H, W, 4) RGBA, uint8, not changed.  Dark ink on light paper or light
    ink on a dark ground, of any size and at any place.  Uneven light, noise, a shadow and specks are removed.
    A margin helps: where a bold digit fills the whole picture, ink and paper can't be told apart.
    Raises TypeError for another dtype and ValueError for another shape or where no ink is found.

    >>> image = np.full((90, 60), 255, np.uint8)  # white paper
    >>> image[10:70, 20:26] = 0  # a stroke 60 high and 6 wide: a one
    >>> digit = prepare_digit(image)
    >>> digit.shape, np.argwhere(digit)[[0, -1]].tolist()  # 20 high and 2 wide: the aspect is kept
    ((28, 28), [[4, 13], [23, 14]])
    """
    return prepare_digit_steps(image)["centred"]


def prepare_digit_steps(image: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
    """The pictures from the first to what `prepare_digit` returns, by name and in order, float32 in [0, 1].

    "grey": without colour and transparency; "ink": light on black, without the paper; "cropped" to the ink;
    "thickened", if the strokes are thin; "resized": longer side 20; "centred": (28, 28), by its mass.
    """
    grey = to_grey(image)
    ink = find_ink(grey)
    cropped = crop(ink)
    thickened = thicken(cropped)
    resized = resize_to_box(thickened)
    centred = centre(resized)
    return dict(grey=grey, ink=ink, cropped=cropped, thickened=thickened, resized=resized, centred=centred)


# ------------------------------------------------------------------------------------------- one stage each


def to_grey(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Grey values in [0, 1], (H, W) float32, of at most 600 pixels a side.

    What is transparent becomes white paper, or a black ground where the drawing would vanish on white.
    """
    _validate(image)
    if image.ndim == 3 and image.shape[2] == 4:
        on_white, on_black = (_flatten(image, ground) for ground in (255, 0))
        grey = on_black if np.ptp(on_white) < np.ptp(on_black) // 2 else on_white
    else:
        grey = np.asarray(Image.fromarray(image).convert("L"))
    return _shrink(grey.astype(np.float32) / 255, WORK)


def find_ink(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    """How much ink lies on each pixel, (H, W) float32: 0 is none, exactly; 1 is the strongest.

    The paper's brightness is estimated under the digit and taken away, so that uneven light and shadows go;
    then everything goes that is no stronger than the noise, or not part of the digit.
    """
    dark, light = (_beside_paper(grey, light_on_dark) for light_on_dark in (False, True))
    greatest = _blur(dark[0]).max(), _blur(light[0]).max()
    if max(greatest) > 1.5 * min(greatest):  # taken the wrong way round, only what strokes enclose differs
        light_on_dark = greatest[1] > greatest[0]
    else:
        light_on_dark = _ink_is_light(grey)
    difference, ground = light if light_on_dark else dark
    # where half the light falls, ink and paper differ half as much
    ink, peak, noise = _without_noise(difference * np.median(ground) / ground)
    region = _digit_region(_blur(ink) > peak / 3)
    ink[(ink < max(0.02 * peak, 4 * noise)) | ~region] = 0
    if peak < max(0.06, 8 * noise) or not ink.any():
        raise ValueError(
            "no ink was found: the picture looks blank. Write one digit, with a strong pen, and let it fill "
            "most of the picture"
        )
    return (ink / max(peak, ink.max() - 3 * noise)).clip(0, 1).astype(np.float32)


def crop(ink: NDArray[np.float32]) -> NDArray[np.float32]:
    """The part of the picture inside the ink's bounding box, (h, w)."""
    rows, columns = ink.any(axis=1).nonzero()[0], ink.any(axis=0).nonzero()[0]
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def thicken(cropped: NDArray[np.float32]) -> NDArray[np.float32]:
    """The digit as if written with a thicker pen, where its strokes are thinner than MNIST's; else unchanged.

    In the box of 20 x 20, MNIST's strokes are 2.3 pixels wide (median), 99 % of them above 1.2.  A pen on a
    photo can be far below: shrunk to the box, its lines would be faint.  They are widened to 2 pixels.
    """
    width = _stroke_width(cropped) * BOX / max(cropped.shape)
    if width >= 1.2:
        return cropped
    small = _shrink(cropped, 5 * BOX)
    reach = int((2 - width) / 2 * max(small.shape) / BOX)  # on either side of the line
    return _slide(np.max, np.pad(small / small.max(), 2 * reach), 2 * reach + 1)


def resize_to_box(digit: NDArray[np.float32]) -> NDArray[np.float32]:
    """The digit with its longer side resized to 20 pixels and its aspect kept; the strongest ink is 1."""
    scale = BOX / max(digit.shape)
    height, width = (max(1, round(side * scale)) for side in digit.shape)
    resized = np.asarray(Image.fromarray(digit).resize((width, height), Image.Resampling.BICUBIC))
    return (resized / resized.max()).clip(0, 1)


def centre(resized: NDArray[np.float32]) -> NDArray[np.float32]:
    """A (28, 28) picture with the centre of mass at row 14, column 14, to the nearest whole pixel.

    Never so far that ink would leave the picture.
    """
    corner = []
    for axis, side in enumerate(resized.shape):
        mass = resized.sum(axis=1 - axis, dtype=np.float64)
        middle = (mass * np.arange(side)).sum() / mass.sum()
        corner.append(int(np.clip(MIDDLE - np.floor(middle + 0.5), 0, SIDE - side)))
    digit = np.zeros((SIDE, SIDE), np.float32)
    _part(digit, corner, resized.shape)[:] = resized
    return digit


# ----------------------------------------------------------------------------------------------- their tools


def _validate(image):
    if not isinstance(image, np.ndarray):
        raise TypeError(
            f"image must be a NumPy array of dtype uint8, found {type(image).__name__}. "
            "For a file: load_image(path); for a PIL image: np.asarray(image); for a tensor: image.numpy()"
        )
    if image.dtype != np.uint8:
        way = "image.astype(np.uint8)" + (" * 255" if image.dtype == bool else ", if the values are 0 to 255")
        if image.dtype.kind == "f":
            way = "(image * 255).round().astype(np.uint8), if the values are 0 to 1"
        raise TypeError(f"image must be of dtype uint8 (0 to 255), found {image.dtype}. Convert it: {way}")
    if not (image.ndim == 2 or (image.ndim == 3 and image.shape[2] in (3, 4))):
        raise ValueError(
            f"image must be one picture of shape (H, W), (H, W, 3) or (H, W, 4), found {image.shape}. "
            "Of a batch take one, images[0]; sides of length 1 go by image.squeeze()"
        )
    if min(image.shape[:2]) < 1 or max(image.shape[:2]) < 8:
        raise ValueError(f"image is too small: at least 8 pixels on its longer side, found {image.shape[:2]}")


def _flatten(image, level):
    """RGBA on a ground of one grey level, as grey."""
    picture = Image.fromarray(image)
    ground = Image.new("RGBA", picture.size, (level, level, level, 255))
    return np.asarray(Image.alpha_composite(ground, picture).convert("L"))


def _part(picture, corner, shape):
    return picture[corner[0] : corner[0] + shape[0], corner[1] : corner[1] + shape[1]]


def _shrink(picture, longest):
    """The picture reduced to at most `longest` pixels a side, by averages over boxes."""
    height, width = picture.shape
    scale = min(1, longest / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BOX))


def _blur(picture):
    """Means over 3 x 3 pixels, weighted 1 2 1 both ways; the border is repeated."""
    p = np.pad(picture, 1, mode="edge")
    p = (p[:-2] + 2 * p[1:-1] + p[2:]) / 4
    return (p[:, :-2] + 2 * p[:, 1:-1] + p[:, 2:]) / 4


def _flat_ground(grey):
    """The one grey that a fifth of all pixels have, as in a drawing made on a screen; None in a photo."""
    values, counts = np.unique(grey.round(3), return_counts=True)
    return values[counts.argmax()] if counts.max() > grey.size / 5 else None


def _beside_paper(grey, light_on_dark):
    """How much darker than paper, or lighter than a board, each pixel is; and that ground."""
    flat_ground = _flat_ground(grey)
    if light_on_dark:
        grey, flat_ground = 1 - grey, None if flat_ground is None else 1 - flat_ground
    paper = _paper(grey, flat_ground)
    return paper - grey, 0.05 + (1 - paper if light_on_dark else paper)


def _ink_is_light(grey):
    """There is less ink than paper, so ink differs more from the average around it than paper does.

    The sign of the differences' third moment says which is which.
    """
    flat_ground = _flat_ground(grey)
    if flat_ground is not None:
        return bool(grey.mean() > flat_ground)
    small = _blur(_shrink(grey, COARSE))
    half = max(small.shape) // 4
    around = _slide(np.mean, np.pad(small, half, mode="edge"), 2 * half + 1)
    return bool(((small - around) ** 3).sum() > 0)


def _paper(grey, flat_ground):
    """The paper's brightness under the digit, (H, W): a closing, which fills what is darker and narrower.

    The greatest value in a square, then the least of those: what is dark and holds no square of half the
    picture's size is filled with its surroundings.  Beyond the border the picture goes on as it ends, so a
    shadow that comes in from there stays.
    """
    paper = _shrink(grey, COARSE)
    size = max(paper.shape) // 2
    if flat_ground is None:
        outside = paper = _blur(paper)
    else:  # then what is dark at the border is the digit, and ends there
        outside = np.where(_widen(paper < (paper.min() + flat_ground) / 2), flat_ground, paper)
    padded = np.pad(outside, size - 1, mode="edge")
    _part(padded, (size - 1, size - 1), paper.shape)[:] = paper
    paper = _slide(np.min, _slide(np.max, padded, size), size)
    # at a shadow's edge rather too dark than too light, which would look like ink
    paper = -_widen(_widen(-paper))
    return np.asarray(Image.fromarray(paper).resize(grey.shape[::-1], Image.Resampling.BILINEAR))


def _slide(what, picture, size):
    """`what` (np.max, np.min or np.mean) of each square of so many pixels a side."""
    for axis in (0, 1):
        picture = what(sliding_window_view(picture, size, axis=axis), axis=-1)
    return picture


def _without_noise(ink):
    """The ink with the paper's mean at 0, blurred where it is noisy; its peak; the noise that is left."""
    for _ in range(3):
        smooth = _blur(ink)
        background = ink[smooth <= smooth.max() / 2]
        level = np.median(background)
        noise = 1.5 * np.median(np.abs(background - level))
        if noise < (smooth.max() - level) / 10:
            break
        ink = smooth
    return ink - level, smooth.max() - level, noise


def _digit_region(strong):
    """Where the digit is, (H, W) bool: without specks, and without what comes in over the border.

    (Unless there is next to nothing else: a digit may touch the border.)
    """
    parts = _connected_parts(_shrink(strong.astype(np.float32), COARSE) > 0)
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    inside = sizes.copy()
    inside[np.concatenate([parts[0], parts[-1], parts[:, 0], parts[:, -1]])] = 0
    if inside.max() >= 0.1 * sizes.max():
        sizes = inside
    digit = Image.fromarray(_widen((sizes >= 0.1 * sizes.max())[parts]).astype(np.uint8))
    return np.asarray(digit.resize(strong.shape[::-1], Image.Resampling.NEAREST)) > 0


def _stroke_width(ink):
    """The width of the strokes in pixels: their area over half the length of their outline."""
    inside = np.pad(ink > 0.5, 1)
    steps = np.count_nonzero(np.diff(inside, axis=0)) + np.count_nonzero(np.diff(inside, axis=1))
    length = max(1, steps) * np.pi / 4  # along a slanting outline there are more steps, on average 4 / pi
    return 2 * np.count_nonzero(inside) / length


def _connected_parts(mask):
    """A number for each connected part of the mask, 0 outside: numbers spread until they meet."""
    numbers = np.where(mask, np.arange(1, mask.size + 1).reshape(mask.shape), 0)
    while True:
        spread = np.where(mask, _widen(numbers), 0)
        if (spread == numbers).all():
            return numbers
        numbers = spread


def _widen(picture):
    """Each pixel becomes the greatest of its 3 x 3 neighbours."""
    p = np.pad(picture, 1, mode="edge")
    p = np.maximum(np.maximum(p[:-2], p[1:-1]), p[2:])
    return np.maximum(np.maximum(p[:, :-2], p[:, 1:-1]), p[:, 2:])


# ------------------------------------------------------------------------------------------------- the files


def load_image(path: str | os.PathLike) -> NDArray[np.uint8]:
    """The picture in a file as a uint8 array: (H, W) grey, (H, W, 3) RGB or (H, W, 4) RGBA, the right way up.

    Any format that Pillow reads: JPEG, PNG, GIF, BMP, TIFF, WebP and more, also 16-bit and CMYK.  Raises
    FileNotFoundError where there is no such file, ValueError where it is no whole picture.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file. Check the spelling and the folder")
    if not path.is_file():
        raise ValueError(f"{path}: a folder, not a file. Name one picture in it")
    if path.stat().st_size == 0:
        raise ValueError(f"{path}: the file is empty. Save or copy the picture again")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as picture:
                return _as_uint8(ImageOps.exif_transpose(picture))
    except PermissionError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ValueError(f"{path}: far too many pixels. Save it smaller: 1000 pixels a side do") from error
    except Image.UnidentifiedImageError as error:
        raise ValueError(f"{path}: not a picture that Pillow knows. Save it as PNG or JPEG") from error
    except Exception as error:  # decoders stumble over a damaged file in many ways
        raise ValueError(
            f"{path}: the picture can't be read to its end ({error}). Save or copy it again"
        ) from error


def _as_uint8(picture):
    if picture.mode.startswith("I"):  # 16 bits a pixel
        return (np.asarray(picture).clip(0, 65535) // 257).astype(np.uint8)
    if picture.has_transparency_data:
        return np.asarray(picture.convert("RGBA"))
    return np.asarray(picture.convert("L" if picture.mode in ("1", "L") else "RGB"))


def sample_drawings() -> list[tuple[int, Path]]:
    """The sample drawings of this package, as (label, path), sorted by name: `7_pen.png` is a seven."""
    folder = Path(str(resources.files("softmax_lib") / "drawings"))
    return [(int(path.name[0]), path) for path in sorted(folder.glob("*.png"))]
