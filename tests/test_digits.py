"""softmax_lib.digits: a picture of a digit made as MNIST was made, and files read whatever they hold."""

import platform
import sys
import warnings
from pathlib import Path

import draw_digits  # in tools/; see pythonpath in pyproject.toml
import numpy as np
import PIL
import pytest
from PIL import Image, ImageOps

from softmax_lib.data import load_mnist
from softmax_lib.digits import _stroke_width, load_image, prepare_digit, prepare_digit_steps, sample_drawings

ROOT = Path(__file__).parents[1]
DRAWINGS = [pytest.param(*drawing, id=drawing[1].stem) for drawing in sample_drawings()]


@pytest.fixture(scope="module")
def mnist_images():
    return load_mnist().test.images[:200].numpy()  # (200, 28, 28) uint8


def stroke_picture(height=90, width=60, paper=255, ink=0):
    """A slanting seven on paper: 48 high, 28 wide."""
    image = np.full((height, width), paper, np.uint8)
    image[20:26, 15:43] = ink
    for row in range(26, 68):
        column = 37 - (row - 26) // 2
        image[row, column : column + 6] = ink
    return image


def enlarged(image, times=10):
    return np.asarray(Image.fromarray(image).resize((28 * times, 28 * times), Image.Resampling.BICUBIC))


def photo_of(image, seed, dark_side=0.5, noise=8.0):
    """A digit of MNIST as a photo of paper: ten times larger, in uneven light, with noise."""
    rng = np.random.default_rng(seed)
    ink = enlarged(image) / 255
    light = np.linspace(dark_side, 1, ink.shape[1]) * 215
    levels = light * (1 - 0.7 * ink) + rng.normal(0, noise, ink.shape)
    return levels.clip(0, 255).round().astype(np.uint8)


def centre_of_mass(digit):
    rows, columns = np.indices(digit.shape)
    return (digit * rows).sum() / digit.sum(), (digit * columns).sum() / digit.sum()


def ink_box(digit):
    rows, columns = np.nonzero(digit)
    return np.ptp(rows) + 1, np.ptp(columns) + 1


def distance(a, b):
    """How much of the ink differs: 0 for equal pictures, 1 where they share nothing.

    A centre of mass between two pixels may fall to either, so of moves by one pixel the best one counts.
    """
    moves = [np.roll(b, (down, right), axis=(0, 1)) for down in (-1, 0, 1) for right in (-1, 0, 1)]
    return min(np.abs(a - moved).sum() for moved in moves) / (a + b).sum()


# -------------------------------------------------------------------------------------- what MNIST looks like


def test_mnist_has_its_centre_of_mass_at_row_14_column_14():
    """The module's docstring says so, with these numbers."""
    mnist = load_mnist()
    images = np.concatenate([mnist.train.images.numpy(), mnist.test.images.numpy()]).astype(np.int64)
    places = np.arange(28)
    rows = (images.sum(axis=2) * places).sum(axis=1) / images.sum(axis=(1, 2))
    columns = (images.sum(axis=1) * places).sum(axis=1) / images.sum(axis=(1, 2))
    elsewhere = (np.floor(rows + 0.5) != 14) | (np.floor(columns + 0.5) != 14)
    assert elsewhere.sum() == 2
    ink = images > 0
    height, width = (28 - s[:, ::-1].argmax(1) - s.argmax(1) for s in (ink.any(axis=2), ink.any(axis=1)))
    assert (np.maximum(height, width) != 20).sum() == 16


# ------------------------------------------------------------------------------------------------- properties


@pytest.mark.parametrize("label, path", DRAWINGS)
def test_each_sample_drawing_becomes_a_digit_like_mnists(label, path):
    image = load_image(path)
    assert image.dtype == np.uint8 and label == int(path.name[0])
    before = image.copy()
    digit = prepare_digit(image)
    assert (image == before).all()
    assert digit.shape == (28, 28) and digit.dtype == np.float32
    assert digit.min() == 0 and digit.max() == 1
    assert max(ink_box(digit)) == 20
    assert all(13.5 <= place < 14.5 for place in centre_of_mass(digit))
    assert 0.03 < digit.mean() < 0.3  # as nearly all of MNIST's digits


