"""Learners' values made plain, compared and shown: arrays, tensors, lists and numbers are one thing here."""

import sys
from collections.abc import Callable

import numpy as np

Plain = tuple[np.ndarray, ...]  # one array for each output of an exercise


class OddValueError(Exception):
    """A value that can't be compared; the text says what it is. numbers: numbers in a wrong form."""

    def __init__(self, text: str, numbers: bool = False):
        super().__init__(text)
        self.numbers = numbers


class Remark(Exception):
    """What a play saw that is no number: the text stands where the result would; mistake: the id it gets."""

    def __init__(self, text: str, mistake: str | None = None):
        super().__init__(text)
        self.mistake = mistake


def plain(value: object, outputs: int = 1) -> Plain:
    """Return value as NumPy arrays, one for each output: tensors, lists and numbers are all welcome."""
    if outputs == 1:
        return (_array(value),)
    if not isinstance(value, tuple | list):
        array = _array(value)
        raise OddValueError(f"one result ({shape_of(array)}), where {outputs} belong", numbers=True)
    if len(value) != outputs:
        raise OddValueError(f"{len(value)} results, where {outputs} belong", numbers=True)
    return tuple(_array(v) for v in value)


def _array(value: object) -> np.ndarray:
    try:
        array = np.asarray(_without_tensors(value))
        if array.dtype == object:  # fractions, decimals; a None inside fails here
            array = array.astype(float)
    except OddValueError:
        raise
    except Exception as error:
        ragged = isinstance(value, list | tuple) and "inhomogeneous" in str(error)
        raise OddValueError(
            "a list whose rows differ in length" if ragged else kind(value), numbers=ragged
        ) from None
    if array.dtype.kind not in "biufc":
        raise OddValueError(kind(value))
    return array.copy()


def _without_tensors(value: object) -> object:
    if isinstance(value, list | tuple):
        return [_without_tensors(v) for v in value]
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        return (value.half() if "bfloat16" in str(value.dtype) else value).numpy()  # unknown to NumPy
    return value


def kind(value: object) -> str:
    """Return a few words for what a value is."""
    if isinstance(value, str):
        return f"text, {value[:60]!r}"
    if callable(value):
        return f"a function or class ({getattr(value, '__name__', type(value).__name__)})"
    if isinstance(value, list | tuple):
        return f"a {type(value).__name__} that holds something other than numbers"
    article = "an" if type(value).__name__[0] in "aeiou" else "a"
    return f"{article} {type(value).__name__}"


def is_stub(value: object) -> bool:
    """Return True for `...` and for a tuple that still holds one."""
    return (
        value is Ellipsis
        or value is NotImplemented
        or (isinstance(value, tuple) and any(map(is_stub, value)))
    )


# -------------------------------------------------------------------------------------------------- comparing
def close(a: Plain, b: Plain, scale: float = 1.0) -> bool:
    """Return True where a and b have the same shapes and the same values, to the precision of a float32.

    scale is the size of the numbers that went in: near 1000 a float32 is off by up to 6e-5. A float16 result
    is allowed a thousand times more. nan equals nan and inf equals inf.
    """
    if len(a) != len(b):
        return False
    for x, y in zip(a, b, strict=True):
        coarse = 1000 if "float16" in (x.dtype.name, y.dtype.name) else 1
        if x.shape != y.shape:
            return False
        x, y = (a.astype(float) if a.dtype.kind in "biu" else a for a in (x, y))  # uint8: 0 - 1 is 255
        with np.errstate(invalid="ignore"):  # inf - inf
            near = np.abs(x - y) <= coarse * (2e-6 * scale + 1e-5 * np.abs(y))
        if not (near & np.isfinite(x) & np.isfinite(y) | (x == y) | (x != x) & (y != y)).all():
            return False
    return True


def flat(a: Plain) -> Plain:
    """Return the same values without their shapes."""
    return tuple(x.ravel() for x in a)


def finite_part(a: Plain) -> Plain:
    """Return the values with nan and ±inf all turned into nan."""
    return tuple(np.where(np.isfinite(x), x, np.nan) for x in a)


