"""Gradients by finite differences, to check those derived by hand.  Introduced by notebook 4."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray


def numerical_gradient(
    f: Callable[[NDArray], ArrayLike],
    x: ArrayLike,
    *,
    upstream: ArrayLike | None = None,
    eps: float = 1e-5,
) -> NDArray[np.float64]:
    """The gradient of f at x by central differences, (f(x + h) - f(x - h)) / (2 h) for each entry of x.

    f: takes a float64 array of x's shape and returns one number; or an array, and then ``upstream``, of the
    array's shape, weighs its entries: the gradient of sum(upstream * f(x)).
    x: any shape, finite; it is computed in float64 and not changed.  The step h is ``eps`` times
    max(1, abs(entry)): the error of the formula grows with h * h, that of rounding with 1 / h, and near 1e-5
    both are small (about 1e-10).

    Raises ValueError if f(x) is not of the shape that ``upstream`` tells, or x is not finite.

    >>> numerical_gradient(lambda x: np.sum(x**2), [1.0, 3.0]).round(6)
    array([2., 6.])
    """
    x = np.array(x, dtype=np.float64)  # a copy
    if not np.isfinite(x).all():
        raise ValueError("x must be finite: finite differences need a neighbourhood to step into")
    if not eps > 0:
        raise ValueError(f"eps must be positive; found {eps}")
    weights = np.float64(1) if upstream is None else np.asarray(upstream, dtype=np.float64)

    def value(point):
        result = np.asarray(f(point.copy()), dtype=np.float64)
        if result.shape != weights.shape:
            if upstream is None and result.size == 1:
                return float(result.item())
            raise ValueError(
                f"f returned an array of shape {result.shape}, expected {weights.shape or 'one number'}; "
                "pass upstream= of f's shape to weigh its entries"
            )
        return float((weights * result).sum())

    gradient = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        step = eps * max(1.0, abs(x[index]))
        ahead, behind = x.copy(), x.copy()
        ahead[index] += step
        behind[index] -= step
        gradient[index] = (value(ahead) - value(behind)) / (ahead[index] - behind[index])
    return gradient


def relative_error(a: ArrayLike, b: ArrayLike) -> float:
    """The largest abs(a - b) / max(abs(a), abs(b)) over the entries; 0 where both are 0 (CS231n's measure).

    a, b: arrays of one shape.  Below 1e-7 for a right gradient in float64; near 1 for a wrong one.  nan if
    either holds a nan.  Raises ValueError for different or empty shapes.

    >>> relative_error([1.0, 0.0], [1.1, 0.0])  # 0.1 / 1.1
    0.09090909090909098
    """
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if a.shape != b.shape:
        raise ValueError(f"both must have one shape; found {a.shape} and {b.shape}")
    if a.size == 0:
        raise ValueError(f"nothing to compare: the shape is {a.shape}")
    scale = np.maximum(np.abs(a), np.abs(b))
    with np.errstate(invalid="ignore"):
        errors = np.where(a == b, 0.0, np.abs(a - b) / np.where(scale == 0, 1.0, scale))
    return float(errors.max())
