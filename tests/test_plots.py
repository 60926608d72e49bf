import subprocess
import sys
from itertools import combinations
from types import SimpleNamespace

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from softmax_lib import plots

THREE_POINTS = [[0.0, 0.0], [1.0, 2.0], [4.0, 1.0]]


@pytest.fixture
def ax():
    return Figure().subplots()


@pytest.fixture(autouse=True)
def leaves_the_rest_alone(monkeypatch):
    """No helper shows a figure, leaves one open, or changes matplotlib's settings."""
    monkeypatch.setattr(plt, "show", lambda *args, **kwargs: pytest.fail("plt.show was called"))
    monkeypatch.setattr(Figure, "show", lambda *args, **kwargs: pytest.fail("Figure.show was called"))
    settings = dict(matplotlib.rcParams)
    yield
    assert plt.get_fignums() == []
    assert dict(matplotlib.rcParams) == settings


def epoch_record(epoch, train=None, validation=None, test=None):
    """Each given as (loss, accuracy)."""
    record = SimpleNamespace(epoch=epoch)
    for split, pair in (("train", train), ("validation", validation), ("test", test)):
        loss, accuracy = pair or (None, None)
        vars(record).update({f"{split}_loss": loss, f"{split}_accuracy": accuracy})
    return record


def drawn(ax):
    """The whole figure as pixels: what can't be drawn raises here."""
    canvas = FigureCanvasAgg(ax.figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())


def texts(ax):
    return [text.get_text() for text in ax.texts]


def ticks_in_sight(axis):
    low, high = axis.get_view_interval()
    return [tick for tick in axis.get_ticklocs() if low <= tick <= high]


DRAWINGS = {
    "probability_bars": lambda ax: plots.probability_bars(ax, [0.7, 0.2, 0.1], true_class=1),
    "training_curves": lambda ax: plots.training_curves(ax, [epoch_record(1, train=(2.2, 0.2))]),
    "confusion": lambda ax: plots.confusion(ax, [[3, 1], [0, 2]]),
    "digit_grid": lambda ax: plots.digit_grid(ax, np.zeros((1, 28, 28))),
    "class_scatter": lambda ax: plots.class_scatter(ax, THREE_POINTS, [0, 1, 2]),
    "decision_regions": lambda ax: plots.decision_regions(
        ax, lambda points: np.zeros(len(points), int), THREE_POINTS, [0, 1, 2], resolution=5
    ),
}


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_helper_draws_on_the_given_axes_and_returns_none(name, ax):
    before = drawn(ax).copy()
    assert DRAWINGS[name](ax) is None
    assert not np.array_equal(drawn(ax), before)
    assert ax.figure.axes == [ax]  # no colour bar, no second axes


def test_every_public_function_is_among_these_drawings():
    public = {
        name for name, value in vars(plots).items() if getattr(value, "__module__", "") == plots.__name__
    }
    assert {name for name in public if not name.startswith("_")} == set(DRAWINGS)


def test_plots_import_neither_torch_nor_pyplot():
    code = "import sys, softmax_lib.plots; print({'torch', 'matplotlib.pyplot'} & set(sys.modules))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout == "set()\n"


# --------------------------------------------------------------------------------------------- probabilities


def heights(ax):
    return [bar.get_height() for bar in ax.containers[0]]


def test_bars_are_as_high_as_the_probabilities(ax):
    probs = [0.7, 0.2, 0.1]
    plots.probability_bars(ax, probs, title="A claim")
    assert heights(ax) == probs
    assert [bar.get_x() + bar.get_width() / 2 for bar in ax.containers[0]] == pytest.approx([0, 1, 2])
    assert texts(ax) == ["0.70", "0.20", "0.10"]
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_title()) == ("class", "probability", "A claim")
    assert [*ax.get_xticks()] == [0, 1, 2]


def test_the_axis_of_bars_runs_from_0_to_1_whatever_the_values(ax):
    plots.probability_bars(ax, [0.02, 0.01])
    assert ticks_in_sight(ax.yaxis) == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1])
    assert ax.get_ylim()[0] == 0 and 1 <= ax.get_ylim()[1] <= 1.2


