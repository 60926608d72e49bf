import doctest
import math

import numpy as np
import pytest

from softmax_lib import toy
from softmax_lib.functional import cross_entropy, cross_entropy_grad
from softmax_lib.toy import lecture_batch, make_blobs

pytestmark = pytest.mark.filterwarnings("error")


def accuracy(logits, labels):
    return (logits.argmax(axis=1) == labels).mean()


def train(X, labels, num_classes, steps, lr=0.5):
    """Softmax regression from zero weights: the logits after some steps of gradient descent."""
    W, b = np.zeros((2, num_classes)), np.zeros(num_classes)
    for _ in range(steps):
        dlogits = cross_entropy_grad(X @ W + b, labels)
        W -= lr * X.T @ dlogits
        b -= lr * dlogits.sum(axis=0)
    return X @ W + b


def centres(num_classes=10):
    return make_blobs_without_spread(num_classes)[0]


def make_blobs_without_spread(num_classes):
    X, labels = make_blobs(num_classes, num_per_class=1, spread=0)
    order = labels.argsort()
    return X[order], labels[order]


def test_the_examples_in_the_docstrings_are_true():
    result = doctest.testmod(toy)
    assert result.attempted >= 4 and result.failed == 0


def test_blobs_have_two_features_and_as_many_points_a_class_as_asked_for():
    X, labels = make_blobs(num_classes=7, num_per_class=30)
    assert X.shape == (210, 2) and X.dtype == np.float64
    assert labels.shape == (210,) and labels.dtype == np.int64
    assert np.bincount(labels).tolist() == [30] * 7


def test_by_default_there_are_ten_classes():
    assert np.unique(make_blobs()[1]).tolist() == list(range(10))


def test_centres_stand_on_a_circle_counter_clockwise_from_the_right():
    points = centres(4)
    np.testing.assert_allclose(points, [[4, 0], [0, 4], [-4, 0], [0, -4]], atol=1e-12)


def test_neighbouring_centres_of_ten_are_2_47_apart():
    points = centres(10)
    gaps = np.linalg.norm(points - np.roll(points, 1, axis=0), axis=1)
    np.testing.assert_allclose(gaps, 8 * math.sin(math.pi / 10))
    assert gaps.round(2).tolist() == [2.47] * 10


@pytest.mark.parametrize("spread", [0.1, 0.5, 2.0])
def test_the_spread_is_the_standard_deviation_around_the_centres(spread):
    X, labels = make_blobs(num_per_class=400, spread=spread)
    around = X - centres()[labels]
    np.testing.assert_allclose(around.std(axis=0), spread, rtol=0.05)
    np.testing.assert_allclose(around.mean(axis=0), 0, atol=0.1 * spread)


@pytest.mark.parametrize("seed", range(5))
def test_a_linear_softmax_classifier_separates_the_blobs_but_for_a_visible_overlap(seed):
    X, labels = make_blobs(num_per_class=200, seed=seed)
    reached = accuracy(train(X, labels, 10, steps=100), labels)
    assert 0.96 < reached < 1
    nearest = np.linalg.norm(X[:, None] - centres(), axis=2)  # (N, 10): what no classifier can much surpass
    assert reached == pytest.approx(accuracy(-nearest, labels), abs=0.01)


def test_the_loss_falls_from_guessing():
    X, labels = make_blobs()
    assert cross_entropy(train(X, labels, 10, steps=0), labels) == pytest.approx(math.log(10))
    assert cross_entropy(train(X, labels, 10, steps=200), labels) < 0.5


def test_the_points_are_shuffled():
    labels = make_blobs(num_classes=10, num_per_class=50)[1]
    assert len(np.unique(labels[:100])) == 10  # in order, the first hundred would be of two classes


def test_the_same_seed_gives_the_same_points_and_another_seed_others():
    X, labels = make_blobs(seed=3)
    again, labels_again = make_blobs(seed=3)
    np.testing.assert_array_equal(X, again)
    np.testing.assert_array_equal(labels, labels_again)
    other, other_labels = make_blobs(seed=4)
    assert not np.array_equal(X, other) and not np.array_equal(labels, other_labels)


def test_no_other_random_numbers_are_touched():
    """NumPy's global generator neither moves nor matters."""
    np.random.seed(1)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    X = make_blobs()[0]
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002
    np.random.seed(2)  # noqa: NPY002
    np.testing.assert_array_equal(make_blobs()[0], X)


def test_one_class_and_one_point_are_enough():
    X, labels = make_blobs(num_classes=1, num_per_class=1)
    assert X.shape == (1, 2) and labels.tolist() == [0]


@pytest.mark.parametrize(
    ("argument", "error", "message"),
    [
        ({"num_classes": 0}, ValueError, "num_classes must be 1 or more; found 0"),
        ({"num_classes": 2.5}, TypeError, "num_classes must be a whole number; found 2.5"),
        ({"num_per_class": 0}, ValueError, "num_per_class must be 1 or more; found 0"),
        ({"num_per_class": -5}, ValueError, "found -5"),
        ({"num_per_class": "9"}, TypeError, "num_per_class must be a whole number; found '9'"),
        ({"spread": -0.1}, ValueError, "spread must be finite, 0 or more; found -0.1"),
        ({"spread": math.nan}, ValueError, "found nan"),
        ({"spread": math.inf}, ValueError, "found inf"),
        ({"spread": "wide"}, TypeError, "spread must be a number; found 'wide'"),
        ({"seed": -1}, ValueError, "seed must be 0 or more; found -1"),
        ({"seed": None}, TypeError, "seed must be a whole number; found None"),
        ({"seed": 1.0}, TypeError, "seed must be a whole number; found 1.0"),
    ],
)
def test_wrong_arguments_are_named(argument, error, message):
    with pytest.raises(error, match=message):
        make_blobs(**argument)


def test_the_lectures_bad_batch_is_worse_than_guessing_and_its_good_one_better():
    good, bad, labels = lecture_batch()
    assert round(cross_entropy(good, labels), 4) == 0.4966
    assert round(cross_entropy(bad, labels), 4) == 1.2389
    assert cross_entropy(good, labels) < math.log(3) < cross_entropy(bad, labels)


def test_a_changed_lecture_batch_does_not_reach_the_next_caller():
    good, _bad, labels = lecture_batch()
    good[:], labels[:] = 0, 0
    assert lecture_batch()[0].max() == 2.1 and lecture_batch()[2].tolist() == [2, 0, 1]
