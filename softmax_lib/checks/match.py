"""Which known mistake gives the same results as a wrong answer?"""

from collections.abc import Sequence
from dataclasses import dataclass

from softmax_lib.checks import guard, values


@dataclass
class Result:
    """What a function made of one probe: plain arrays, or an error."""

    value: values.Plain | None = None
    error: BaseException | None = None
    call: guard.Call | None = None

    @property
    def arithmetic(self) -> bool:
        """True for Python's own words for inf and nan: math.exp(1000), math.log(0) and 0 / 0 raise."""
        return isinstance(self.error, ArithmeticError) or "math domain" in str(self.error)


def agreement(a: Result, b: Result, scale: float = 1.0) -> int:
    """Return 2 where two results agree, 1 where only shape or kind of error or infinity differ, else 0."""
    if a.error is not None and b.error is not None:
        return 2 if type(a.error) is type(b.error) and str(a.error) == str(b.error) else 1
    if a.error is not None or b.error is not None:
        failed, other = (a, b) if a.error is not None else (b, a)
        return int(failed.arithmetic and not values.all_finite(other.value))
    if values.close(a.value, b.value, scale):
        return 2
    a, b = values.finite_part(a.value), values.finite_part(b.value)
    return int(values.close(values.flat(a), values.flat(b), scale))


@dataclass
class Likeness:
    """How far a known mistake explains a wrong answer, probe by probe."""

    marks: list[int]  # agreement of answer and mistake
    informative: list[bool]  # where the mistake differs from the right answer
    by_value: list[bool]  # where both gave a value rather than an error

    @property
    def rank(self) -> tuple | None:
        """Return something to sort by, or None where the mistake is not a likely explanation."""
        agreed = [i for i, m in enumerate(self.marks) if m and self.informative[i]]
        strong = [i for i in agreed if self.by_value[i]]
        differ = [i for i, m in enumerate(self.marks) if not m]
        if not agreed:
            return None
        if not differ and (strong or min(self.marks) == 2):
            return 2, sum(self.marks)
        # One raises where the other does not, say on a single row; the values speak clearly enough.
        if (
            len(strong) >= 2
            and 2 * len(differ) <= len(self.marks)
            and not any(self.by_value[i] for i in differ)
        ):
            return 1, sum(self.marks)
        return None


Results = Sequence[Result]


def best_match(answer: Results, right: Results, known: Sequence, scales: Sequence[float]) -> object:
    """Return the known mistake whose results are the answer's, or None. Of equally good ones, the first.

    known: (mistake, its results on the same probes) pairs.
    """
    best, best_rank = None, None
    for mistake, results in known:
        likeness = Likeness(
            marks=[agreement(a, r, s) for a, r, s in zip(answer, results, scales, strict=True)],
            informative=[agreement(r, t, s) < 2 for r, t, s in zip(results, right, scales, strict=True)],
            by_value=[a.error is None and r.error is None for a, r in zip(answer, results, strict=True)],
        )
        rank = likeness.rank
        if rank is not None and (best_rank is None or rank > best_rank):
            best, best_rank = mistake, rank
    return best


def best_match_at_the_limits(
    answer: Results, right: Results, known: Sequence, scales: Sequence[float]
) -> object:
    """Return the best match on the hard probes, where results are nan or inf, in each style differently.

    Where none matches on all of them, the mistake is named that matches on most probes, if that is more than
    half of those on which the answer fails.
    """
    exact = best_match(answer, right, known, scales)
    if exact is not None:
        return exact
    failed = [i for i, (a, t) in enumerate(zip(answer, right, strict=True)) if agreement(a, t, scales[i]) < 2]
    best, most = None, len(failed) / 2
    for mistake, results in known:
        agreed = sum(agreement(answer[i], results[i], scales[i]) > 0 for i in failed)
        differ = sum(agreement(a, r, s) == 0 for a, r, s in zip(answer, results, scales, strict=True))
        if agreed - differ / 2 > most:
            best, most = mistake, agreed - differ / 2
    return best