def test_the_true_class_differs_in_colour_and_hatch(ax):
    plots.probability_bars(ax, [0.5, 0.25, 0.25], true_class=1)
    bars = ax.containers[0]
    assert [bar.get_hatch() for bar in bars] == [None, "//", None]
    assert bars[0].get_facecolor() == bars[2].get_facecolor() != bars[1].get_facecolor()
    assert ax.get_xlabel() == "class (true: 1)"


def test_the_true_class_is_seen_where_its_probability_is_0(ax):
    plots.probability_bars(ax, [1.0, 0.0, 0.0], true_class=2)
    bands = [patch for patch in ax.patches if patch not in ax.containers[0].patches]
    assert [(band.get_x(), band.get_width()) for band in bands] == [(1.5, 1.0)]


@pytest.mark.parametrize(("num_classes", "written"), [(1, 1), (10, 10), (11, 0), (100, 0)])
def test_values_are_written_above_up_to_ten_bars(num_classes, written, ax):
    plots.probability_bars(ax, np.full(num_classes, 1 / num_classes))
    assert len(ax.texts) == written
    assert all(tick == round(tick) for tick in ticks_in_sight(ax.xaxis))


@pytest.mark.parametrize(("width", "num_panels"), [(7, 1), (7, 2), (7, 5)])
def test_written_values_never_overlap(width, num_panels):
    figure = Figure(figsize=(width, 2.6), layout="constrained")
    panels = np.atleast_1d(figure.subplots(1, num_panels, sharey=True))
    for panel in panels:
        plots.probability_bars(panel, np.eye(10)[3])
        panel.label_outer()
    drawn(panels[0])
    for panel in panels:
        boxes = [text.get_window_extent() for text in panel.texts]
        assert not any(left.overlaps(right) for left, right in combinations(boxes, 2))
        assert max(box.y1 for box in boxes) < panel.get_window_extent().y1


@pytest.mark.parametrize("probs", [torch.tensor([0.25, 0.75], requires_grad=True), (0.25, 0.75)])
def test_bars_take_tensors_and_tuples(probs, ax):
    plots.probability_bars(ax, probs, true_class=torch.tensor(1))
    assert heights(ax) == [0.25, 0.75]
    assert ax.get_xlabel() == "class (true: 1)"


def test_sigmoids_that_do_not_sum_to_1_can_be_drawn(ax):
    plots.probability_bars(ax, [0.9, 0.8, 0.1])
    assert heights(ax) == [0.9, 0.8, 0.1]


@pytest.mark.parametrize(
    ("probs", "true_class", "message"),
    [
        ([[0.5, 0.5]], None, r"probs must be numbers of shape \(C,\).*\(1, 2\).*probs\[0\]"),
        ([], None, r"probs must be numbers of shape \(C,\).*\(0,\)"),
        (["a", "b"], None, r"probs must be numbers.*<U1"),
        ([2.0, 1.0, 0.1], None, r"probs must be in \[0, 1\]; found 2\. .*softmax\(logits\)"),
        ([0.5, -0.1], None, r"probs must be in \[0, 1\]; found -0\.1"),
        ([0.5, np.nan], None, r"probs must be in \[0, 1\]; found nan"),
        ([0.5, 0.5], 2, "true_class must be a class from 0 to 1; found 2"),
        ([0.5, 0.5], -1, "true_class must be a class from 0 to 1; found -1"),
        ([0.5, 0.5], 0.5, "true_class must be a class from 0 to 1; found 0.5"),
        ([0.5, 0.5], [0, 1], r"true_class must be a class from 0 to 1; found \[0, 1\]"),
    ],
)
def test_bars_refuse_what_are_no_probabilities_or_no_class(probs, true_class, message, ax):
    with pytest.raises(ValueError, match=message):
        plots.probability_bars(ax, probs, true_class)
    assert not ax.has_data()


# -------------------------------------------------------------------------------------------- training curves

THREE_EPOCHS = [
    epoch_record(1, train=(2.2, 0.25), validation=(1.3, 0.55), test=(1.2, 0.5)),
    epoch_record(2, train=(0.6, 0.75), validation=(0.5, 0.85), test=(0.4, 0.8)),
    epoch_record(3, train=(0.3, 0.90), validation=(0.35, 0.9), test=(0.25, 0.91)),
]


