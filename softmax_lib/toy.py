"""Data small enough to see: points of two features in a few classes.  Used by notebooks 1, 4 and 5."""

import numpy as np
from numpy.typing import NDArray


def make_blobs(
    num_classes: int = 10, num_per_class: int = 50, spread: float = 0.35, seed: int = 0
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Points X (N, 2) float64 and labels (N,) int64, N = num_classes * num_per_class, in random order.

    Class k lies around the point at angle 2 pi k / num_classes on a circle of radius 3, with normal noise of
    standard deviation ``spread``: a linear classifier separates the classes but for a few points where
    neighbours overlap.

    >>> X, labels = make_blobs(3, num_per_class=2)
    >>> X.shape, labels.shape
    ((6, 2), (6,))
    """
    for name, value in (("num_classes", num_classes), ("num_per_class", num_per_class)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
            raise ValueError(f"{name} must be a whole number, 1 or more; found {value!r}")
    if not (np.isfinite(spread) and spread >= 0):
        raise ValueError(f"spread must be 0 or more; found {spread!r}")
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat(np.arange(num_classes), num_per_class))
    angles = 2 * np.pi * labels / num_classes
    centres = 3 * np.column_stack([np.cos(angles), np.sin(angles)])  # (N, 2)
    return centres + rng.normal(scale=spread, size=centres.shape), labels
