"""functional.py against hand values, SciPy, torch, finite differences, and what must hold for any input."""

import doctest
import inspect
import math

import numpy as np
import pytest
import scipy.special
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from softmax_lib import functional
from softmax_lib.functional import (
    confusion_matrix,
    cross_entropy,
    cross_entropy_from_probs,
    cross_entropy_grad,
    log_softmax,
    logsumexp,
    one_hot,
    softmax,
)
from softmax_lib.gradcheck import numerical_gradient, relative_error
from softmax_lib.toy import lecture_batch

pytestmark = pytest.mark.filterwarnings("error")  # no warning may leak, NumPy's least of all

INF, NAN = np.inf, np.nan
ON_SCORES = [softmax, logsumexp, log_softmax]
same_on_every_run = settings(derandomize=True, deadline=None, max_examples=50)


def rng(seed=0):
    return np.random.default_rng(seed)


def batch(num_rows=6, num_classes=4, scale=3.0, seed=0):
    """Random logits (N, C), with negative and positive entries, and labels (N,) with repetitions."""
    random = rng(seed)
    return random.normal(scale=scale, size=(num_rows, num_classes)), random.integers(0, num_classes, num_rows)


def scipys(name, *args, **kwargs):
    """SciPy's answer; SciPy itself warns of infinities."""
    with np.errstate(all="ignore"):
        return getattr(scipy.special, name)(*args, **kwargs)


def rows(min_value=-50.0, max_value=50.0, min_side=1):
    """Hypothesis: float64 arrays with one to three axes."""
    shapes = array_shapes(min_dims=1, max_dims=3, min_side=min_side, max_side=5)
    return arrays(np.float64, shapes, elements=st.floats(min_value, max_value))


@st.composite
def logits_and_labels(draw, min_value=-50.0, max_value=50.0):
    shape = (draw(st.integers(1, 6)), draw(st.integers(1, 6)))
    logits = draw(arrays(np.float64, shape, elements=st.floats(min_value, max_value)))
    labels = draw(arrays(np.int64, shape[0], elements=st.integers(0, shape[1] - 1)))
    return logits, labels


# ------------------------------------------------------------------------------------------------ hand values


def test_the_examples_in_the_docstrings_are_true():
    result = doctest.testmod(functional)
    assert result.attempted >= 8 and result.failed == 0


def test_softmax_of_the_lectures_logits_rounds_to_its_probabilities():
    assert softmax([2.0, 1.0, 0.1]).round(3).tolist() == [0.659, 0.242, 0.099]


def test_the_lectures_probabilities_cost_0_3567_and_2_3026():
    assert cross_entropy_from_probs([0.7, 0.2, 0.1], [1, 0, 0]) == pytest.approx(-math.log(0.7), rel=1e-12)
    assert round(cross_entropy_from_probs([0.7, 0.2, 0.1], [1, 0, 0]), 4) == 0.3567
    assert round(cross_entropy_from_probs([0.1, 0.3, 0.6], [1, 0, 0]), 4) == 2.3026


def test_the_lectures_logits_cost_0_4170_and_1_8406():
    losses = cross_entropy([[2.0, 1.0, 0.1], [0.5, 2.0, 0.3]], [0, 0], reduction="none")
    assert losses.round(4).tolist() == [0.4170, 1.8406]


def test_the_lectures_batches_cost_0_4966_and_1_2389():
    good, bad, labels = lecture_batch()
    assert round(cross_entropy(good, labels), 4) == 0.4966
    assert round(cross_entropy(bad, labels), 4) == 1.2389


@pytest.mark.parametrize(("num_classes", "loss"), [(3, 1.0986), (10, 2.3026)])
def test_equal_logits_cost_the_log_of_the_number_of_classes(num_classes, loss):
    logits = np.full((2, num_classes), 7.0)
    assert cross_entropy(logits, [0, num_classes - 1]) == pytest.approx(math.log(num_classes), rel=1e-12)
    assert round(cross_entropy(logits, [0, 1]), 4) == loss


@pytest.mark.parametrize(("num_classes", "floor"), [(3, 0.5514), (10, 1.4612)])
def test_perfect_probabilities_taken_for_logits_still_cost_the_double_softmax_floor(num_classes, floor):
    labels = np.arange(num_classes)
    perfect = one_hot(labels, num_classes)
    assert round(cross_entropy(perfect, labels), 4) == floor
    assert cross_entropy_from_probs(perfect, labels) == 0.0


def test_the_gradient_is_p_minus_y():
    gradient = cross_entropy_grad(np.log([0.2, 0.3, 0.5]), 1)
    np.testing.assert_allclose(gradient, [0.2, -0.7, 0.5], rtol=1e-12)


def test_the_gradient_of_a_batch_is_divided_by_its_rows():
    logits = np.log([[0.2, 0.3, 0.5], [0.6, 0.3, 0.1]])
    np.testing.assert_allclose(cross_entropy_grad(logits, [1, 0]), [[0.1, -0.35, 0.25], [-0.2, 0.15, 0.05]])


def test_two_classes_give_the_sigmoid_back():
    assert softmax([0.0, 3.0])[1] == pytest.approx(scipy.special.expit(3.0), rel=1e-12)


def test_one_hot_rows():
    rows = one_hot([2, 0, 2], 3)
    assert rows.tolist() == [[0, 0, 1], [1, 0, 0], [0, 0, 1]] and rows.dtype == np.float64


def test_one_hot_of_one_label_is_one_row():
    assert one_hot(1, 3).tolist() == [0, 1, 0]


def test_one_hot_of_no_labels_is_no_rows():
    assert one_hot([], 3).shape == (0, 3)


