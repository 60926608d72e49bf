"""Inputs to try an answer on: hand-sized ones first, then random ones from a fixed seed.

Random numbers are rounded, so what a verdict shows is exactly what was put in. Between them, the probes have
N = C and N ≠ C, one row and many, two classes and more, repeated labels and missing classes, float64 and
float32.
"""

import numpy as np

LECTURE = np.array([[2.0, 1.0, 0.1]])
LECTURE_TWO = np.array([[2.0, 1.0, 0.1], [0.5, 2.0, 0.3]])
LARGER = np.array([[25.0, 22.0, -24.0], [-21.0, -20.0, -23.0]])  # far out, but no exp overflows
SHAPES = ((2, 3), (3, 2), (3, 3), (1, 4), (5, 3), (3, 5), (4, 4), (6, 2))


def logits(seed: int, n: int, c: int, *, spread: float = 2.0, dtype: type = np.float64) -> np.ndarray:
    """Return (n, c) logits of both signs, rounded to two decimals."""
    return np.round(np.random.default_rng(seed).normal(0.0, spread, (n, c)), 2).astype(dtype)


def probs(seed: int, n: int, c: int, dtype: type = np.float64) -> np.ndarray:
    """Return (n, c) probabilities in whole hundredths, none of them 0, each row summing to 1."""
    rng = np.random.default_rng(seed)
    return ((rng.multinomial(100 - 2 * c, rng.dirichlet(np.ones(c)), size=n) + 2) / 100).astype(dtype)


def labels(seed: int, n: int, c: int) -> np.ndarray:
    """Return (n,) labels in [0, c), int64, one of them repeated where n allows it."""
    out = np.random.default_rng(seed + 1000).integers(0, c, n)
    if n >= 3:
        out[-1] = out[0]
    return out