def curves(ax):
    """The lines in the legend, by label: not the one for guessing."""
    return {line.get_label(): line for line in ax.lines if not line.get_label().startswith("_")}


@pytest.mark.parametrize(
    ("metric", "ylabel", "train", "test"),
    [
        ("loss", "cross-entropy (nats)", [2.2, 0.6, 0.3], [1.2, 0.4, 0.25]),
        ("accuracy", "accuracy", [0.25, 0.75, 0.9], [0.5, 0.8, 0.91]),
    ],
)
def test_curves_hold_the_values_of_the_history(metric, ylabel, train, test, ax):
    plots.training_curves(ax, THREE_EPOCHS, metric, title="A claim")
    lines = curves(ax)
    assert [*lines] == ["train\n(during the epoch)", "validation", "test"]
    assert all([*line.get_xdata()] == [1, 2, 3] for line in lines.values())
    assert [*lines["train\n(during the epoch)"].get_ydata()] == train
    assert [*lines["test"].get_ydata()] == test
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_title()) == ("epoch", ylabel, "A claim")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [*lines]


def test_loss_is_drawn_by_default(ax):
    plots.training_curves(ax, THREE_EPOCHS)
    assert ax.get_ylabel() == "cross-entropy (nats)"


def test_curves_differ_in_colour_line_and_marker(ax):
    plots.training_curves(ax, THREE_EPOCHS)
    for look in ("get_color", "get_linestyle", "get_marker"):
        assert len({getattr(line, look)() for line in curves(ax).values()}) == 3


def test_what_was_not_measured_has_no_curve(ax):
    plots.training_curves(ax, [epoch_record(1, train=(1.0, 0.5)), epoch_record(2, train=(0.9, 0.6))])
    assert [*curves(ax)] == ["train\n(during the epoch)"]


def test_an_epoch_without_a_value_is_left_out_of_its_curve_alone(ax):
    plots.training_curves(ax, [THREE_EPOCHS[0], epoch_record(2, train=(0.6, 0.75)), THREE_EPOCHS[2]])
    assert [*curves(ax)["test"].get_xdata()] == [1, 3]
    assert [*curves(ax)["train\n(during the epoch)"].get_xdata()] == [1, 2, 3]


@pytest.mark.parametrize("num_epochs", [1, 2, 3, 9, 40])
def test_epoch_ticks_are_whole_epochs_and_few(num_epochs, ax):
    history = [epoch_record(1 + i, train=(1 / (1 + i), 0.5)) for i in range(num_epochs)]
    plots.training_curves(ax, history)
    ticks = ticks_in_sight(ax.xaxis)
    assert 1 <= len(ticks) <= 10
    assert set(ticks) <= set(range(1, num_epochs + 1))


def test_one_epoch_is_seen_as_a_marker(ax):
    plots.training_curves(ax, [epoch_record(1, train=(2.0, 0.2), test=(1.0, 0.6))])
    assert [line.get_marker() for line in curves(ax).values()] == ["o", "^"]
    assert ticks_in_sight(ax.xaxis) == [1]


@pytest.mark.parametrize(
    ("metric", "first", "last", "guess"),
    [
        ("loss", 2.25, 0.5, ("guessing: ln 10 = 2.3026", np.log(10))),  # just above the first value
        ("loss", 2.3, 2.29, ("guessing: ln 10 = 2.3026", np.log(10))),  # stuck
        ("loss", 4.0, 2.0, ("guessing: ln 10 = 2.3026", np.log(10))),
        ("loss", 0.3, 0.1, None),
        ("loss", 12.0, 8.0, None),
        ("accuracy", 0.11, 0.9, ("guessing: 0.1", 0.1)),
        ("accuracy", 0.1135, 0.1135, ("guessing: 0.1", 0.1)),
        ("accuracy", 0.9, 0.97, None),
    ],
)
def test_guessing_is_drawn_and_labelled_only_where_it_is_in_sight(metric, first, last, guess, ax):
    history = [epoch_record(1, train=(first, first)), epoch_record(2, train=(last, last))]
    plots.training_curves(ax, history, metric)
    dotted = [line for line in ax.lines if line.get_linestyle() == ":"]
    low, high = ax.get_ylim()
    assert low < min(first, last) and max(first, last) < high
    if guess is None:
        assert dotted == [] and texts(ax) == []
    else:
        label, value = guess
        assert texts(ax) == [label]
        assert len(dotted) == 1 and [*dotted[0].get_ydata()] == [value, value]
        assert low < value < high


