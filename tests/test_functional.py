"""Softmax and cross-entropy: hand values, torch, SciPy, and what must hold for any input."""

import math

import numpy as np
import pytest
import scipy.special
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal

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

# A NumPy warning (overflow, log of 0, inf - inf) fails every test of this file.
pytestmark = pytest.mark.filterwarnings("error")

inf, nan = np.inf, np.nan
properties = settings(derandomize=True, deadline=None, max_examples=60)


def random_logits(*shape, scale=3.0, seed=0):
    return np.random.default_rng(seed).normal(scale=scale, size=shape)


@st.composite
def batches(draw, size=30.0, max_rows=5):
    """Logits (N, C) between -size and size, and labels (N,)."""
    n, c = draw(st.integers(1, max_rows)), draw(st.integers(1, 6))
    logits = draw(arrays(np.float64, (n, c), elements=st.floats(-size, size)))
    labels = draw(arrays(np.int64, (n,), elements=st.integers(0, c - 1)))
    return logits, labels


# --------------------------------------------------------------------------------------------- hand values

LOGITS_A = [[0.1, 0.2, 0.9], [1.1, 0.1, 0.2], [0.2, 2.1, 0.1]]
LOGITS_B = [[0.8, 0.2, 0.3], [0.2, 0.3, 0.5], [0.2, 0.2, 0.5]]


@pytest.mark.parametrize(
    ("probs", "loss"), [([0.7, 0.2, 0.1], 0.3567), ([0.1, 0.3, 0.6], 2.3026)], ids=["right", "wrong"]
)
@pytest.mark.parametrize("target", [0, [1, 0, 0]], ids=["label", "one-hot row"])
def test_one_row_of_probs_has_the_lectures_loss(probs, target, loss):
    assert round(cross_entropy_from_probs(probs, target), 4) == loss
    assert round(cross_entropy_from_probs([probs], [target]), 4) == loss


@pytest.mark.parametrize(
    ("logits", "labels", "loss"),
    [
        ([2.0, 1.0, 0.1], 0, 0.4170),
        ([0.5, 2.0, 0.3], 0, 1.8406),
        (LOGITS_A, [2, 0, 1], 0.4966),
        (LOGITS_B, [2, 0, 1], 1.2389),
    ],
    ids=["row A", "row B", "batch A", "batch B"],
)
def test_logits_have_the_lectures_loss(logits, labels, loss):
    assert round(cross_entropy(logits, labels), 4) == loss


def test_equal_logits_cost_the_log_of_the_number_of_classes():
    for num_classes in (1, 3, 10):
        assert cross_entropy(np.full((4, num_classes), 7.0), [0] * 4) == pytest.approx(math.log(num_classes))
    assert cross_entropy(np.zeros(10), 3) == pytest.approx(2.302585092994046, rel=1e-12)  # ln 10


def test_a_double_softmax_has_a_floor():
    # The best that probabilities can be, a one-hot row, read as logits: ln(e + K - 1) - 1.
    assert round(cross_entropy(one_hot([4], 10), [4]), 4) == 1.4612
    assert round(cross_entropy(one_hot([1], 3), [1]), 4) == 0.5514


def test_softmax_of_the_lectures_row():
    assert_allclose(softmax([2.0, 1.0, 0.1]), [0.659, 0.242, 0.099], atol=5e-4)


def test_softmax_of_known_odds():
    assert_allclose(softmax(np.log([1.0, 2.0, 5.0])), [1 / 8, 2 / 8, 5 / 8], rtol=1e-14)


def test_two_classes_are_the_sigmoid():
    z = random_logits(50)
    assert_allclose(softmax(np.column_stack([z, np.zeros(50)]))[:, 0], scipy.special.expit(z), rtol=1e-12)


def test_gradient_of_one_row_is_p_minus_y():
    assert_allclose(cross_entropy_grad(np.log([0.2, 0.3, 0.5]), 1), [0.2, -0.7, 0.5], rtol=1e-12)


def test_gradient_of_a_batch_is_divided_by_its_rows():
    logits = np.log([[0.2, 0.3, 0.5], [0.25, 0.25, 0.5]])
    assert_allclose(
        cross_entropy_grad(logits, [1, 2]), [[0.1, -0.35, 0.25], [0.125, 0.125, -0.25]], rtol=1e-12
    )


def test_soft_targets_cost_the_weighted_surprise():
    expected = -(0.5 * math.log(0.7) + 0.5 * math.log(0.2))
    assert cross_entropy_from_probs([0.7, 0.2, 0.1], [0.5, 0.5, 0]) == pytest.approx(expected, rel=1e-12)


def test_the_loss_of_probs_is_the_mean_over_rows():
    probs = [[0.1, 0.3, 0.6], [0.3, 0.2, 0.5]]
    expected = (-math.log(0.1) - math.log(0.5)) / 2
    assert cross_entropy_from_probs(probs, [0, 2]) == pytest.approx(expected, rel=1e-12)


def test_integers_beside_a_square_of_probs_are_labels_not_a_one_hot_row():
    probs = [[0.7, 0.2, 0.1], [0.2, 0.7, 0.1], [0.6, 0.3, 0.1]]
    expected = -(math.log(0.2) + math.log(0.2) + math.log(0.6)) / 3
    assert cross_entropy_from_probs(probs, [1, 0, 0]) == pytest.approx(expected, rel=1e-12)