def test_a_confusion_matrix_has_the_true_class_in_its_rows():
    counts = confusion_matrix(labels=[0, 0, 0, 2], predictions=[0, 2, 2, 1], num_classes=4)
    assert counts.tolist() == [[1, 0, 2, 0], [0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]]
    assert counts.dtype == np.int64


def test_a_confusion_matrix_counts_more_than_a_byte_holds():
    labels = np.full(70_000, 9, dtype=np.uint8)
    assert confusion_matrix(labels, labels, 10)[9, 9] == 70_000


def test_a_confusion_matrix_of_nothing_is_zeros():
    assert confusion_matrix([], [], 2).tolist() == [[0, 0], [0, 0]]


# -------------------------------------------------------------------------- infinities, nan and large numbers

# each row: the logits, then what softmax, logsumexp and log_softmax answer
EDGES = {
    "thousands": ([1000.0, 1000.0], [0.5, 0.5], 1000 + math.log(2), [-math.log(2), -math.log(2)]),
    "minus thousands": ([-1000.0, -1000.0], [0.5, 0.5], -1000 + math.log(2), [-math.log(2), -math.log(2)]),
    "far apart": ([0.0, 1000.0], [0.0, 1.0], 1000.0, [-1000.0, 0.0]),
    "1e30": ([1e30, -1e30], [1.0, 0.0], 1e30, [0.0, -2e30]),
    "two of 1e30": ([1e30, 1e30, 0.0], [0.5, 0.5, 0.0], 1e30, [-math.log(2), -math.log(2), -1e30]),
    "masked": ([0.0, -INF, 0.0], [0.5, 0.0, 0.5], math.log(2), [-math.log(2), -INF, -math.log(2)]),
    "all but one masked": ([-INF, -5.0, -INF], [0.0, 1.0, 0.0], -5.0, [-INF, 0.0, -INF]),
    "all masked": ([-INF, -INF], [NAN, NAN], -INF, [NAN, NAN]),
    "infinity": ([INF, 1.0], [NAN, NAN], INF, [NAN, -INF]),
    "two infinities": ([INF, INF], [NAN, NAN], INF, [NAN, NAN]),
    "both infinities": ([INF, -INF], [NAN, NAN], INF, [NAN, -INF]),
    "nan": ([NAN, 1.0, 2.0], [NAN, NAN, NAN], NAN, [NAN, NAN, NAN]),
    "nan and infinity": ([NAN, INF], [NAN, NAN], NAN, [NAN, NAN]),
    "one class": ([5.0], [1.0], 5.0, [0.0]),
    "one masked class": ([-INF], [NAN], -INF, [NAN]),
}


@pytest.mark.parametrize("edge", EDGES)
def test_infinities_and_large_logits_have_these_answers(edge):
    logits, probs, lse, log_probs = EDGES[edge]
    with np.errstate(all="raise"):  # not even with NumPy at its strictest
        np.testing.assert_allclose(softmax(logits), probs, rtol=1e-12)
        np.testing.assert_allclose(logsumexp(logits), lse, rtol=1e-12)
        np.testing.assert_allclose(log_softmax(logits), log_probs, rtol=1e-12)


@pytest.mark.parametrize("edge", EDGES)
@pytest.mark.parametrize("name", ["softmax", "logsumexp", "log_softmax"])
def test_infinities_and_large_logits_are_answered_as_by_scipy(edge, name):
    logits = np.array(EDGES[edge][0])
    np.testing.assert_allclose(getattr(functional, name)(logits), scipys(name, logits), rtol=1e-12)


def test_a_row_with_an_edge_leaves_the_other_rows_alone():
    logits = np.array([[1.0, 2.0], [NAN, 0.0], [-INF, -INF], [INF, 0.0], [1.0, 2.0]])
    for row in (0, 4):
        np.testing.assert_allclose(softmax(logits)[row], softmax([1.0, 2.0]), rtol=1e-12)
        assert logsumexp(logits)[row] == logsumexp([1.0, 2.0])
        assert cross_entropy(logits, [0] * 5, "none")[row] == cross_entropy([1.0, 2.0], 0)


def test_a_masked_class_has_probability_exactly_0():
    assert softmax([[3.0, -INF, 1.0]])[0, 1] == 0.0


def test_a_true_class_that_is_masked_costs_infinity():
    assert cross_entropy([[0.0, -INF]], [1]) == INF
    assert cross_entropy([[0.0, 1e308, -1e308]], [2]) == INF  # further apart than a float64 can say


def test_a_masked_class_that_is_not_the_true_one_costs_nothing():
    assert cross_entropy([[0.0, -INF, 0.0]], [0]) == pytest.approx(math.log(2), rel=1e-12)
    assert cross_entropy_grad([[0.0, -INF, 0.0]], [0]).tolist() == [[-0.5, 0.0, 0.5]]


@pytest.mark.parametrize("logits", [[NAN, 1.0], [-INF, -INF], [INF, INF]])
def test_a_row_without_an_answer_costs_nan(logits):
    with np.errstate(all="raise"):
        assert math.isnan(cross_entropy([logits], [0]))
        assert math.isnan(cross_entropy([logits, [0.0, 0.0]], [0, 0]))
        assert np.isnan(cross_entropy_grad([logits], [0])).all()


def test_confidently_wrong_by_a_thousand_costs_a_thousand():
    assert cross_entropy([[1000.0, 0.0]], [1]) == 1000.0
    assert cross_entropy([[1e30, -1e30]], [1]) == 2e30


def test_a_large_offset_of_all_logits_costs_no_accuracy():
    """Near 1e15 float64 has steps of 1/8: lse(z) - z[label] as two such numbers would lose the loss."""
    assert cross_entropy([1e15, 1e15], 0) == pytest.approx(math.log(2), rel=1e-12)
    np.testing.assert_allclose(log_softmax([1e15, 1e15 + 1]), log_softmax([0.0, 1.0]), rtol=1e-12)