def test_a_loss_that_hardly_moves_looks_flat(ax):
    plots.training_curves(ax, [epoch_record(1, train=(2.3010, 0.1)), epoch_record(2, train=(2.3005, 0.1))])
    low, high = ax.get_ylim()
    assert high - low >= 0.1


def test_a_value_that_is_not_finite_leaves_the_others_in_sight(ax):
    history = [epoch_record(1, train=(1.0, 0.5), test=(np.inf, 0.5)), epoch_record(2, train=(0.5, 0.6))]
    plots.training_curves(ax, history)
    low, high = ax.get_ylim()
    assert low < 0.5 and 1.0 < high < 3
    drawn(ax)


@pytest.mark.parametrize(
    ("history", "metric", "message"),
    [
        (THREE_EPOCHS, "error", "metric must be 'loss' or 'accuracy'; found 'error'"),
        ([], "loss", "history must hold the loss of an epoch.*none in 0 records"),
        ([epoch_record(1)], "accuracy", "history must hold the accuracy of an epoch.*none in 1 records"),
    ],
)
def test_curves_refuse_an_unknown_metric_and_an_empty_history(history, metric, message, ax):
    with pytest.raises(ValueError, match=message):
        plots.training_curves(ax, history, metric)
    assert not ax.has_data()


# ------------------------------------------------------------------------------------------------- confusion

COUNTS = np.array([[900, 0, 7], [1, 800, 0], [40, 2, 1000]])


def cells(ax):
    """What is written, by (row, column)."""
    return {(text.get_position()[1], text.get_position()[0]): text.get_text() for text in ax.texts}


def test_each_count_but_0_stands_in_its_cell(ax):
    plots.confusion(ax, COUNTS)
    assert cells(ax) == {
        (0, 0): "900",
        (0, 2): "7",
        (1, 0): "1",
        (1, 1): "800",
        (2, 0): "40",
        (2, 1): "2",
        (2, 2): "1000",
    }


def test_true_classes_are_rows_and_predicted_ones_columns(ax):
    plots.confusion(ax, COUNTS, ["cat", "dog", "fox"])
    assert (ax.get_ylabel(), ax.get_xlabel()) == ("true class", "predicted class")
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["cat", "dog", "fox"]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["cat", "dog", "fox"]
    assert ax.yaxis_inverted() and not ax.xaxis_inverted()  # class 0 at the top left


def test_ten_classes_without_names_are_digits(ax):
    plots.confusion(ax, np.eye(10, dtype=int))
    assert (ax.get_ylabel(), ax.get_xlabel()) == ("true digit", "predicted digit")
    assert [tick.get_text() for tick in ax.get_xticklabels()] == [str(digit) for digit in range(10)]


def test_other_than_ten_classes_are_not_called_digits(ax):
    plots.confusion(ax, COUNTS)
    assert (ax.get_ylabel(), ax.get_xlabel()) == ("true class", "predicted class")


def test_colour_tells_the_errors_apart_and_leaves_the_diagonal_grey(ax):
    plots.confusion(ax, COUNTS)
    colors = ax.images[0].get_array()
    lightness = colors @ np.array([0.2126, 0.7152, 0.0722])
    assert np.ptp(colors[np.eye(3, dtype=bool)]) == 0  # red, green and blue alike
    assert 0.7 < colors[0, 0, 0] < 0.95  # light grey: neither an error's colour nor white, "nothing here"
    assert np.all(colors[COUNTS == 0] == 1)  # white
    assert lightness[2, 0] < lightness[0, 2] < lightness[2, 1] < lightness[1, 0] < 1  # 40, 7, 2 and 1 errors
    assert lightness[2, 0] < 0.3 < 0.9 < lightness[1, 0]  # the whole scale, although 1000 are on the diagonal