def test_sample_drawings_show_all_ten_digits():
    labels = [label for label, _ in sample_drawings()]
    assert set(labels) == set(range(10)) and len(labels) >= 12
    assert sum(path.stat().st_size for _, path in sample_drawings()) < 200_000


def test_mnists_own_digits_stay_nearly_the_same(mnist_images):
    largest = [np.abs(prepare_digit(image) - image / np.float32(255)).max() for image in mnist_images]
    assert np.median(largest) < 0.03 and np.quantile(largest, 0.97) < 0.15


def test_mnists_own_strokes_are_thick_enough(mnist_images):
    """The docstring of thicken says so, with these numbers."""
    steps = [prepare_digit_steps(image) for image in mnist_images]
    assert np.mean([step["thickened"] is step["cropped"] for step in steps]) >= 0.98
    assert np.median([_stroke_width(step["cropped"]) for step in steps]) == pytest.approx(2.3, abs=0.1)


def test_dark_ink_on_light_paper_gives_the_same_as_light_on_dark(mnist_images):
    for image in mnist_images[:50]:
        np.testing.assert_allclose(prepare_digit(255 - image), prepare_digit(image), atol=0.02)
    photos = [photo_of(image, seed=0, dark_side=1, noise=3) for image in mnist_images[:20]]
    distances = [distance(prepare_digit(photo), prepare_digit(255 - photo)) for photo in photos]
    assert np.median(distances) < 0.05 and max(distances) < 0.25


def test_position_does_not_matter():
    image = stroke_picture()
    there = prepare_digit(image)
    for shift in [(-15, -10), (15, 10), (-20, 0), (22, 17)]:  # the last three touch the border
        moved = np.roll(image, shift, axis=(0, 1))
        np.testing.assert_allclose(prepare_digit(moved), there, atol=1e-5)


@pytest.mark.parametrize("canvas", [(28, 28), (60, 45), (300, 400), (900, 700)])
def test_the_size_of_the_paper_does_not_matter(canvas, mnist_images):
    for image in mnist_images[:10]:
        paper = np.full(canvas, 255, np.uint8)
        paper[-28:, -28:] = 255 - image
        # a picture of more than 600 pixels is shrunk first, and this digit with it, to two thirds
        limit = 0.35 if max(canvas) > 600 else 0.02
        assert distance(prepare_digit(paper), prepare_digit(image)) < limit


@pytest.mark.parametrize("times", [2, 5, 10, 40])
def test_scale_hardly_matters(times, mnist_images):
    distances = [distance(prepare_digit(enlarged(i, times)), prepare_digit(i)) for i in mnist_images[:12]]
    assert np.median(distances) < 0.18 and max(distances) < 0.3


@pytest.mark.parametrize("height, width, expected", [(60, 6, (20, 2)), (50, 20, (20, 8)), (30, 60, (10, 20))])
def test_the_aspect_is_kept(height, width, expected):
    image = np.full((100, 100), 255, np.uint8)
    image[10 : 10 + height, 30 : 30 + width] = 0
    assert ink_box(prepare_digit(image)) == expected


def test_a_one_is_not_blown_up_to_a_block():
    image = np.full((200, 200), 255, np.uint8)
    image[20:180, 95:107] = 0
    digit = prepare_digit(image)
    assert ink_box(digit) == (20, 2)


def test_an_off_balance_digit_stays_inside_the_picture():
    image = np.full((100, 100), 255, np.uint8)
    image[10:90, 48:52] = 0
    image[75:90, 20:80] = 0  # nearly all its ink at the foot
    digit = prepare_digit(image)
    assert ink_box(digit) == (20, 15)


