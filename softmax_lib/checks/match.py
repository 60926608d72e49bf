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
        return isinstance(self.error, ArithmeticError) or "math domain" in guard.message_of(self.error)


def agreement(a: Result, b: Result, scale: float = 1.0) -> int:
    """Return 2 where two results agree, 1 where only shape or kind of error or infinity differ, else 0."""
    if a.error is not None and b.error is not None:
        same_type = type(a.error) is type(b.error)
        if same_type and guard.message_of(a.error) == guard.message_of(b.error):
            return 2
        return int(not isinstance(a.error, values.Remark) and not isinstance(b.error, values.Remark))
    if a.error is not None or b.error is not None:
        failed, other = (a, b) if a.error is not None else (b, a)
        return int(failed.arithmetic and not values.all_finite(other.value))
    if values.close(a.value, b.value, scale):
        return 2
    a, b = values.finite_part(a.value), values.finite_part(b.value)
    return int(values.close(values.flat(a), values.flat(b), scale))


@dataclass
class Known:
    """A known mistake with its results on some probes; telling: where they differ from the right ones."""

    mistake: object
    results: list[Result]
    telling: list[bool]


Results = Sequence[Result]
Scales = Sequence[float]


def likeness(answer: Results, known: Known, scales: Scales) -> tuple[int, int] | None:
    """Return how well a known mistake explains an answer, something to sort by; None where it does not.

    It does where both agree on every probe, with a telling one among them. It also does where they differ
    only in that one raises an error and the other does not, say on a single row, if two telling values agree.
    """
    marks, values_agree, differ = 0, 0, 0
    alike = True
    for a, k, telling, scale in zip(answer, known.results, known.telling, scales, strict=True):
        mark = agreement(a, k, scale)
        by_value = a.error is None and k.error is None
        if mark == 0 and by_value:
            return None
        marks += mark
        differ += mark == 0
        values_agree += telling and by_value
        alike = alike and mark == 2
    if differ == 0 and any(known.telling) and (values_agree or alike):
        return 2, marks
    if values_agree >= 2 and 2 * differ <= len(scales):
        return 1, marks
    return None


def best_match(answer: Results, known: Sequence[Known], scales: Scales) -> object:
    """Return the known mistake whose results are the answer's, or None; of equally good ones, the first."""
    best, most = None, None
    for k in known:
        found = likeness(answer, k, scales)
        if found is not None and (most is None or found > most):
            best, most = k.mistake, found
    return best


def best_match_at_the_limits(
    answer: Results, right: Results, known: Sequence[Known], scales: Scales
) -> object:
    """Return the best match on the hard probes, where results are nan or inf, in each style differently.

    Where none matches on all of them, the mistake is named that matches on most probes, if that is more than
    half of those on which the answer fails.
    """
    exact = best_match(answer, known, scales)
    if exact is not None:
        return exact
    failed = [i for i, (a, t) in enumerate(zip(answer, right, strict=True)) if agreement(a, t, scales[i]) < 2]
    best, most = None, (0, 0, 0)
    for k in known:
        marks = [agreement(a, r, s) for a, r, s in zip(answer, k.results, scales, strict=True)]
        agreed = [i for i in failed if marks[i] > 0 and k.telling[i]]
        by_value = sum(answer[i].error is None and k.results[i].error is None for i in agreed)
        score = len(agreed), by_value, len(marks) - marks.count(0)
        if 2 * len(agreed) > len(failed) and score > most:
            best, most = k.mistake, score
    return best
