"""Numerical gradients, to check derived ones against, in NumPy.  Introduced by notebook 4.

Move one number of x a little up and a little down, and see how much f changes: a slope that needs no
calculus, only time (two calls of f for each number in x).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike


def numerical_gradient(
    f: Callable[[np.ndarray], ArrayLike],
    x: ArrayLike,
    eps: float = 3e-5,
    *,
    upstream: ArrayLike | None = None,
) -> np.ndarray:
    r"""The gradient of f at x by central differences: float64, of x's shape.

    .. math:: \partial f / \partial x_i \approx (f(x + h e_i) - f(x - h e_i)) / 2h

    f: takes a float64 array of x's shape and returns one number.  x: any shape, finite numbers; it stays as
    it is, whatever f does with the copies that it gets.  The step h is ``eps``; above abs(x_i) = 10,000 it
    grows with x_i, so that it isn't lost in rounding.

    ``upstream``: for an f that returns an array, an array of that shape: the gradient is that of
    ``sum(upstream * f(x))``, which is what backpropagation hands through f.

    Right to about 1e-10 for a smooth f of size 1: the error of the formula shrinks as h^2, that of rounding
    grows as 1/h.  An f that computes in float32 is too coarse for it.  See Nocedal and Wright, *Numerical
    Optimization* (2006), section 8.1.

    TypeError if f returns no number, ValueError if it returns several and ``upstream`` is not of their
    shape, or for an eps that is not positive.

    >>> numerical_gradient(lambda x: (x**2).sum(), [1.0, 3.0]).round(4)     # 2x
    array([2., 6.])
    """
    x = _as_floats(x, "x")  # a copy
    if not np.isfinite(x).all():
        raise ValueError("x must be finite: there is no step up and down from nan or infinity")
    if not 0 < eps < np.inf:
        raise ValueError(f"eps must be a small positive number, such as 3e-5; found {eps!r}")
    if upstream is not None:
        upstream = _as_floats(upstream, "upstream")

    gradient = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        h = eps * max(1.0, abs(x[i]) / 1e4)
        above, below = x.copy(), x.copy()
        above[i] += h
        below[i] -= h
        step = above[i] - below[i]  # 2h as rounded; before the calls, for f may change what it gets
        change = _value(f(above), upstream) - _value(f(below), upstream)
        gradient[i] = change / step
    return gradient


def relative_error(a: ArrayLike, b: ArrayLike, floor: float = 1e-3) -> float:
    r"""The largest disagreement of two arrays, entry by entry: 0 if they are equal, 2 if a sign is wrong.

    .. math:: \max_i |a_i - b_i| / \max(|a_i|, |b_i|, \mathrm{floor})

    a, b: arrays of one shape, with at least one entry.  A right gradient and its central differences give
    less than 1e-7, a wrong one 0.01 or more, as a rule.

    ``floor``: entries smaller than this are compared as if they were of this size.  A true 0 comes out of
    central differences as something like 1e-11, and without a floor that would count as an error of 1.

    inf if any entry is nan or infinite, so that ``error < 1e-7`` and ``not error > 1e-7`` both fail.
    ValueError if the shapes differ (nothing is broadcast) or if there is nothing to compare.

    >>> relative_error([1.0, 2.0], [1.0, 4.0])     # |2 - 4| / 4
    0.5
    """
    a, b = _as_floats(a, "a"), _as_floats(b, "b")
    if a.shape != b.shape:
        raise ValueError(f"a and b must have the same shape; found {a.shape} and {b.shape}")
    if a.size == 0:
        raise ValueError(f"there is nothing to compare: a and b have shape {a.shape}")
    if not floor > 0:
        raise ValueError(f"floor must be a small positive number, such as 1e-3; found {floor!r}")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        return float("inf")
    size = np.maximum(np.maximum(np.abs(a), np.abs(b)), floor)
    return float(np.max(np.abs(a / size - b / size)))  # divided first: the difference could overflow


def _value(output, upstream):
    """f's output as a float: the one number that it is, or sum(upstream * output)."""
    output = _as_floats(output, "what f returns")
    if upstream is None:
        if output.size != 1:
            raise ValueError(
                f"f must return one number; it returned an array of shape {output.shape}. "
                "For the gradient of sum(upstream * f(x)) pass upstream, an array of that shape"
            )
        return output.item()
    if output.shape != upstream.shape:
        raise ValueError(f"upstream must have the shape of f(x), {output.shape}; found {upstream.shape}")
    with np.errstate(all="ignore"):  # 0 * inf is nan, and nan is what comes back
        return float(np.sum(upstream * output))


def _as_floats(value, name):
    """The value as a float64 array."""
    array = np.asarray(value)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name} must be real numbers; found {type(value).__name__} of dtype {array.dtype}")
    return array.astype(np.float64)