def all_finite(a: Plain) -> bool:
    """Return True where no value is nan or ±inf."""
    return all(np.isfinite(x).all() for x in a)


# ---------------------------------------------------------------------------------------------------- showing
def literal(value: object) -> str:
    """Return value as code that makes it again, for a learner who wants to try the same input."""
    if isinstance(value, np.ndarray):
        body = _body(value, len("np.array("))
        usual = value.dtype in (np.float64, np.int64)
        return f"np.array({body}{'' if usual else f', dtype=np.{value.dtype}'})"
    if hasattr(value, "detach"):
        return f"torch.tensor({_body(value.detach().numpy(), len('torch.tensor('))})"
    return repr(value)


def _body(array: np.ndarray, indent: int) -> str:
    def one(x):
        text = f"{x:.6g}"
        return text if any(c in text for c in ".en") else text + ".0"

    with np.printoptions(threshold=100, edgeitems=3, linewidth=95):
        return np.array2string(array, separator=", ", prefix=" " * indent, formatter={"float_kind": one})


def digits(array: np.ndarray, *, precision: int = 4, indent: int = 0) -> str:
    """Return the numbers of an array as text, the same whatever the learner's print options are."""
    if array.ndim == 0 and array.dtype.kind == "f":
        ordinary = np.isfinite(array) and (array == 0 or 1e-4 <= abs(array) < 1e7)
        if ordinary:
            return np.format_float_positional(array, precision=precision, trim="0")
        return f"{float(array):.{precision}g}"
    settings = {"suppress": True, "threshold": 100, "edgeitems": 3, "linewidth": 95, "floatmode": "maxprec"}
    with np.printoptions(precision=precision, **settings):
        return np.array2string(array, prefix=" " * indent)


Words = Callable[[str, np.ndarray], str | None]  # what is said of an output instead of its numbers


def side_by_side(
    got: Plain, expected: Plain, names: tuple[str, ...], scale: float = 1.0, words: Words | None = None
) -> tuple[str, str]:
    """Return both as text, with as many digits as tell them apart, and with shapes where these differ.

    Of several outputs, only those are shown that differ, and that words does not leave out.
    """
    if len(names) > 1:
        triples = list(zip(got, expected, names, strict=True))
        differ = [(g, e, n) for g, e, n in triples if not close((g,), (e,), scale)]
        told = [(g, e, n) for g, e, n in differ if words is None or words(n, g) != ""]
        got, expected, names = zip(*(told or differ or triples), strict=True)
    else:
        names = ("",)
    for precision in (4, 7, 12):
        a, b = lines(got, names, precision, words), lines(expected, names, precision, words)
        if a != b:
            break
    if [x.shape for x in got] != [x.shape for x in expected]:
        a, b = f"{a}\n{_shapes(got, names)}", f"{b}\n{_shapes(expected, names)}"
    return a, b


def lines(values: Plain, names: tuple[str, ...], precision: int = 4, words: Words | None = None) -> str:
    """Return the values as text, each under its name where it has one."""
    out = []
    for n, v in zip(names, values, strict=True):
        text = words(n, v) if words else None
        if text is None:
            text = digits(v, precision=precision, indent=len(n) + 3 if n else 0)
        if text:
            out.append(f"{n} = {text}" if n else text)
    return "\n".join(out)


def _shapes(values: Plain, names: tuple[str, ...]) -> str:
    return (
        "(" + ", ".join(f"{n}: {shape_of(v)}".lstrip(": ") for n, v in zip(names, values, strict=True)) + ")"
    )


def shape_of(array: np.ndarray) -> str:
    """Return "a single number" or "shape (2, 3)"."""
    return f"shape {array.shape}" if array.ndim else "a single number"


def as_tensors(args: tuple, dtype: str | None = None) -> tuple:
    """Return args with every array turned into a tensor; with dtype "float32", floats become that."""
    torch = sys.modules["torch"]
    out = []
    for a in args:
        if isinstance(a, np.ndarray):
            a = torch.from_numpy(a.astype(dtype) if dtype and a.dtype.kind == "f" else a.copy())
        out.append(a)
    return tuple(out)
