"""What the tests of the checks' catalogues share: wrong and right answers, and what must hold for each.

A test file makes a `Catalogue`, fills it with answers that are written in other ways than the catalogue's own
mistakes, and runs the functions below on it (test_checks_catalogue.py shows how).
"""

import numpy as np

from softmax_lib import checks
from softmax_lib.checks import guard
from softmax_lib.checks.match import agreement


class Anything:
    """Has every attribute."""

    def __getattr__(self, name):
        return self


class Catalogue:
    """Answers to exercises: wrong ones with the id that a check must give, and right ones."""

    def __init__(self):
        self.wrong_answers: list[tuple] = []  # (exercise, id or None for "any verdict but passed", function)
        self.right_answers: list[tuple] = []

    def wrong(self, mistake, *exercises):
        def add(function):
            self.wrong_answers.extend((exercise, mistake, function) for exercise in exercises)
            return function

        return add

    def right(self, *exercises):
        def add(function):
            self.right_answers.extend((exercise, function) for exercise in exercises)
            return function

        return add

    def covers(self, name, promised):
        """The catalogue has every promised id, and each of its ids stands among the wrong answers here."""
        known = {m.id for m in getattr(checks, name).mistakes}
        tried = {mistake for exercise, mistake, _ in self.wrong_answers if exercise == name}
        assert set(promised) <= known | {"mutates-input"}
        assert known | set(promised) <= tried
        assert sum(exercise == name for exercise, _ in self.right_answers) >= 3


def is_named(exercise, mistake, function, may_be_right_once=False):
    """The check gives a wrong answer this id, and shows an input on which the answer fails."""
    verdict = getattr(checks, exercise)(function)
    assert not verdict.passed and verdict.attempted
    if mistake is not None:
        assert verdict.mistake == mistake, verdict
    if verdict.mistake in ("mutates-input", "shared-result") or may_be_right_once:
        return  # there the result itself is right
    assert not gives_the_right_result(getattr(checks, exercise), function, verdict.put_in)


def gives_the_right_result(exercise, function, put_in):
    """Run function on a shown input, without the judge, and compare with the right answer."""
    try:
        with np.errstate(all="ignore"):
            got = exercise.trial(function)(*(guard.copy_of(a) for a in put_in.values()))
    except Exception:
        return False
    expected = exercise.trial(exercise.right)(*(guard.copy_of(a) for a in put_in.values()))
    if not isinstance(expected, tuple):
        got, expected = (got,), (expected,)
    try:
        return all(
            np.shape(plain(g)) == np.shape(plain(e)) and np.allclose(plain(g), plain(e), rtol=1e-5, atol=1e-6)
            for g, e in zip(got, expected, strict=True)
        )
    except (TypeError, ValueError):
        return False


def plain(value):
    return value.detach().numpy() if hasattr(value, "detach") else np.asarray(value)


def passes(exercise, function):
    verdict = getattr(checks, exercise)(function)
    assert verdict.passed and verdict.attempted and verdict.mistake is None, verdict


def ids_are_told_apart(name):
    """No two ids of an exercise give the same results on all probes."""
    exercise = getattr(checks, name)
    scales = [exercise.scales(False), exercise.scales(True)]
    at_the_limits = {id(k.mistake): k.results for k in exercise.known_results(True)}
    known = [(k.mistake, k.results, at_the_limits.get(id(k.mistake))) for k in exercise.known_results(False)]
    for i, (mistake, ordinary, hard) in enumerate(known):
        for other, other_ordinary, other_hard in known[:i]:
            if mistake.mentions != other.mentions:
                continue  # these are told apart by the names in the answer's code
            if mistake.id == other.id or not coincide(ordinary, other_ordinary, scales[0]):
                continue
            assert hard and other_hard, (mistake, other)
            assert not coincide(hard, other_hard, scales[1]), (mistake, other)


def coincide(results, others, scales):
    return all(agreement(a, b, s) == 2 for a, b, s in zip(results, others, scales, strict=True))


def mistakes_are_named_themselves(name):
    """Each known mistake shows on some probe, and the check gives it its own id."""
    exercise = getattr(checks, name)
    for mistake in exercise.mistakes[
        :: len(exercise.mistakes) // 100 + 1
    ]:  # every one, or every third of 300
        answer = lambda *args, m=mistake: m(*args)  # noqa: E731
        if mistake.mentions:
            names = mistake.mentions[0].replace("+", ".")
            answer = eval(f"lambda *args: (m(*args), x.{names})[0]", {"m": mistake, "x": Anything()})
        verdict = exercise(answer)
        assert verdict.mistake == mistake.id, mistake