def test_a_loss_of_0_is_not_minus_0():
    assert math.copysign(1, cross_entropy([[5.0]], [0])) == 1
    assert math.copysign(1, cross_entropy([[0.0, -INF]], [0], "none")[0]) == 1
    assert math.copysign(1, cross_entropy_from_probs([[1.0, 0.0]], [0])) == 1
    assert math.copysign(1, cross_entropy_from_probs([[1.0]], [0])) == 1


def test_a_tiny_loss_is_not_rounded_to_0():
    """log(1 + e^-40) is 4.2e-18, though 1 + e^-40 is 1 in float64 (scipy issue 18295)."""
    assert logsumexp([0.0, -40.0]) == pytest.approx(math.exp(-40), rel=1e-12, abs=0)
    assert cross_entropy([0.0, -40.0], 0) == pytest.approx(math.exp(-40), rel=1e-12, abs=0)
    assert log_softmax([0.0, -40.0])[0] == pytest.approx(-math.exp(-40), rel=1e-12, abs=0)


def test_probability_0_for_what_happened_costs_infinity_without_a_warning():
    with np.errstate(all="raise"):
        assert cross_entropy_from_probs([[0.0, 1.0], [0.5, 0.5]], [0, 0]) == INF
        assert cross_entropy_from_probs([0.0, 1.0], [0.5, 0.5]) == INF


def test_probability_0_for_what_did_not_happen_costs_nothing():
    with np.errstate(all="raise"):
        assert cross_entropy_from_probs([[1.0, 0.0]], [[1, 0]]) == 0.0
        assert cross_entropy_from_probs([0.5, 0.5, 0.0], [0.5, 0.5, 0.0]) == pytest.approx(math.log(2))


def test_nan_probabilities_cost_nan():
    assert math.isnan(cross_entropy_from_probs([[NAN, 0.5]], [1]))
    assert math.isnan(cross_entropy_from_probs([[0.5, 0.5], [NAN, NAN]], [[1, 0], [1, 0]]))


# ------------------------------------------------------------------------------------ shapes, axes and dtypes


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2, -3, (0, 1), (-1, 0), (0, 1, 2), None])
@pytest.mark.parametrize("name", ["softmax", "logsumexp", "log_softmax"])
def test_every_axis_and_tuple_of_axes_agrees_with_scipy(name, axis):
    logits = rng().normal(scale=20, size=(3, 4, 5))
    expected = scipys(name, logits, axis=axis)
    result = getattr(functional, name)(logits, axis=axis)
    assert np.shape(result) == np.shape(expected)
    np.testing.assert_allclose(result, expected, rtol=1e-12, atol=1e-14)  # SciPy rounds tiny logs to 0


@pytest.mark.parametrize("f", ON_SCORES)
def test_an_axis_that_is_not_there_is_refused(f):
    with pytest.raises(ValueError, match="axis 2 is out of bounds"):
        f(np.zeros((2, 3)), axis=2)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_keep_their_dtype(dtype):
    logits = batch()[0].astype(dtype)
    for f in ON_SCORES:
        assert f(logits).dtype == dtype and f(logits[0]).dtype == dtype
    assert cross_entropy(logits, batch()[1], "none").dtype == dtype
    assert cross_entropy_grad(logits, batch()[1]).dtype == dtype


@pytest.mark.parametrize("dtype", [np.int64, np.int8, np.uint8, bool])
def test_whole_numbers_become_float64(dtype):
    logits = np.array([[0, 1, 1], [1, 0, 0]], dtype=dtype)
    for f in ON_SCORES:
        assert f(logits).dtype == np.float64
        np.testing.assert_allclose(f(logits), f(logits.astype(np.float64)))
    assert cross_entropy(logits, [0, 0]) == cross_entropy(logits.astype(float), [0, 0])


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("f", ON_SCORES)
def test_narrow_floats_are_right_to_their_own_precision(f, dtype):
    logits = batch(scale=20)[0].astype(dtype)
    np.testing.assert_allclose(
        f(logits), f(logits.astype(np.float64)), rtol=2 * np.finfo(dtype).eps, atol=1e-6
    )


def test_float16_does_not_overflow():
    with np.errstate(all="raise"):
        logits = np.array([60000.0, 60000.0, -60000.0], dtype=np.float16)
        assert softmax(logits).tolist() == [0.5, 0.5, 0.0]
        assert logsumexp(logits) == np.float16(60000.0)
        assert cross_entropy(logits, 0) == pytest.approx(math.log(2), rel=1e-3)
        many = np.zeros(70_000, dtype=np.float16)  # more ones than float16 can add up
        assert logsumexp(many) == pytest.approx(math.log(70_000), rel=1e-3)
        assert softmax(many).sum(dtype=np.float64) == pytest.approx(1, rel=0.1)


def test_a_float32_batch_is_averaged_in_float64():
    logits, labels = batch(20_000, 3, scale=1.0)
    logits[0] = [0.0, 3e7, 0.0]  # one huge loss: in float32 the others would be rounded
    labels[0] = 0
    for reduction in ("mean", "sum"):
        exact = cross_entropy(logits, labels, reduction)
        assert cross_entropy(logits.astype(np.float32), labels, reduction) == pytest.approx(exact, rel=1e-9)


def test_one_row_and_a_batch_of_one_agree():
    logits = [2.0, 1.0, 0.1]
    assert cross_entropy(logits, 2) == cross_entropy([logits], [2])
    assert cross_entropy(logits, 2, "none").shape == ()
    assert cross_entropy_grad(logits, 2).tolist() == cross_entropy_grad([logits], [2])[0].tolist()
    probs = [0.7, 0.2, 0.1]
    expected = cross_entropy_from_probs([probs], [2])
    assert cross_entropy_from_probs(probs, 2) == expected
    assert cross_entropy_from_probs(probs, [0, 0, 1]) == expected
    assert cross_entropy_from_probs([probs], [[0, 0, 1]]) == expected