def test_a_thin_pen_on_a_large_photo_leaves_strokes_like_mnists():
    image = np.full((2000, 1500), 235, np.uint8)
    for row in range(500, 1500):
        image[row, 1000 - row // 3 : 1004 - row // 3] = 30
    image[500:504, 500:834] = 30
    digit = prepare_digit(image)
    assert max(ink_box(digit)) == 20
    across = digit[10:20].sum(axis=1)  # ink that the leg of the seven leaves in a row
    assert (across > 1.2).all() and (across < 3.5).all() and digit[10:20].max(axis=1).min() > 0.6


# ------------------------------------------------------------------------------------------ photos and papers


def test_light_and_noise_hardly_matter(mnist_images):
    images = mnist_images[:30]
    distances = [
        distance(prepare_digit(photo_of(i, seed)), prepare_digit(i)) for seed, i in enumerate(images)
    ]
    assert np.median(distances) < 0.22 and np.quantile(distances, 0.9) < 0.35


@pytest.mark.parametrize("sharpness", [15, 400], ids=["soft", "hard"])
@pytest.mark.parametrize("covers", [0.12, 0.5], ids=["at the edge", "across the digit"])
def test_a_shadow_does_not_count_as_ink(covers, sharpness, mnist_images):
    along = np.linspace(0, 1, 280)
    shadow = 1 - 0.45 / (1 + np.exp(-sharpness * (along - 1 + covers)))
    distances = []
    for image in mnist_images[:15]:
        photo = photo_of(image, seed=1, dark_side=1, noise=3)
        with_shadow = (photo * shadow).round().astype(np.uint8)
        distances.append(distance(prepare_digit(with_shadow), prepare_digit(photo)))
    assert np.median(distances) < 0.1 and np.quantile(distances, 0.9) < 0.3


def test_strong_noise_hardly_matters(mnist_images):
    photos = [photo_of(image, seed, noise=40) for seed, image in enumerate(mnist_images[:20])]
    distances = [
        distance(prepare_digit(p), prepare_digit(i)) for p, i in zip(photos, mnist_images, strict=False)
    ]
    assert np.median(distances) < 0.25 and max(distances) < 0.5


@pytest.mark.parametrize("board", [0.1, 0.9], ids=["chalk", "pen"])
def test_a_thin_digit_is_found_where_most_of_the_picture_lies_in_shadow(board):
    levels = np.full((700, 900), board)
    levels[300:304, 200:350] = 1 - board
    for row in range(304, 550):
        levels[row, 346 - row // 3 + 100 : 350 - row // 3 + 100] = 1 - board
    lit = np.where(np.arange(900) > 600, 1, 0.45)
    noise = np.random.default_rng(0).normal(0, 0.01, levels.shape)
    steps = prepare_digit_steps(((levels * lit + noise).clip(0, 1) * 255).round().astype(np.uint8))
    assert np.abs(np.array(steps["cropped"].shape) * 900 / 600 - (250, 150)).max() < 20


def test_a_picture_cut_close_to_the_digit_is_read_the_same(mnist_images):
    distances = []
    for image in mnist_images[:60]:
        rows, columns = image.any(axis=1).nonzero()[0], image.any(axis=0).nonzero()[0]
        cut = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        distances.append(distance(prepare_digit(cut), prepare_digit(image)))
    assert np.mean(np.array(distances) < 0.05) > 0.9  # a bold one fills its box: ink and paper can't be told


def test_specks_a_table_and_a_thumb_do_not_count_as_ink(mnist_images):
    for image in mnist_images[:20]:
        clean = photo_of(image, seed=2, dark_side=0.9, noise=3)
        dirty = clean.copy()
        dirty[:, :14] = 60  # the table beside the paper
        dirty[200:, 246:] = 70  # a thumb at the corner
        dirty[90:170, 254:] = 80  # and at the border
        dirty[20:24, 250:254] = dirty[262:266, 40:44] = 50
        assert distance(prepare_digit(dirty), prepare_digit(clean)) < 0.2


def test_jpeg_artefacts_hardly_matter(tmp_path, mnist_images):
    for image in mnist_images[:20]:
        Image.fromarray(255 - enlarged(image, 8)).save(tmp_path / "digit.jpg", quality=40)
        assert distance(prepare_digit(load_image(tmp_path / "digit.jpg")), prepare_digit(image)) < 0.3


def test_colour_does_not_matter():
    grey = stroke_picture(paper=250, ink=60)
    red = np.where(grey[..., None] == 60, np.array([190, 20, 30], np.uint8), np.uint8(250))
    np.testing.assert_allclose(prepare_digit(red), prepare_digit(grey), atol=1e-4)
    luminance = prepare_digit_steps(red)["grey"][22, 20] * 255
    assert luminance == pytest.approx(0.299 * 190 + 0.587 * 20 + 0.114 * 30, abs=1)  # ITU-R BT.601


@pytest.mark.parametrize("level", [0, 40, 200, 255])
def test_ink_of_any_shade_on_a_transparent_ground_is_seen(level):
    ink = stroke_picture(paper=0, ink=255)
    image = np.dstack([np.full_like(ink, level)] * 3 + [ink])
    np.testing.assert_allclose(prepare_digit(image), prepare_digit(ink), atol=1e-4)


def test_what_is_fully_transparent_has_no_colour():
    ink = stroke_picture(paper=0, ink=255)
    colour = np.random.default_rng(0).integers(0, 256, ink.shape).astype(np.uint8)
    colour[ink > 0] = 0
    np.testing.assert_allclose(prepare_digit(np.dstack([colour] * 3 + [ink])), prepare_digit(ink), atol=1e-4)


def test_the_last_step_is_the_digit_and_the_first_the_photo(mnist_images):
    photo = photo_of(mnist_images[0], seed=3)
    steps = prepare_digit_steps(photo)
    assert list(steps) == ["grey", "ink", "cropped", "thickened", "resized", "centred"]
    assert (steps["centred"] == prepare_digit(photo)).all()
    np.testing.assert_allclose(steps["grey"], photo / 255, atol=1e-6)
    assert steps["ink"].shape == photo.shape and steps["cropped"].shape == ink_box(steps["ink"])
    assert max(steps["resized"].shape) == 20
    for step in steps.values():
        assert step.dtype == np.float32 and step.min() >= 0 and step.max() <= 1


# ----------------------------------------------------------------------------------------------- wrong images


@pytest.mark.parametrize(
    "image, advice",
    [
        (np.zeros((28, 28)), r"float64.*\(image \* 255\)"),
        (np.zeros((28, 28), np.float32), r"float32.*\(image \* 255\)"),
        (np.zeros((28, 28), bool), r"bool.*\* 255"),
        (np.zeros((28, 28), np.int64), r"int64.*astype\(np.uint8\)"),
        ([[0, 255]], "list"),
        ("digit.png", r"load_image\(path\)"),
        (Image.new("L", (28, 28)), r"np.asarray\(image\)"),
    ],
    ids=["float64", "float32", "bool", "int64", "list", "path", "PIL"],
)
def test_what_is_no_uint8_array_is_refused_with_the_way_to_make_one(image, advice):
    with pytest.raises(TypeError, match=advice):
        prepare_digit(image)


@pytest.mark.parametrize("shape", [(28,), (28, 28, 1), (28, 28, 2), (1, 28, 28), (5, 28, 28, 3), (3, 40, 40)])
def test_a_wrong_shape_is_named(shape):
    with pytest.raises(ValueError, match=r"\(H, W\).*found \(" + ", ".join(map(str, shape))):
        prepare_digit(np.zeros(shape, np.uint8))


@pytest.mark.parametrize("shape", [(0, 0), (0, 28), (28, 0), (7, 7), (0, 20, 3)])
def test_a_picture_that_is_too_small_is_named(shape):
    with pytest.raises(ValueError, match="too small"):
        prepare_digit(np.zeros(shape, np.uint8))


def blank_pictures():
    rng = np.random.default_rng(0)
    light = np.linspace(120, 230, 200)
    yield "white", np.full((50, 50), 255)
    yield "black", np.zeros((50, 50))
    yield "grey", np.full((40, 60, 3), 128)
    yield "transparent", np.zeros((50, 50, 4))
    yield "noisy paper", rng.normal(200, 10, (200, 200))
    yield "noisy board", rng.normal(20, 6, (200, 200))
    yield "uneven light", np.tile(light, (150, 1))
    yield "uneven light and noise", light + rng.normal(0, 6, (150, 200))
    for side in (28, 60, 120, 300):
        yield f"very noisy paper {side}", rng.normal(180, 30, (side, side))
    yield "half in a hard shadow", np.where(np.arange(900) < 300, 110, 210) + rng.normal(0, 4, (700, 900))
    yield "hardly any contrast", stroke_picture(paper=255, ink=245)


@pytest.mark.parametrize("image", [pytest.param(image, id=name) for name, image in blank_pictures()])
def test_a_blank_picture_is_refused(image):
    with pytest.raises(ValueError, match=r"no ink was found.*Write one digit"):
        prepare_digit(np.clip(image, 0, 255).astype(np.uint8))


# ------------------------------------------------------------------------------------------------------ files


@pytest.fixture
def picture():
    """Wider than high, with a dark corner top left."""
    image = np.full((20, 30), 200, np.uint8)
    image[:8, :10] = 20
    return image


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "gif", "webp"])
def test_files_without_loss_give_their_pixels(tmp_path, picture, suffix):
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(picture).save(path, **({"lossless": True} if suffix == "webp" else {}))
    image = load_image(str(path))
    assert image.dtype == np.uint8
    assert (image == (picture if image.ndim == 2 else picture[..., None])).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_is_turned_the_way_the_camera_noted(tmp_path, picture, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    # what a camera stores: the upright picture turned back by the inverse of what the note demands
    inverse = {5: 5, 6: 8, 7: 7, 8: 6}.get(orientation, orientation)
    note = Image.Exif()
    note[0x0112] = inverse
    Image.fromarray(picture).save(tmp_path / "upright.png", exif=note)
    with Image.open(tmp_path / "upright.png") as upright:
        stored = ImageOps.exif_transpose(upright)
    stored.save(tmp_path / "a.png", exif=exif)
    assert (load_image(tmp_path / "a.png") == picture).all()
    if orientation == 6:  # by hand: stored lying on its left side, to be turned clockwise by 90 degrees
        assert (np.asarray(stored) == np.rot90(picture)).all()


def test_palette_one_bit_and_16_bit_pictures_give_their_levels(tmp_path, picture):
    Image.fromarray(picture).convert("P").save(tmp_path / "palette.png")
    Image.fromarray(picture > 100).save(tmp_path / "one bit.png")
    Image.fromarray(picture.astype(np.uint16) * 257).save(tmp_path / "16 bit.png")
    assert (load_image(tmp_path / "palette.png") == picture[..., None]).all()
    assert (load_image(tmp_path / "one bit.png") == np.where(picture > 100, 255, 0)).all()
    assert (load_image(tmp_path / "16 bit.png") == picture).all()


def test_transparency_is_kept(tmp_path, picture):
    rgba = np.dstack([picture, picture, picture, 255 - picture])
    Image.fromarray(rgba).save(tmp_path / "rgba.png")
    Image.fromarray(rgba[..., 2:]).save(tmp_path / "la.png")
    Image.fromarray((picture < 100).astype(np.uint8)).convert("P").save(
        tmp_path / "palette.png", transparency=0
    )
    Image.fromarray(picture).save(tmp_path / "key.png", transparency=200)
    assert (load_image(tmp_path / "rgba.png") == rgba).all()
    assert (load_image(tmp_path / "la.png") == rgba).all()
    for name in ("palette.png", "key.png"):
        image = load_image(tmp_path / name)
        assert image.shape == (20, 30, 4) and (image[..., 3] == np.where(picture < 100, 255, 0)).all()


@pytest.mark.parametrize("mode", ["CMYK", "YCbCr", "RGB", "L"])
def test_jpeg_of_any_colour_space_gives_grey_or_rgb(tmp_path, picture, mode):
    path = tmp_path / "a.jpg"
    Image.fromarray(np.dstack([picture] * 3)).convert(mode).save(path, quality=95)
    image = load_image(path)
    assert image.shape == ((20, 30) if mode == "L" else (20, 30, 3))
    assert np.abs(image.reshape(20, 30, -1).astype(int) - picture[..., None]).max() < 25


def test_a_path_in_any_script_works(tmp_path, picture):
    folder = tmp_path / "홍길동 폴더"
    folder.mkdir()
    Image.fromarray(picture).save(folder / "3.png")
    assert (load_image(folder / "3.png") == picture).all()


def test_no_file_is_left_open(tmp_path, picture):
    Image.fromarray(picture).save(tmp_path / "a.png")
    (tmp_path / "half.png").write_bytes((tmp_path / "a.png").read_bytes()[:60])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        load_image(tmp_path / "a.png")
        with pytest.raises(ValueError, match="half"):
            load_image(tmp_path / "half.png")
    assert not caught
    if sys.platform.startswith("linux"):
        assert not [f for f in Path("/proc/self/fd").iterdir() if str(tmp_path) in str(f.resolve())]


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"three\.png: no such file"):
        load_image(tmp_path / "three.png")


