"""Data small enough to see, in NumPy: two features, ten classes.  First used by notebooks 1 and 4."""

import math
import numbers
import operator

import numpy as np

RADIUS = 4.0  # of the circle on which the centres of the blobs lie


def make_blobs(
    num_classes: int = 10, num_per_class: int = 50, spread: float = 0.5, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    r"""Points with two features, in one round blob a class: ``X`` (N, 2) float64, ``labels`` (N,) int64.

    N = num_classes * num_per_class, in random order.  Class k is centred on a circle of radius 4, at the
    angle 2 pi k / num_classes, counted from the right and counter-clockwise; ``spread`` is the standard
    deviation of each feature around the centre.

    On a circle the regions of a linear classifier are sectors, so it can tell the blobs apart.  With ten
    classes neighbouring centres are 2.47 apart: at the spread of 0.5 about 1 or 2 points in 100 lie on the
    wrong side of a boundary; no classifier does better.

    The same arguments give the same points on every call; no other random numbers are touched.
    ValueError or TypeError for counts below 1, a spread that is negative or not finite, or another seed
    than a whole number from 0 up.

    >>> X, labels = make_blobs(num_classes=10, num_per_class=50)
    >>> X.shape, labels.shape
    ((500, 2), (500,))
    """
    num_classes = _whole_number(num_classes, "num_classes", at_least=1)
    num_per_class = _whole_number(num_per_class, "num_per_class", at_least=1)
    seed = _whole_number(seed, "seed", at_least=0)
    if not isinstance(spread, numbers.Real):
        raise TypeError(f"spread must be a number; found {spread!r}")
    if not 0 <= spread < math.inf:
        raise ValueError(f"spread must be finite, 0 or more; found {spread!r}")

    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(num_classes), num_per_class)  # 0 0 0 ... 1 1 1 ...
    labels = rng.permutation(labels)
    angles = 2 * np.pi * labels / num_classes
    centres = RADIUS * np.stack([np.cos(angles), np.sin(angles)], axis=1)  # (N, 2): each point's own
    return centres + spread * rng.standard_normal(centres.shape), labels


def lecture_batch() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The lecture's batch of three: good logits (3, 3), bad logits (3, 3) and labels (3,).

    Sung Kim, *PyTorch Zero To All*, lecture 9.  The good logits are largest at the labels: mean
    cross-entropy 0.4966.  The bad ones, at 1.2389, are worse than guessing (ln 3 = 1.0986).

    >>> good, bad, labels = lecture_batch()
    >>> good.argmax(axis=1) == labels
    array([ True,  True,  True])
    """
    good = np.array([[0.1, 0.2, 0.9], [1.1, 0.1, 0.2], [0.2, 2.1, 0.1]])
    bad = np.array([[0.8, 0.2, 0.3], [0.2, 0.3, 0.5], [0.2, 0.2, 0.5]])
    return good, bad, np.array([2, 0, 1])


def _whole_number(value, name, at_least):
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be a whole number; found {value!r}") from None
    if number < at_least:
        raise ValueError(f"{name} must be {at_least} or more; found {number}")
    return number