def test_a_single_number_is_a_distribution_over_one_class():
    assert softmax(3.0) == 1.0 and log_softmax(3.0) == 0.0 and logsumexp(3.0) == 3.0


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_a_loss_is_a_python_float(reduction):
    for dtype in (np.float32, np.float64):
        assert type(cross_entropy(batch()[0].astype(dtype), batch()[1], reduction)) is float
    assert type(cross_entropy_from_probs(np.float32([[0.5, 0.5]]), [0])) is float


def test_the_log_sum_exp_of_one_row_is_a_number():
    assert isinstance(logsumexp([1.0, 2.0]), float) and logsumexp(np.zeros((2, 3))).shape == (2,)


def test_no_rows_give_no_rows():
    none = np.zeros((0, 3))
    assert softmax(none).shape == log_softmax(none).shape == (0, 3)
    assert logsumexp(none).shape == (0,)
    assert cross_entropy(none, [], "none").shape == (0,)
    assert cross_entropy(none, [], "sum") == 0.0


@pytest.mark.parametrize(
    "mean",
    [
        lambda: cross_entropy(np.zeros((0, 3)), []),
        lambda: cross_entropy_grad(np.zeros((0, 3)), np.zeros(0, dtype=np.int64)),
        lambda: cross_entropy_from_probs(np.zeros((0, 3)), []),
        lambda: cross_entropy_from_probs(np.zeros((0, 3)), np.zeros((0, 3))),
    ],
)
def test_a_mean_over_no_rows_is_an_error(mean):
    with pytest.raises(ValueError, match="no rows: the mean over an empty batch would be nan"):
        mean()


@pytest.mark.parametrize("logits", [[], np.zeros((2, 0))])
def test_no_classes_are_an_error(logits):
    labels = np.zeros(np.shape(logits)[:-1], dtype=int)
    for f in (softmax, log_softmax):
        with pytest.raises(ValueError, match="at least one class"):
            f(logits)
    for f in (cross_entropy, cross_entropy_grad, cross_entropy_from_probs):
        with pytest.raises(ValueError, match="at least one class"):
            f(logits, labels)


def test_the_sum_of_no_exponentials_is_0_and_its_log_minus_infinity():
    assert logsumexp([]) == -INF
    assert logsumexp(np.zeros((0, 3)), axis=0).tolist() == [-INF] * 3