@pytest.mark.parametrize("kind", ["folder", "empty", "text", "html", "bomb", "huge"])
def test_what_is_no_picture_is_refused_by_name(tmp_path, picture, kind, monkeypatch):
    path = tmp_path / "홍길동.png"
    if kind == "folder":
        path.mkdir()
    elif kind == "empty":
        path.touch()
    elif kind == "text":
        path.write_text("7")
    elif kind == "html":
        path.write_text("<!DOCTYPE html><html><body>404</body></html>")
    else:  # Pillow warns above its limit and raises above twice the limit
        Image.fromarray(picture).save(path)
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 500 if kind == "bomb" else 100)
    words = {"folder": "a folder", "empty": "empty", "text": "not a picture", "html": "not a picture"}
    with pytest.raises(ValueError, match=f"홍길동.png: .*{words.get(kind, 'too many pixels')}"):
        load_image(path)


def test_a_file_that_may_not_be_read_says_so(tmp_path, picture, monkeypatch):
    Image.fromarray(picture).save(tmp_path / "a.png")

    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Image, "open", refuse)  # by its mode a file is not closed to an administrator
    with pytest.raises(PermissionError, match=r"a\.png"):
        load_image(tmp_path / "a.png")


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "tif", "gif", "webp"])
def test_half_a_picture_is_refused_by_name(tmp_path, suffix):
    path = tmp_path / f"half.{suffix}"
    noise = np.random.default_rng(0).integers(0, 256, (60, 60, 3)).astype(np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ValueError, match=rf"half\.{suffix}: .*(again|Save)"):
        load_image(path)


# -------------------------------------------------------------------------------------- the script that draws


def pinned(package):
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return next(line.partition("==")[2] for line in lines if line.startswith(f"{package}=="))


@pytest.mark.skipif(
    (PIL.__version__, np.__version__) != (pinned("pillow"), pinned("numpy"))
    or (platform.system(), platform.machine()) != ("Linux", "x86_64"),
    reason="byte-identical only with the Pillow and NumPy of constraints.txt, on Linux on x86-64: "
    "others may compress or round differently",
)
def test_the_script_draws_the_committed_pictures_byte_for_byte(tmp_path):
    draw_digits.main(tmp_path)
    drawn = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert drawn.keys() == {path.name for _, path in sample_drawings()}
    assert [name for _, path in sample_drawings() if drawn[name := path.name] != path.read_bytes()] == []