def test_what_is_written_stands_out_from_its_cell(ax):
    counts = np.arange(1, 101).reshape(10, 10)
    plots.confusion(ax, counts)
    colors = ax.images[0].get_array()

    def luminance(color):  # of WCAG 2
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in color]
        return np.dot(linear, (0.2126, 0.7152, 0.0722))

    for text in ax.texts:
        column, row = text.get_position()
        pair = sorted((luminance(colors[row, column]), luminance(to_rgb(text.get_color()))))
        assert (pair[1] + 0.05) / (pair[0] + 0.05) > 3


def test_the_title_of_a_confusion_matrix_counts_the_errors(ax):
    plots.confusion(ax, COUNTS)
    assert ax.get_title() == "50 of 2,750 wrong; most often 2 taken for 0"
    plots.confusion(ax, COUNTS, title="A claim")
    assert ax.get_title() == "A claim"
    plots.confusion(ax, COUNTS, title="")
    assert ax.get_title() == ""


def test_a_matrix_without_errors_can_be_drawn(ax):
    plots.confusion(ax, torch.eye(3, dtype=torch.int64))
    assert len(ax.texts) == 3
    assert ax.get_title() == "0 of 3 wrong"
    drawn(ax)


def test_long_names_do_not_overlap_and_the_title_stays_inside():
    names = [
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Boot",
    ]
    ax = Figure(figsize=(6, 5.4), layout="constrained").subplots()
    plots.confusion(ax, np.full((10, 10), 1234) + np.eye(10, k=-7, dtype=int), names)
    drawn(ax)
    title, labels = (
        ax.title.get_window_extent(),
        [label.get_window_extent() for label in ax.get_yticklabels()],
    )
    assert 0 <= title.x0 and title.x1 <= ax.figure.bbox.x1
    assert not any(above.overlaps(below) for above, below in combinations(labels, 2))
    assert all(label.get_rotation() == 45 for label in ax.get_xticklabels())


@pytest.mark.parametrize(
    ("matrix", "names", "message"),
    [
        (np.ones((2, 3), int), None, r"matrix must have the shape \(C, C\); found \(2, 3\)"),
        ([1, 2], None, r"matrix must have the shape \(C, C\); found \(2,\)"),
        (np.ones((0, 0), int), None, r"found \(0, 0\)"),
        (np.eye(2) / 2, None, "matrix must hold counts.*found float64. Pass it before any division"),
        ([[1, 0], [-3, 1]], None, "matrix must hold counts.*found -3"),
        (np.eye(3, dtype=int), ["cat", "dog"], "class_names must be 3 names, one a class; found 2"),
    ],
)
def test_confusion_refuses_what_is_no_matrix_of_counts(matrix, names, message, ax):
    with pytest.raises(ValueError, match=message):
        plots.confusion(ax, matrix, names)
    assert not ax.has_data()


# ---------------------------------------------------------------------------------------------------- digits


def ramp(dtype=np.uint8):
    """Two images (2, 28, 28) of values from 0 to 255; the second upside down."""
    image = np.linspace(0, 255, 784).round().reshape(28, 28)
    return np.stack([image, image[::-1]]).astype(dtype)


def ink(ax):
    """The grey levels drawn, (28, 28): 0 black, 1 white."""
    (picture,) = ax.images
    return picture.to_rgba(picture.get_array())[..., 0]


@pytest.mark.parametrize(
    "images",
    [
        ramp(),
        ramp()[:, None],
        ramp(np.int64),
        ramp(np.float64) / 255,
        torch.from_numpy(ramp())[:, None] / 255,
    ],
    ids=["uint8", "with a channel", "int64", "float64", "tensor"],
)
def test_an_image_is_black_ink_on_white_pixel_by_pixel(images):
    axes = Figure().subplots(1, 2)
    assert plots.digit_grid(axes, images) is None
    for ax, image in zip(axes, ramp(float), strict=True):
        np.testing.assert_allclose(ink(ax), 1 - image / 255, atol=0.01)
        assert ax.images[0].get_interpolation() == "none"
        assert [*ax.get_xticks()] == [*ax.get_yticks()] == []


