"""The engine behind every check: compares an answer with the right one, and with the known mistakes.

An exercise is a right answer, a handful of inputs ("probes"), and a list of known mistakes. A mistake is a
tiny wrong implementation with an id, a sentence and a hint. A wrong answer is run on the probes, each mistake
too; the mistake that gives the same wrong results, and fails where the answer fails, is named. To add a
mistake, add one function:

    @softmax.mistake(
        "wrong-axis",
        "The sum runs down the columns, over the examples.",
        hint="Each row is one example: which axis must be summed away so that every row adds up to 1?",
    )
    def _(logits):
        e = np.exp(logits)
        return e / e.sum(axis=0, keepdims=True)

A mistake that learners write in several ways takes options, lists of possibilities, and counts in every
combination of them: `@softmax.mistake(..., shift=[no_shift, row_max])` above `def _(logits, shift):`. Where
two ids would fit, the one that was added first is named. An id may be used more than once, with another
sentence for another way.

Probes come in three kinds. `probes` are ordinary inputs: hand-sized ones first (the smallest that fails is
shown), then random ones. `hard` ones, such as logits of 1000, are looked at only when all ordinary ones are
right, so they tell apart mistakes that show nowhere else. A `bonus` is outside an exercise's domain: it adds
a note, never a failure.

Where a call with the probe's values does not show enough (a training step changes weights; a model must be
tried on images), an exercise has a `play`, which gets the answer and a probe and returns what is compared:

    def one_step(train_step, x, labels, weight):
        model, optimizer = made_from(weight)
        loss = train_step(model, x, labels, optimizer)
        return loss, model.weight
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from softmax_lib.checks import guard, values
from softmax_lib.checks.judge import judge
from softmax_lib.checks.match import Known, Result, agreement
from softmax_lib.checks.verdict import Verdict


@dataclass(frozen=True)
class Mistake:
    """One known mistake in one way of writing it."""

    id: str
    sentence: str
    hint: str
    function: Callable
    options: dict = field(default_factory=dict)
    fit: Callable | None = None
    mentions: tuple[str, ...] = ()

    def __call__(self, *args):
        return self.function(*args, **self.options)


class _Nothing(Exception):
    """Ends a play in which the answer returned None or its stub."""

    def __init__(self, value: object):
        self.value = value


class Exercise:
    """One exercise: call it with a function and it returns a Verdict."""

    def __init__(
        self,
        name: str,
        right: Callable,
        parameters: Sequence[str],
        *,
        returns: str,
        checked: str,
        probes: Sequence[tuple],
        hard: Sequence[tuple] = (),
        bonus: Sequence[tuple[tuple, str]] = (),
        outputs: Sequence[str] = ("",),
        tolerance_grows: bool = False,
        torch: bool = False,
        play: Callable | None = None,
        inputs: Sequence[str] | None = None,
        show: Callable | None = None,
        seconds: float | None = None,
        hint: str | None = None,
        words: Callable | None = None,
    ):
        """Describe an exercise.

        right: the right answer. parameters: the names of its arguments. returns: what comes back, in words.
        checked: what an answer that passed was tried on, as a sentence.
        probes, hard: tuples of arguments, as NumPy arrays; where torch is True, they become tensors, floats
        float32. bonus: (arguments, note) pairs. outputs: the names of the results, where there are several.
        tolerance_grows: True where large logits are in the domain: they cost digits, so the tolerance grows
        with them.
        play: play(answer, *probe) tries the answer, as often as it likes, and returns what is compared, one
        array or number for each of outputs. The answer gets what play hands to it; play seeds what is drawn.
        inputs: the names of a probe's values, where they are not the parameters. show: show(*probe) returns
        what the verdict says was put in, {name: text}. seconds: for all calls together, in place of
        guard.SECONDS. hint: what to do with a wrong answer that has no name, in place of "work this input out
        by hand". words: words(name, value) returns what the verdict says of one of the outputs, where its
        numbers would say little; None for the numbers, "" to leave it out.
        """
        self.name, self.right, self.parameters = name, right, tuple(parameters)
        self.returns, self.checked = returns, checked
        self.probes, self.hard, self.bonus = list(probes), list(hard), list(bonus)
        self.outputs, self.tolerance_grows, self.torch = tuple(outputs), tolerance_grows, torch
        self.play, self.show, self.seconds = play, show, seconds
        self.hint, self.words = hint, words
        self.inputs = tuple(inputs or parameters)
        self.mistakes: list[Mistake] = []
        self._right: dict[bool, list[Result]] = {}
        self._known: dict[bool, list[Known]] = {}

    def __call__(self, function: Callable) -> Verdict:
        """Return the verdict on a learner's function."""
        return judge(self, function)

    def __repr__(self) -> str:
        return f"checks.{self.name}(function): the function is {self.signature} and returns {self.returns}."

    @property
    def signature(self) -> str:
        """The name with its parameters, as the exercise asks for them."""
        return f"{self.name}({', '.join(self.parameters)})"

    def mistake(
        self,
        id: str,
        sentence: str,
        hint: str,
        fit: Callable | None = None,
        mentions: Sequence[str] = (),
        **options: Sequence,
    ) -> Callable:
        """Return a decorator that adds a known mistake, once for each combination of the options.

        fit: for a mistake with a number in it that can be anything, such as an epsilon. It is given the
        probes and the answer's results, and returns options, a list of dicts, in which the number is guessed
        from them. mentions: it is named only where the answer's code mentions one of these names, or all of
        "cross_entropy+argmax".
        """

        def add(function: Callable) -> Callable:
            for chosen in itertools.product(*options.values()):
                named = dict(zip(options, chosen, strict=True))
                self.mistakes.append(Mistake(id, sentence, hint, function, named, fit, tuple(mentions)))
            self._known.clear()
            return function

        return add

    def mistakes_of(
        self, other: "Exercise", before: Callable = lambda *args: args, skip: Sequence[str] = ()
    ) -> None:
        """Add another exercise's mistakes; before turns this exercise's arguments into the other's."""
        for m in other.mistakes:
            if m.id not in skip:
                after = lambda *args, m=m: m(*before(*args))  # noqa: E731
                self.mistakes.append(Mistake(m.id, m.sentence, m.hint, after))
        self._known.clear()

    # ------------------------------------------------------------------------------------------ known results
    def arguments(self, probe: tuple, tensors: bool | None = None) -> tuple:
        """Return a probe as an answer gets it: tensors or arrays, by default as the exercise has them."""
        if not (self.torch if tensors is None else tensors):
            return probe
        return values.as_tensors(probe, "float32" if self.torch else None)

    def trial(self, function: Callable) -> Callable:
        """Return what is called with a probe's arguments: the answer itself, or the play with the answer."""
        if self.play is None:
            return function

        def answer(*args: object) -> object:
            value = function(*args)
            if value is None or values.is_stub(value):
                raise _Nothing(value)
            return value

        def trial(*args: object) -> object:
            try:
                return self.play(answer, *args)
            except _Nothing as nothing:
                return nothing.value

        return trial

    def shown(self, args: tuple) -> dict[str, str]:
        """Return what the verdict says was put in, name by name."""
        if self.show is not None:
            return self.show(*args)
        return {name: values.literal(value) for name, value in zip(self.inputs, args, strict=True)}

    def result(self, function: Callable, probe: tuple) -> Result:
        """Return what one of our own functions, right or wrong, makes of a probe."""
        args = tuple(guard.copy_of(a) for a in self.arguments(probe))
        with np.errstate(all="ignore"):
            try:
                return Result(values.plain(self.trial(function)(*args), len(self.outputs)))
            except Exception as error:
                return Result(error=error)

    def right_results(self, hard: bool) -> list[Result]:
        """Return the right answer's results on the ordinary or the hard probes; worked out once."""
        if hard not in self._right:
            results = [self.result(self.right, p) for p in (self.hard if hard else self.probes)]
            if failed := next((r.error for r in results if r.error is not None), None):
                raise RuntimeError(f"the right answer of {self.name} fails: a fault of the check") from failed
            self._right[hard] = results
        return self._right[hard]

    def known_results(self, hard: bool) -> list[Known]:
        """Return each known mistake with its results on the ordinary or the hard probes; worked out once.

        On the hard ones, only mistakes that show nowhere else: an answer gets there with all ordinary ones
        right.
        """
        if hard not in self._known:
            mistakes = self.mistakes
            if hard:
                mistakes = [k.mistake for k in self.known_results(False) if not any(k.telling)]
            self._known[hard] = [self._known_result(m, hard) for m in mistakes]
        return self._known[hard]

    def suspects(self, hard: bool, answer: Sequence[Result], names: set[str]) -> list[Known]:
        """Return the known mistakes with their results, those with a free number fitted to the answer.

        names: what the answer's code mentions.
        """
        out = []
        for k in self.known_results(hard):
            mentions = k.mistake.mentions
            if mentions and not any(names.issuperset(m.split("+")) for m in mentions):
                continue
            out.append(k)
            for options in k.mistake.fit(self.hard if hard else self.probes, answer) if k.mistake.fit else ():
                fitted = replace(k.mistake, options=k.mistake.options | options)
                out.append(self._known_result(fitted, hard))
        return out

    def _known_result(self, mistake: Mistake, hard: bool) -> Known:
        results = [self.result(mistake, p) for p in (self.hard if hard else self.probes)]
        pairs = zip(results, self.right_results(hard), self.scales(hard), strict=True)
        return Known(mistake, results, [agreement(r, t, s) < 2 for r, t, s in pairs])

    def scale(self, probe: tuple) -> float:
        """Return the size of the numbers in a probe where tolerance grows with it; else 1."""
        if not self.tolerance_grows:
            return 1.0
        floats = [a for a in probe if isinstance(a, np.ndarray) and a.dtype.kind == "f"]
        return max(1.0, *(float(np.abs(a).max()) for a in floats))

    def scales(self, hard: bool) -> list[float]:
        """Return the scale of each ordinary or hard probe."""
        return [self.scale(p) for p in (self.hard if hard else self.probes)]