def test_inputs_are_not_modified():
    logits, labels = batch()
    probs, targets = softmax(logits), one_hot(labels, 4)
    inputs = [logits, labels, probs, targets]
    before = [array.copy() for array in inputs]
    for array in inputs:
        array.setflags(write=False)  # an attempt would raise
    for f in ON_SCORES:
        f(logits)
    cross_entropy(logits, labels)
    cross_entropy_grad(logits, labels)
    cross_entropy_from_probs(probs, labels)
    cross_entropy_from_probs(probs, targets)
    confusion_matrix(labels, labels, 4)
    for array, copy in zip(inputs, before, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_results_share_no_memory_with_the_inputs():
    logits = np.zeros((1, 1))
    for f in (softmax, log_softmax):
        assert not np.shares_memory(f(logits), logits)
    labels = np.array([0])
    assert not np.shares_memory(one_hot(labels, 1), labels)


def test_lists_tuples_and_torch_tensors_are_accepted():
    logits, labels = batch()
    for kind in (np.ndarray.tolist, tuple, torch.tensor):
        assert cross_entropy(kind(logits), kind(labels)) == cross_entropy(logits, labels)
        np.testing.assert_array_equal(softmax(kind(logits)), softmax(logits))


def test_the_layout_in_memory_does_not_matter():
    logits, labels = batch()
    every_other = np.repeat(np.repeat(logits, 2, axis=0), 3, axis=1)[::2, ::3]
    for same in (np.asfortranarray(logits), every_other, logits[::-1].copy()[::-1], logits.astype(">f8")):
        for f in ON_SCORES:
            np.testing.assert_allclose(f(same), f(logits), rtol=1e-13)
        assert cross_entropy(same, np.repeat(labels, 2)[::2]) == pytest.approx(cross_entropy(logits, labels))
        np.testing.assert_allclose(cross_entropy_grad(same, labels), cross_entropy_grad(logits, labels))


def test_a_result_is_an_array_of_its_own_that_can_be_written_to():
    for result in (softmax([5.0]), log_softmax([5.0]), one_hot(0, 2), one_hot([0], 1)):
        result[...] = 7
    assert one_hot(0, 2).tolist() == [1, 0] and softmax([5.0]).tolist() == [1.0]


@pytest.mark.parametrize("dtype", [np.int8, np.int32, np.int64, np.uint8, np.uint64])
def test_labels_of_every_integer_dtype_are_accepted(dtype):
    logits, labels = batch()
    assert cross_entropy(logits, labels.astype(dtype)) == cross_entropy(logits, labels)
    np.testing.assert_array_equal(one_hot(labels.astype(dtype), 4), one_hot(labels, 4))


def test_three_whole_numbers_with_three_rows_are_labels_not_a_one_hot_row():
    probs = softmax(batch(3, 3)[0])
    expected = -(np.log(probs[0, 1]) + np.log(probs[1, 0]) + np.log(probs[2, 0])) / 3
    assert cross_entropy_from_probs(probs, [1, 0, 0]) == pytest.approx(expected, rel=1e-12)


def test_soft_targets_cost_the_weighted_sum():
    loss = cross_entropy_from_probs([[0.7, 0.2, 0.1]], [[0.9, 0.05, 0.05]])
    expected = -(0.9 * math.log(0.7) + 0.05 * math.log(0.2) + 0.05 * math.log(0.1))
    assert loss == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_probabilities_rounded_to_their_dtype_are_accepted(dtype):
    logits, labels = batch(200, 10)
    probs = softmax(logits.astype(dtype))
    tolerance = {np.float16: 1e-2, np.float32: 1e-5, np.float64: 1e-12}[dtype]
    assert cross_entropy_from_probs(probs, labels) == pytest.approx(
        cross_entropy(logits, labels), rel=tolerance
    )


def test_probabilities_rounded_to_three_decimals_are_accepted():
    assert cross_entropy_from_probs([0.333, 0.333, 0.333], 0) == pytest.approx(-math.log(0.333))


def test_nothing_changes_numpys_error_settings():
    before = np.geterr()
    cross_entropy([[1000.0, -INF]], [1])
    with pytest.raises(ValueError):
        softmax([])
    assert np.geterr() == before


def test_signatures_are_those_that_the_notebooks_rely_on():
    def parameters(f):
        return {name: p.default for name, p in inspect.signature(f).parameters.items()}

    required = inspect.Parameter.empty
    for f in ON_SCORES:
        assert parameters(f) == {"logits": required, "axis": -1}
    assert parameters(cross_entropy) == {"logits": required, "labels": required, "reduction": "mean"}
    assert list(parameters(cross_entropy_from_probs)) == ["probs", "targets"]
    assert list(parameters(cross_entropy_grad)) == ["logits", "labels"]
    assert list(parameters(one_hot)) == ["labels", "num_classes"]
    assert list(parameters(confusion_matrix)) == ["labels", "predictions", "num_classes"]


# -------------------------------------------------------------------------------------------- SciPy and torch


@pytest.mark.parametrize("scale", [0.1, 1, 30, 1000, 1e30])
@pytest.mark.parametrize("name", ["softmax", "logsumexp", "log_softmax"])
def test_random_logits_agree_with_scipy(name, scale):
    logits = batch(20, 7, scale)[0]
    expected = scipys(name, logits, axis=-1)
    atol = 1e-14 if name == "log_softmax" else 0  # SciPy rounds the log of almost 1 to 0
    np.testing.assert_allclose(getattr(functional, name)(logits), expected, rtol=1e-10, atol=atol)


@pytest.mark.parametrize("scale", [0.1, 1, 30, 1000, 1e30])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_random_losses_agree_with_torch(reduction, scale):
    logits, labels = batch(20, 7, scale)
    expected = F.cross_entropy(torch.tensor(logits), torch.tensor(labels), reduction=reduction).numpy()
    np.testing.assert_allclose(cross_entropy(logits, labels, reduction), expected, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize(
    "row", [[1.0, -INF, 2.0], [-INF, -INF, 0.0], [1000.0, -1000.0, 0.0], [NAN, 0.0, 1.0]]
)
@pytest.mark.parametrize("label", [0, 1, 2])
def test_losses_of_masked_and_extreme_rows_agree_with_torch(row, label):
    expected = F.cross_entropy(torch.tensor([row], dtype=torch.float64), torch.tensor([label])).item()
    np.testing.assert_allclose(cross_entropy([row], [label]), expected, rtol=1e-12)


@pytest.mark.parametrize("scale", [0.1, 1, 30, 1000])
def test_random_gradients_agree_with_autograd(scale):
    logits, labels = batch(20, 7, scale)
    z = torch.tensor(logits, requires_grad=True)
    F.cross_entropy(z, torch.tensor(labels)).backward()
    np.testing.assert_allclose(cross_entropy_grad(logits, labels), z.grad.numpy(), rtol=1e-10, atol=1e-15)


def test_soft_targets_agree_with_torch():
    logits = batch(8, 5)[0]
    targets = softmax(batch(8, 5, seed=1)[0])
    expected = F.cross_entropy(torch.tensor(logits), torch.tensor(targets)).item()
    assert cross_entropy_from_probs(softmax(logits), targets) == pytest.approx(expected, rel=1e-12)


def test_one_hot_agrees_with_torch():
    labels = batch(20, 7)[1]
    np.testing.assert_array_equal(one_hot(labels, 7), F.one_hot(torch.tensor(labels), 7).numpy())


def test_a_confusion_matrix_agrees_with_counting():
    labels, predictions = rng().integers(0, 5, 300), rng(1).integers(0, 5, 300)
    counted = [[int(((labels == i) & (predictions == j)).sum()) for j in range(5)] for i in range(5)]
    assert confusion_matrix(labels, predictions, 5).tolist() == counted


# What other libraries and courses test or print for these functions, as numbers.
PUBLISHED = {
    "SciPy, softmax of 0 to 3": (
        lambda: softmax(np.arange(4)),
        [0.03205860328008499, 0.08714431874203256, 0.23688281808991013, 0.6439142598879722],
    ),
    "SciPy, softmax of 100 to 103": (
        lambda: softmax(np.arange(4) + 100).reshape(2, 2),
        [[0.03205860328008499, 0.08714431874203256], [0.23688281808991013, 0.6439142598879722]],
    ),
    "SciPy, softmax of columns": (lambda: softmax([[1000, 0], [1000, 0]], axis=0), [[0.5, 0.5], [0.5, 0.5]]),
    "SciPy, softmax of ±25": (
        lambda: softmax([[-25, 0], [0, 25]]),
        [[1.3887943864771144e-11, 1 - 1.3887943864771144e-11]] * 2,
    ),
    "SciPy, log_softmax of 0 to 3": (
        lambda: log_softmax(np.arange(4)),
        [-3.4401896985611953, -2.4401896985611953, -1.4401896985611953, -0.4401896985611953],
    ),
    "SciPy, log_softmax of 1000 and 1": (lambda: log_softmax(np.array([1000, 1])), [0, -999]),
    "SciPy, logsumexp of the logs of 1 to 100": (
        lambda: logsumexp(np.log(np.arange(1.0, 101.0)).reshape(10, 10), axis=None),
        math.log(5050),
    ),
    "SciPy, logsumexp of small numbers": (lambda: logsumexp(np.full(10_000, 1e-40)), math.log(10_000)),
    "SciPy, logsumexp of rows": (lambda: logsumexp([[1e10, 1e-10], [-1e10, -INF]]), [1e10, -1e10]),
    "scikit-learn, log_loss of two classes": (
        lambda: cross_entropy_from_probs(
            [[0.5, 0.5], [0.1, 0.9], [0.01, 0.99], [0.9, 0.1], [0.75, 0.25], [0.001, 0.999]],
            [0, 0, 0, 1, 1, 1],
        ),
        1.8817971,
    ),
    "scikit-learn, log_loss of three classes": (
        lambda: cross_entropy_from_probs([[0.2, 0.7, 0.1], [0.6, 0.2, 0.2], [0.6, 0.1, 0.3]], [1, 0, 2]),
        0.6904911,
    ),
    "scikit-learn, confusion_matrix": (
        lambda: confusion_matrix([2, 0, 2, 2, 0, 1], [0, 0, 2, 2, 0, 2], 3),
        [[2, 0, 0], [0, 0, 1], [1, 0, 2]],
    ),
    "CS231n, a cat, a car and a frog": (lambda: softmax([3.2, 5.1, -1.7]).round(2), [0.13, 0.87, 0.0]),
}


@pytest.mark.parametrize("source", PUBLISHED)
def test_published_values_of_other_libraries_come_out(source):
    compute, expected = PUBLISHED[source]
    np.testing.assert_allclose(compute(), expected, rtol=1e-7)


# --------------------------------------------------------------------------------- what holds for every input


@same_on_every_run
@given(rows(-1e300, 1e300))
def test_softmax_is_positive_and_sums_to_1(logits):
    probs = softmax(logits)
    assert ((probs >= 0) & (probs <= 1)).all()
    np.testing.assert_allclose(probs.sum(axis=-1), 1, rtol=1e-12)


@same_on_every_run
@given(rows(), st.floats(-1000, 1000))
def test_softmax_ignores_a_constant_shift(logits, shift):
    np.testing.assert_allclose(softmax(logits + shift), softmax(logits), rtol=1e-9)


@same_on_every_run
@given(rows(), st.floats(-1000, 1000))
def test_log_sum_exp_moves_with_a_constant_shift(logits, shift):
    np.testing.assert_allclose(logsumexp(logits + shift), logsumexp(logits) + shift, rtol=1e-9, atol=1e-9)


@same_on_every_run
@given(rows(-1e100, 1e100))
def test_log_sum_exp_is_between_the_maximum_and_the_maximum_plus_log_c(logits):
    largest = logits.max(axis=-1)
    assert (logsumexp(logits) >= largest).all()
    bound = largest + math.log(logits.shape[-1])
    assert (logsumexp(logits) <= bound + 1e-12 * np.abs(bound)).all()


@same_on_every_run
@given(rows(), st.randoms(use_true_random=False))
def test_permuted_classes_give_permuted_probabilities(logits, random):
    order = list(range(logits.shape[-1]))
    random.shuffle(order)
    np.testing.assert_allclose(softmax(logits[..., order]), softmax(logits)[..., order], rtol=1e-12)
    np.testing.assert_allclose(log_softmax(logits[..., order]), log_softmax(logits)[..., order], rtol=1e-12)
    np.testing.assert_allclose(logsumexp(logits[..., order]), logsumexp(logits), rtol=1e-12, atol=1e-12)


@same_on_every_run
@given(rows())
def test_log_softmax_is_the_log_of_softmax(logits):
    np.testing.assert_allclose(log_softmax(logits), np.log(softmax(logits)), rtol=1e-9, atol=1e-12)


@same_on_every_run
@given(rows())
def test_a_larger_logit_never_has_a_smaller_probability(logits):
    in_order = np.argsort(logits, axis=-1)
    assert (np.diff(np.take_along_axis(softmax(logits), in_order, axis=-1), axis=-1) >= 0).all()


@same_on_every_run
@given(logits_and_labels(-1e300, 1e300))
def test_cross_entropy_is_never_negative(example):
    assert (cross_entropy(*example, "none") >= 0).all()


@same_on_every_run
@given(logits_and_labels(-20, 20))
def test_cross_entropy_is_that_of_the_softmaxs_probabilities(example):
    logits, labels = example
    by_labels = cross_entropy_from_probs(softmax(logits), labels)
    assert by_labels == pytest.approx(cross_entropy(logits, labels), rel=1e-9, abs=1e-12)
    by_rows = cross_entropy_from_probs(softmax(logits), one_hot(labels, logits.shape[1]))
    assert by_rows == by_labels


@same_on_every_run
@given(logits_and_labels())
def test_the_reductions_agree(example):
    losses = cross_entropy(*example, "none")
    assert cross_entropy(*example, "sum") == pytest.approx(losses.sum())
    assert cross_entropy(*example) == pytest.approx(losses.sum() / len(losses))


@same_on_every_run
@given(logits_and_labels(-1e300, 1e300))
def test_each_row_of_the_gradient_sums_to_0(example):
    np.testing.assert_allclose(cross_entropy_grad(*example).sum(axis=1), 0, atol=1e-15)


@same_on_every_run
@given(logits_and_labels(-5, 5))
def test_the_gradient_agrees_with_central_differences(example):
    logits, labels = example
    numerical = numerical_gradient(lambda z: cross_entropy(z, labels), logits)
    assert relative_error(cross_entropy_grad(logits, labels), numerical) < 1e-6


@same_on_every_run
@given(logits_and_labels())
def test_only_the_true_class_has_a_gradient_below_0(example):
    logits, labels = example
    gradient = cross_entropy_grad(logits, labels)
    assert ((gradient < 0) <= (one_hot(labels, logits.shape[1]) == 1)).all()


@same_on_every_run
@given(rows(-5, 5))
def test_the_slope_of_log_sum_exp_is_softmax(logits):
    assume(logits.size <= 30)
    numerical = numerical_gradient(lambda z: logsumexp(z).sum(), logits)
    assert relative_error(softmax(logits), numerical) < 1e-6


@same_on_every_run
@given(st.lists(st.integers(0, 4), max_size=20), st.data())
def test_a_confusion_matrix_counts_every_example_once(labels, data):
    predictions = data.draw(st.lists(st.integers(0, 4), min_size=len(labels), max_size=len(labels)))
    counts = confusion_matrix(labels, predictions, 5)
    assert counts.sum(axis=1).tolist() == [labels.count(k) for k in range(5)]
    assert counts.sum(axis=0).tolist() == [predictions.count(k) for k in range(5)]


# ----------------------------------------------------------------------- gradients under an upstream gradient


def test_a_chain_through_softmax_with_an_uneven_upstream_gradient():
    """d sum(u * softmax(z)) / dz = p * (u - sum(u * p)): central differences, autograd and the formula."""
    logits, upstream = batch(4, 3, 1.0)[0], rng(2).normal(size=(4, 3))
    p = softmax(logits)
    by_hand = p * (upstream - (upstream * p).sum(axis=1, keepdims=True))
    z = torch.tensor(logits, requires_grad=True)
    torch.softmax(z, dim=1).backward(torch.tensor(upstream))
    np.testing.assert_allclose(by_hand, z.grad.numpy(), rtol=1e-9, atol=1e-12)
    assert relative_error(by_hand, numerical_gradient(softmax, logits, upstream=upstream)) < 1e-7


@settings(same_on_every_run, max_examples=20)
@given(logits_and_labels(-5, 5), st.integers(0, 100))
def test_the_gradients_under_any_upstream_gradient_agree_with_central_differences(example, seed):
    logits, labels = example
    p, y = softmax(logits), one_hot(labels, logits.shape[1])

    of_rows = rng(seed).normal(size=len(labels))
    numerical = numerical_gradient(lambda z: cross_entropy(z, labels, "none"), logits, upstream=of_rows)
    assert relative_error(of_rows[:, None] * (p - y), numerical) < 1e-6

    of_probs = rng(seed).normal(size=logits.shape)
    through_softmax = p * (of_probs - (of_probs * p).sum(axis=1, keepdims=True))
    assert relative_error(through_softmax, numerical_gradient(softmax, logits, upstream=of_probs)) < 1e-6

    through_log_softmax = of_probs - p * of_probs.sum(axis=1, keepdims=True)
    numerical = numerical_gradient(log_softmax, logits, upstream=of_probs)
    assert relative_error(through_log_softmax, numerical) < 1e-6


def test_rows_weighted_unevenly_weigh_their_gradients():
    logits, labels = batch(4, 3, 1.0)
    weights = np.array([0.0, 1.0, -2.0, 5.0])
    each_row = softmax(logits) - one_hot(labels, 3)
    numerical = numerical_gradient(lambda z: cross_entropy(z, labels, "none"), logits, upstream=weights)
    assert relative_error(weights[:, None] * each_row, numerical) < 1e-7


def test_a_linear_layers_gradient_follows_from_p_minus_y():
    labels = batch(6, 4)[1]
    X, W = rng(3).normal(size=(6, 2)), rng(4).normal(size=(2, 4))
    numerical = numerical_gradient(lambda w: cross_entropy(X @ w, labels), W)
    assert relative_error(X.T @ cross_entropy_grad(X @ W, labels), numerical) < 1e-7


# ----------------------------------------------------------------------------------------------------- errors

LOGITS = np.array([[2.0, 1.0, 0.1], [0.5, 2.0, 0.3]])
PROBS = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]])