def test_a_faint_image_stays_faint(ax):
    plots.digit_grid(ax, np.full((1, 28, 28), 51, np.uint8))  # not stretched to black
    np.testing.assert_allclose(ink(ax), 0.8, atol=0.01)


def test_standardised_images_share_one_scale():
    axes = Figure().subplots(1, 2)
    images = (ramp(float) / 255 - 0.1307) / 0.3081
    images[1] /= 2
    plots.digit_grid(axes, images)
    assert ink(axes[0]).max() == 1 and ink(axes[0]).min() == 0
    assert axes[0].images[0].get_clim() == axes[1].images[0].get_clim()


def test_images_go_row_by_row_and_unused_axes_are_off():
    axes = Figure().subplots(2, 3)
    images = np.arange(4, dtype=np.uint8)[:, None, None] * np.ones((28, 28), np.uint8)
    plots.digit_grid(axes, images, titles=torch.tensor([7, 2, 1, 0]))
    assert [ax.images[0].get_array()[0, 0] for ax in axes.flat[:4]] == [0, 1, 2, 3]
    assert [ax.get_title() for ax in axes.flat] == ["7", "2", "1", "0", "", ""]
    assert [ax.axison for ax in axes.flat] == [True] * 4 + [False] * 2
    assert all(not ax.images for ax in axes.flat[4:])


def test_no_image_leaves_all_axes_off():
    axes = Figure().subplots(1, 2)
    plots.digit_grid(axes, np.zeros((0, 28, 28), np.uint8), titles=[])
    assert [ax.axison for ax in axes] == [False, False]


@pytest.mark.parametrize(
    ("images", "titles", "message"),
    [
        (np.zeros((3, 28, 28)), None, r"found 2 axes for 3 images\. Pass images\[:2\]"),
        (np.zeros((28, 28)), None, r"found float64 \(28, 28\)\. Of one image, pass images\[None\]"),
        (np.zeros((2, 784)), None, r"found float64 \(2, 784\)\..*images\.reshape\(-1, 28, 28\)"),
        (np.zeros((2, 3, 28, 28)), None, r"found float64 \(2, 3, 28, 28\)"),
        (np.zeros((2, 28, 28, 1)), None, r"found float64 \(2, 28, 28, 1\)"),
        (np.zeros((2, 28, 28), str), None, r"images must be numbers.*found <U1"),
        (np.full((2, 28, 28), np.nan), None, r"images must be finite; found nan"),
        (np.zeros((2, 28, 28)), ["one"], r"titles must be 2, one an image; found the shape \(1,\)"),
        (np.zeros((2, 28, 28)), "ab", r"titles must be 2, one an image; found the shape \(\)"),
    ],
)
def test_the_grid_refuses_wrong_shapes_too_many_images_and_wrong_titles(images, titles, message):
    axes = Figure().subplots(1, 2)
    with pytest.raises(ValueError, match=message):
        plots.digit_grid(axes, images, titles)
    assert not any(ax.has_data() for ax in axes)


# ---------------------------------------------------------------------------------------------- two features


def groups(ax):
    """The points drawn, by the label of their class."""
    return {group.get_label(): group for group in ax.collections}


@pytest.mark.parametrize("convert", [np.asarray, torch.tensor, list], ids=["NumPy", "torch", "list"])
def test_each_class_has_its_points(convert, ax):
    plots.class_scatter(ax, convert(THREE_POINTS), convert([4, 0, 4]), title="A claim")
    points = {label: group.get_offsets().tolist() for label, group in groups(ax).items()}
    assert points == {"0": [THREE_POINTS[1]], "4": [THREE_POINTS[0], THREE_POINTS[2]]}
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_title()) == ("feature 1", "feature 2", "A claim")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["0", "4"]


def test_ten_classes_differ_in_colour_and_in_marker(ax):
    plots.class_scatter(ax, np.zeros((10, 2)), np.arange(10))
    drawn_groups = list(groups(ax).values())
    assert len({tuple(group.get_facecolor()[0]) for group in drawn_groups}) == 10
    assert len({group.get_paths()[0].vertices.tobytes() for group in drawn_groups}) == 10


def test_a_class_looks_the_same_whatever_others_there_are(ax):
    other = Figure().subplots()
    plots.class_scatter(ax, THREE_POINTS, [0, 3, 9])
    plots.class_scatter(other, THREE_POINTS, [3, 3, 3])
    pair = groups(ax)["3"], groups(other)["3"]
    assert np.array_equal(*(group.get_facecolor() for group in pair))
    assert np.array_equal(*(group.get_paths()[0].vertices for group in pair))


def test_the_legend_covers_no_point_and_can_be_left_out():
    ax = Figure(layout="constrained").subplots()
    plots.class_scatter(ax, THREE_POINTS, [0, 1, 2])
    drawn(ax)
    assert ax.get_legend().get_window_extent().x0 >= ax.get_window_extent().x1
    assert ax.get_legend().get_window_extent().x1 <= ax.figure.bbox.x1
    bare = Figure().subplots()
    plots.class_scatter(bare, THREE_POINTS, [0, 1, 2], legend=False)
    assert bare.get_legend() is None


# What a colour-blind eye makes of linear RGB: Machado, Oliveira and Fernandes, "A physiologically-based model
# for simulation of color vision deficiency", IEEE TVCG 15 (2009), severity 1.
EYES = {
    "no deficiency": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def cielab(linear_rgb):
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    x, y, z = np.cbrt(to_xyz @ np.clip(linear_rgb, 0, 1) / (0.9505, 1, 1.089))  # no colour here is near black
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("eye", EYES)
def test_class_colours_are_told_apart_by_colour_blind_eyes(eye):
    srgb = np.array([to_rgb(color) for color in plots.CLASS_COLORS])
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    seen = [cielab(np.array(EYES[eye]) @ color) for color in linear]
    assert min(np.linalg.norm(a - b) for a, b in combinations(seen, 2)) > 12  # 2.3 is just noticeable
    ring = zip(seen, seen[1:] + seen[:1], strict=True)  # neighbours of make_blobs
    assert min(np.linalg.norm(a - b) for a, b in ring) > 25


def by_sign(points):
    """Class 0 at the left of feature 1 = 1.5, class 3 at its right."""
    return np.where(points[:, 0] < 1.5, 0, 3)


def test_regions_show_what_is_predicted_where(ax):
    plots.decision_regions(ax, by_sign, THREE_POINTS, [0, 0, 3], title="A claim")
    (picture,) = ax.images
    colors = picture.get_array()
    left, right = picture.get_extent()[:2]
    assert colors.shape == (200, 200, 3)
    columns = left + (np.arange(200) + 0.5) * (right - left) / 200  # the middle of each pixel
    np.testing.assert_allclose(columns[[0, -1]], ax.get_xlim())
    for k, chosen in ((0, columns < 1.5), (3, columns >= 1.5)):
        tint = colors[:, chosen]
        assert np.ptp(tint, axis=(0, 1)).max() == 0  # one tint
        full = np.array(to_rgb(plots.CLASS_COLORS[k]))
        np.testing.assert_allclose(1 - tint[0, 0] / 255, 0.4 * (1 - full), atol=0.5 / 255)
    assert colors.dtype == np.uint8  # of floats a PNG is twice as large
    assert ax.get_title() == "A claim"
    assert {*groups(ax)} == {"0", "3"}  # the points are there too
    assert min(group.get_zorder() for group in groups(ax).values()) > picture.get_zorder()


def test_regions_are_not_upside_down(ax):
    plots.decision_regions(ax, lambda points: (points[:, 1] > 1).astype(int), THREE_POINTS, [0, 1, 1])
    pixels = drawn(ax).astype(int)
    (x0, y0), (x1, y1) = ax.transAxes.transform([(0.5, 0.03), (0.5, 0.97)]).round().astype(int)
    low, high = pixels[-y0, x0, :3], pixels[-y1, x1, :3]  # pixels count from the top
    assert low[2] > low[0]  # class 0 is blue
    assert high[0] > high[2]  # class 1 is orange


def test_regions_cover_the_points_and_a_margin(ax):
    asked = []
    plots.decision_regions(
        ax, lambda points: asked.append(points) or by_sign(points), THREE_POINTS, [0, 0, 3], resolution=11
    )
    (points,) = asked  # one call
    assert points.shape == (121, 2) and points.dtype == np.float64
    assert len(np.unique(points, axis=0)) == 121
    assert np.all(points.min(axis=0) < np.min(THREE_POINTS, axis=0))
    assert np.all(points.max(axis=0) > np.max(THREE_POINTS, axis=0))
    assert ax.get_xlim() == (points[0, 0], points[-1, 0]) and ax.get_ylim() == (points[0, 1], points[-1, 1])


def test_regions_take_a_torch_model_and_leave_the_aspect_to_the_caller(ax):
    ax.set_aspect("equal")
    plots.decision_regions(
        ax, lambda points: torch.from_numpy(points).argmax(dim=1), THREE_POINTS, [0, 1, 0], 5
    )
    assert ax.get_aspect() == 1
    other = Figure().subplots()
    plots.decision_regions(other, by_sign, THREE_POINTS, [0, 1, 0], 5, legend=False)
    assert other.get_aspect() == "auto" and other.get_legend() is None


def test_regions_around_a_single_point_have_an_area(ax):
    plots.decision_regions(ax, by_sign, [[1.0, 2.0]], [0], resolution=3)
    assert ax.get_xlim() == (0.0, 2.0) and ax.get_ylim() == (1.0, 3.0)


WRONG_POINTS = [
    (
        np.zeros((3, 3)),
        [0, 1, 2],
        r"X must be numbers of shape \(N, 2\), two features; found float64 \(3, 3\)",
    ),
    (np.zeros(3), [0, 1, 2], r"X must be numbers of shape \(N, 2\).*found float64 \(3,\)"),
    ([[0.0, np.inf]], [0], "X must be finite; found inf"),
    (THREE_POINTS, [0, 1], r"labels must be 3 whole numbers, shape \(3,\).*found int64 \(2,\)"),
    (THREE_POINTS, np.eye(3), r"labels must be 3 whole numbers.*float64 \(3, 3\).*argmax\(axis=1\)"),
    (THREE_POINTS, [0.0, 1.0, 2.0], r"labels must be 3 whole numbers.*found float64 \(3,\)"),
    (THREE_POINTS, [0, 1, 10], "labels must be classes from 0 to 9; found 10"),
    (THREE_POINTS, [0, -1, 1], "labels must be classes from 0 to 9; found -1"),
]


@pytest.mark.parametrize(("X", "labels", "message"), WRONG_POINTS)
def test_points_and_labels_that_do_not_match_are_refused(X, labels, message, ax):
    with pytest.raises(ValueError, match=message):
        plots.class_scatter(ax, X, labels)
    with pytest.raises(ValueError, match=message):
        plots.decision_regions(ax, by_sign, X, labels)
    assert not ax.has_data()


@pytest.mark.parametrize(
    ("predict", "message"),
    [
        (lambda points: points, r"predict must return 25 .*found float64 \(25, 2\).*\.argmax\(axis=1\)"),
        (lambda points: 0, r"predict must return 25 whole numbers, shape \(25,\).*found int64 \(\)"),
        (lambda points: points[:, 0], r"predict must return 25 whole numbers.*found float64 \(25,\)"),
        (
            lambda points: np.full(len(points), 11),
            "what predict returns must be classes from 0 to 9; found 11",
        ),
    ],
)
def test_regions_refuse_a_prediction_that_is_no_class_a_point(predict, message, ax):
    with pytest.raises(ValueError, match=message):
        plots.decision_regions(ax, predict, THREE_POINTS, [0, 1, 2], resolution=5)
    assert not ax.has_data()


def test_regions_need_a_point_and_a_resolution(ax):
    with pytest.raises(ValueError, match=r"X must have at least one point.*found the shape \(0, 2\)"):
        plots.decision_regions(ax, by_sign, np.zeros((0, 2)), np.zeros(0, int))
    with pytest.raises(ValueError, match="resolution must be 2 or more; found 1"):
        plots.decision_regions(ax, by_sign, THREE_POINTS, [0, 1, 2], resolution=1)