@pytest.mark.parametrize("f", [cross_entropy, cross_entropy_grad])
@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        (
            [[1, 0, 0], [0, 1, 0]],
            ValueError,
            r"shape \(N,\) = \(2,\).*int64 of shape \(2, 3\).*argmax\(axis=1\)",
        ),
        ([[0.9, 0.1, 0.0]] * 2, ValueError, r"float64 of shape \(2, 3\).*labels.argmax\(axis=1\)"),
        ([[0], [1]], ValueError, r"\(2, 1\). Drop the second axis: labels\[:, 0\]"),
        ([0, 1, 2], ValueError, r"\(N,\) = \(2,\); found int64 of shape \(3,\)"),
        (0, ValueError, r"\(N,\) = \(2,\); found int64 of shape \(\)"),
        ([0.0, 1.0], TypeError, r"float64 of shape \(2,\).*labels.astype\(int\)"),
        ([True, False], TypeError, r"found bool.*labels.astype\(int\)"),
        (["0", "1"], TypeError, "labels must be whole numbers"),
        ([None, 1], TypeError, "found object"),
        ([[0], [1, 2]], ValueError, "labels must be a rectangular array"),
        ([0, 3], ValueError, "labels must be from 0 to 2; found 3. Classes are counted from 0"),
        ([-1, 0], ValueError, "labels must be from 0 to 2; found -1"),
        ([0, -100], ValueError, "found -100. There is no ignored label here.*leave those rows out"),
    ],
)
def test_wrong_labels_are_named_with_the_way_out(f, labels, error, message):
    with pytest.raises(error, match=message):
        f(LOGITS, labels)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([1, 0, 0], r"one whole number; found int64 of shape \(3,\).*labels.argmax\(axis=0\)"),
        ([1], r"one whole number; found int64 of shape \(1,\)"),
        (3, "from 0 to 2; found 3"),
    ],
)
def test_wrong_labels_of_a_single_row_are_named(labels, message):
    with pytest.raises(ValueError, match=message):
        cross_entropy(LOGITS[0], labels)


@pytest.mark.parametrize("reduction", ["average", None, "MEAN"])
def test_an_unknown_reduction_is_named(reduction):
    with pytest.raises(ValueError, match=f'"mean", "sum" or "none"; found {reduction!r}'):
        cross_entropy(LOGITS, [0, 1], reduction)


@pytest.mark.parametrize("shape", [(), (2, 3, 4)])
@pytest.mark.parametrize("f", [cross_entropy, cross_entropy_grad, cross_entropy_from_probs])
def test_scores_that_are_neither_rows_nor_a_row_are_refused(f, shape):
    with pytest.raises(ValueError, match=r"shape \(N, C\), or \(C,\) for one row; found"):
        f(np.zeros(shape), np.zeros(shape[:-1], dtype=int))


@pytest.mark.parametrize("f", [*ON_SCORES, lambda z: cross_entropy(z, [0])])
@pytest.mark.parametrize("logits", [[["a", "b"]], [[1 + 2j, 0]], [[None, 1]], [[{}, 1]]])
def test_scores_that_are_no_real_numbers_are_refused(f, logits):
    with pytest.raises(TypeError, match="logits must be real numbers; found dtype"):
        f(logits)


@pytest.mark.parametrize("f", ON_SCORES)
def test_rows_of_different_lengths_are_refused(f):
    with pytest.raises(ValueError, match="logits must be a rectangular array"):
        f([[1.0, 2.0], [3.0]])


@pytest.mark.parametrize(
    ("probs", "message"),
    [
        (LOGITS, r"each row of probs must sum to 1; row 0 sums to 3.1. Are these logits\? Use cross_entropy"),
        (LOGITS - 1, r"probs must not be negative; found -0.9. Are these logits\?.* softmax first"),
        ([PROBS[0], PROBS[1] * 1.01], "row 1 sums to 1.01"),
        ([PROBS[0], PROBS[1] * 0.99], "row 1 sums to 0.99"),
        ([[1e308, 1e308, 1e308]] * 2, "row 0 sums to inf"),
        ([[1.5, -0.25, -0.25]] * 2, "must not be negative; found -0.25"),
    ],
)
def test_rows_that_are_no_probabilities_are_refused(probs, message):
    with pytest.raises(ValueError, match=message):
        cross_entropy_from_probs(probs, [0, 1])


@pytest.mark.parametrize(
    ("targets", "error", "message"),
    [
        (
            [[1, 1, 0], [0, 1, 0]],
            ValueError,
            "each row of targets must sum to 1; row 0 sums to 2. A target row is",
        ),
        ([[0, 0, 0], [0, 1, 0]], ValueError, "row 0 sums to 0"),
        ([[2, -1, 0], [0, 1, 0]], ValueError, "targets must not be negative; found -1"),
        ([[NAN, 1, 0], [0, 1, 0]], ValueError, "targets must be numbers; found nan"),
        ([[1, 0], [0, 1]], ValueError, r"rows of shape \(2, 3\); found int64 of shape \(2, 2\)"),
        (
            [1, 0, 0],
            ValueError,
            r"\(2,\), or one-hot or soft rows of shape \(2, 3\); found int64 of shape \(3,\)",
        ),
        ([0.0, 1.0], TypeError, r"targets.astype\(int\)"),
        ([0, 3], ValueError, "targets must be from 0 to 2; found 3"),
        ([["a"] * 3] * 2, TypeError, "targets must be real numbers"),
    ],
)
def test_wrong_targets_are_named(targets, error, message):
    with pytest.raises(error, match=message):
        cross_entropy_from_probs(PROBS, targets)


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        ([0, 3], ValueError, "from 0 to 2; found 3"),
        ([-1], ValueError, "found -1"),
        ([0.0, 1.0], TypeError, r"labels.astype\(int\)"),
        ([[1, 0, 0]], ValueError, r"labels.argmax\(axis=1\)"),
    ],
)
def test_one_hot_refuses_what_is_no_label(labels, error, message):
    with pytest.raises(error, match=message):
        one_hot(labels, 3)


@pytest.mark.parametrize(
    ("num_classes", "error", "message"),
    [
        (0, ValueError, "num_classes must be 1 or more; found 0"),
        (-2, ValueError, "found -2"),
        (3.0, TypeError, "num_classes must be a whole number; found 3.0"),
        (None, TypeError, "found None"),
    ],
)
def test_a_wrong_number_of_classes_is_named(num_classes, error, message):
    for f in (lambda: one_hot([0], num_classes), lambda: confusion_matrix([0], [0], num_classes)):
        with pytest.raises(error, match=message):
            f()


def test_a_confusion_matrix_refuses_logits_as_predictions():
    with pytest.raises(ValueError, match=r"predictions must be.*found float64.*predictions.argmax\(axis=1\)"):
        confusion_matrix([0, 1], LOGITS, 3)


@pytest.mark.parametrize(
    ("labels", "predictions", "message"),
    [
        ([0, 1, 1], [0, 1], r"predictions must be.*\(3,\); found int64 of shape \(2,\)"),
        ([0, 1], [0, 3], "predictions must be from 0 to 2; found 3"),
        ([0, 3], [0, 1], "labels must be from 0 to 2; found 3"),
    ],
)
def test_a_confusion_matrix_refuses_pairs_that_do_not_fit(labels, predictions, message):
    with pytest.raises(ValueError, match=message):
        confusion_matrix(labels, predictions, 3)
