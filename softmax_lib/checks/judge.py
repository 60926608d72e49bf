"""Takes one answer through the probes of its exercise and puts the verdict into words."""

import functools
import inspect
import sys
import time
from collections.abc import Callable

import numpy as np

from softmax_lib.checks import guard, values
from softmax_lib.checks.match import Result, agreement, best_match, best_match_at_the_limits
from softmax_lib.checks.verdict import Report, Verdict

GENERAL = {  # id: (sentence, hint) of the mistakes that every exercise knows
    "nothing-returned": (
        "The function ends without handing anything back, so its result is None.",
        "Does the last line start with `return`?",
    ),
    "printed-not-returned": (
        "The function prints its result, and the caller gets None: printing shows, returning hands over.",
        "Put `return` in the place of `print`.",
    ),
    "wrong-shape": (
        "The result has another shape than the exercise asks for.",
        "Print the shape after each line, and compare it with what the exercise asks for.",
    ),
    "wrong-type": (
        "The result is neither a number nor an array of numbers.",
        "Return the number or the array itself.",
    ),
    "raises": (
        "The function stops with an error on this input.",
        "Call the function with this input in a cell of your own, and print what goes into that line.",
    ),
    "never-ends": (
        "The function did not come to an end within a few seconds, so it was stopped.",
        "Look for a `while` loop whose condition never becomes false.",
    ),
    "not-finite": (
        "Whatever goes in, not one finite number comes out: only nan or inf.",
        "Print the result of each line for this input. Which line is the first to hold nan or inf?",
    ),
    "rounded": (
        "The result is right, but rounded. Whoever computes with it loses those digits.",
        'Round what you print (f"{x:.4f}"), not what you return.',
    ),
    "mutates-input": (
        "The result is right, but the function changed the caller's own array on the way. Whoever computes"
        " with that array afterwards works with other numbers.",
        "Which line writes into an argument (`+=`, `-=`, `/=`, `x[...] =`, `out=`, `x.exp_()`)? Make a new"
        " array there.",
    ),
    "shared-result": (
        "A result that was handed out earlier changed when the function was called again: both calls share"
        " one array.",
        "Make the result's array inside the function, anew at each call.",
    ),
}
UNKNOWN = (
    "This is wrong in a way that the check has no name for.",
    "Work this input out by hand, step by step.",
)


def not_attempted(title: str) -> Verdict:
    """Return the verdict on a stub."""
    report = Report(title, "not attempted yet")
    return report.verdict(attempted=False)


def judge(exercise, function: Callable) -> Verdict:
    """Return the verdict on a learner's answer to an exercise."""
    if values.is_stub(function):
        return not_attempted(exercise.name)
    refusal = _refusal(exercise, function)
    if refusal:
        mistake, sentence = refusal
        report = Report(exercise.name, "not passed yet")
        report.say(mistake, sentence)
        return report.verdict(mistake=mistake)
    with guard.settings_kept():
        return _Judgement(exercise, function).verdict()


def _refusal(exercise, function: object) -> tuple[str, str] | None:
    """Return (id, sentence) where the check was not given a function with the exercise's parameters."""
    wanted = f"checks.{exercise.name}(my_{exercise.name})"
    if not callable(function):
        what = values.kind(function)
        return (
            "not-a-function",
            f"The check wants the function itself, without parentheses: {wanted}. It got {what}.",
        )
    if inspect.isclass(function):
        return (
            "not-a-function",
            f"{function.__name__} is a class. Give the check a function, or an object made of it.",
        )
    if hasattr(function, "state_dict") and function.state_dict():  # (a criterion is a function all right)
        return "not-a-function", f"The check wants the function itself: {wanted}. It got a model."
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        return "wrong-type", "The function is marked `async`, so calling it does not run it. Remove `async`."
    if inspect.isgeneratorfunction(function):
        return "wrong-type", f"The function uses `yield`. Collect the values and return {exercise.returns}."
    parameters = _parameters(function)
    if parameters is None or _by_name(function, exercise.parameters):
        return None
    if sorted(parameters) == sorted(exercise.parameters) and tuple(parameters) != exercise.parameters:
        return "wrong-parameters", f"The parameters must stand in this order: {exercise.signature}."
    if not _takes(function, *exercise.parameters):
        count = len(exercise.parameters)
        some = "one argument" if count == 1 else f"{count} arguments"
        yours = f"{getattr(function, '__name__', 'it')}({', '.join(map(str, parameters.values()))})"
        return "wrong-parameters", f"The check calls it with {some}, {exercise.signature}; yours is {yours}."
    return None


def _parameters(function: Callable) -> dict | None:
    try:
        return dict(inspect.signature(function).parameters)
    except (TypeError, ValueError):  # some built-in functions have no signature
        return None


def _takes(function: Callable, *args: str, **named: str) -> bool:
    """Return True where function can be called with these arguments, as far as its signature tells."""
    try:
        inspect.signature(function).bind(*args, **named)
    except TypeError:
        return False
    except ValueError:
        return True
    return True


def _by_name(function: Callable, parameters: tuple[str, ...]) -> bool:
    """Return True where the arguments must be given by name: `def f(*, logits)`."""
    return not _takes(function, *parameters) and _takes(function, **dict.fromkeys(parameters, ""))


class _Judgement:
    """One answer on its way through the probes."""

    def __init__(self, exercise, function: Callable):
        self.exercise, self.function = exercise, function
        self.names = exercise.parameters if _by_name(function, exercise.parameters) else None
        self.seconds_left = exercise.seconds or guard.SECONDS
        self.tensors = exercise.torch  # whether the answer gets tensors
        self.changed: tuple | None = None  # the first call that changed its input
        self.report = Report(exercise.name, "not passed yet")

    def verdict(self) -> Verdict:
        """Return the verdict: first what is no answer at all, then ordinary probes, then hard ones."""
        ex = self.exercise
        self._load_torch()
        first = self._call(ex.probes[0])
        if _is_stub(first):
            return not_attempted(ex.name)
        self._choose_tensors(first)
        first_result = None
        for hard in (False, True):
            results = []
            for probe in ex.hard if hard else ex.probes:
                call = self._call(probe)
                result, verdict = self._result(call, probe)
                if verdict is not None:
                    return verdict
                results.append(result)
                first_result = first_result or result
            right = ex.right_results(hard)
            marks = [agreement(*pair) for pair in zip(results, right, ex.scales(hard), strict=True)]
            if min(marks, default=2) < 2:
                return self._wrong(results, marks, hard)
            for probe, result in zip(ex.hard if hard else ex.probes, results, strict=True):
                if self._changed_since(result):
                    return self._general("shared-result", probe, result.call)
        if self.changed:
            return self._general("mutates-input", *self.changed)
        return self._passed(first_result)

    # ------------------------------------------------------------------------------------------------ calling
    def _load_torch(self) -> None:
        """Let torch be imported now where it will be: these seconds are not the answer's."""
        names = getattr(getattr(self.function, "__code__", None), "co_names", ())
        if "torch" not in sys.modules and any(name.split(".")[0] == "torch" for name in names):
            guard.call(__import__, ("torch",), seconds=120)
        if self.exercise.torch and self.exercise.play:
            _make_an_optimizer()

    def _call(self, probe: tuple, tensors: bool | None = None) -> guard.Call:
        args = self.exercise.arguments(probe, self.tensors if tensors is None else tensors)
        started = time.monotonic()
        call = guard.call(self._trial(), args, seconds=self.seconds_left, names=self._names_of_arguments())
        self.seconds_left -= time.monotonic() - started
        if call.changed is not None and self.changed is None:
            self.changed = probe, call
        return call

    def _trial(self) -> Callable:
        if self.exercise.play is None:
            return self.function
        if self.names is None:
            return self.exercise.trial(self.function)
        return self.exercise.trial(lambda *args: self.function(**dict(zip(self.names, args, strict=True))))

    def _names_of_arguments(self) -> tuple[str, ...] | None:
        return self.names if self.exercise.play is None else None

    def _choose_tensors(self, first: guard.Call) -> None:
        """Give torch tensors to an answer that refuses NumPy arrays, and the other way round.

        A RuntimeError is how torch refuses a wrong use of tensors, so such an answer did mean tensors.
        """
        if first.error is None or first.endless or "torch" not in sys.modules or self.exercise.play:
            return
        if self.tensors and isinstance(first.error, RuntimeError):
            return
        if self._call(self.exercise.probes[0], tensors=not self.tensors).error is None:
            self.tensors, self.changed = not self.tensors, None

    def _result(self, call: guard.Call, probe: tuple) -> tuple[Result | None, Verdict | None]:
        """Return the plain result of a call, or the verdict where there is nothing to compare."""
        if call.endless:
            return None, self._general("never-ends", probe, call)
        if isinstance(call.error, values.OddValueError):  # a play looked at what the answer returned
            mistake = "wrong-shape" if call.error.numbers else "wrong-type"
            return None, self._general(mistake, probe, call, came_out=str(call.error))
        if call.error is not None:
            return Result(error=call.error, call=call), None
        if call.value is None:
            printed = any(c.isdigit() for c in call.printed)
            return None, self._general("printed-not-returned" if printed else "nothing-returned", probe, call)
        try:
            return Result(values.plain(call.value, len(self.exercise.outputs)), call=call), None
        except values.OddValueError as odd:
            mistake = "wrong-shape" if odd.numbers else "wrong-type"
            return None, self._general(mistake, probe, call, came_out=str(odd))

    def _changed_since(self, result: Result) -> bool:
        """Return True where what was handed out earlier is no longer what it was."""
        try:
            return not values.close(result.value, values.plain(result.call.value, len(self.exercise.outputs)))
        except values.OddValueError:
            return True

    # ----------------------------------------------------------------------------------------------- verdicts
    def _passed(self, first: Result) -> Verdict:
        ex, report = self.exercise, self.report
        report.state = "passed"
        report.say("Checked", ex.checked)
        if self.tensors != ex.torch:
            kind = "torch tensors" if self.tensors else "NumPy arrays"
            report.say("Note", f"It was given {kind}, as it needs them.")
        if first.value[0].dtype == bool:
            report.say("Note", "It returns True and False; .astype(float) makes numbers of them for later.")
        for probe, note in ex.bonus:
            self.report = Report(ex.name, "")  # whatever goes wrong out there is no failure, only a note
            result, verdict = self._result(self._call(probe), probe)
            if verdict is not None or agreement(result, ex.result(ex.right, probe)) < 2:
                report.say("Note", note)
        self.report = report
        self._say_printed(first.call)
        return report.verdict(passed=True)

    def _wrong(self, results: list[Result], marks: list[int], hard: bool) -> Verdict:
        """Return the verdict on an answer that fails on some probes: by name where one is known."""
        ex = self.exercise
        probes, right, scales = (ex.hard if hard else ex.probes), ex.right_results(hard), ex.scales(hard)
        failed = sorted((i for i, m in enumerate(marks) if m < 2), key=lambda i: _size(probes[i]))
        known = ex.suspects(hard, results, _names_in(self.function))
        nothing_finite = not hard and _nothing_finite(results)
        if nothing_finite:  # nan is like any other nan: only what agrees to the last inf explains it
            known = [
                k
                for k in known
                if all(agreement(*pair) == 2 for pair in zip(results, k.results, strict=True))
            ]
        if hard:
            mistake = best_match_at_the_limits(results, right, known, scales)
        else:
            mistake = best_match(results, known, scales)
        if mistake:  # show values rather than an error, where there are both
            shown = min(failed, key=lambda i: results[i].error is not None)
            name = mistake.id, mistake.sentence, mistake.hint
        else:
            misshapen = [i for i in failed if _shapes(results[i]) not in (None, _shapes(right[i]))]
            if nothing_finite:
                name = "not-finite", *GENERAL["not-finite"]
            elif not hard and _only_rounded(results, right):
                name = "rounded", *GENERAL["rounded"]
            elif isinstance(results[failed[0]].error, values.Remark):
                name = self._name_of(results[failed[0]].error)
            elif results[failed[0]].error is not None:
                name = "raises", *GENERAL["raises"]
            elif 2 * len(misshapen) > len(failed):
                name, failed = ("wrong-shape", *GENERAL["wrong-shape"]), misshapen
            else:
                name = self._unknown()
            shown = failed[0]
        self._show(probes[shown], results[shown], right[shown], scales[shown])
        return self._finish(*name, probes[shown], results[shown].call)

    def _name_of(self, remark: values.Remark) -> tuple[str | None, str, str]:
        """Return id, sentence and hint of the mistake that a remark names."""
        found = next((m for m in self.exercise.mistakes if m.id == remark.mistake), None)
        return (found.id, found.sentence, found.hint) if found else self._unknown()

    def _unknown(self) -> tuple[None, str, str]:
        """Return sentence and hint for what has no name."""
        return None, UNKNOWN[0], self.exercise.hint or UNKNOWN[1]

    def _general(self, mistake: str, probe: tuple, call: guard.Call, came_out: str = "None") -> Verdict:
        """Return the verdict for a mistake that every exercise knows."""
        ex = self.exercise
        self._show_input(probe)
        if mistake == "mutates-input":
            name, after = ex.inputs[call.changed], call.arguments[call.changed]
            self.report.data("afterwards", f"{name} = {values.literal(after)}")
        elif mistake != "shared-result":
            self.report.data("came out", f"nothing yet{_where(call)}" if call.endless else came_out)
            right = ex.result(ex.right, probe)
            self.report.data("expected", values.lines(right.value, ex.outputs, words=ex.words))
        return self._finish(mistake, *GENERAL[mistake], probe, call)

    def _show(self, probe: tuple, result: Result, right: Result, scale: float) -> None:
        """Show what was put in, and of what came out and was expected what differs."""
        names, words = self.exercise.outputs, self.exercise.words
        self._show_input(probe)
        if result.error is not None:
            came_out, expected = _in_words(result.call), values.lines(right.value, names, words=words)
        else:
            came_out, expected = values.side_by_side(result.value, right.value, names, scale, words)
        self.report.data("came out", came_out)
        self.report.data("expected", expected)

    def _show_input(self, probe: tuple) -> None:
        shown = self.exercise.shown(self.exercise.arguments(probe, self.tensors))
        for i, (name, text) in enumerate(shown.items()):
            indent = " " * (len(name) + 3)
            self.report.data("" if i else "put in", f"{name} = " + text.replace("\n", "\n" + indent))

    def _finish(
        self, mistake: str | None, sentence: str, hint: str, probe: tuple, call: guard.Call
    ) -> Verdict:
        self.report.say(mistake or "", sentence)
        self.report.say("Hint", hint)
        self._say_printed(call)
        args = self.exercise.arguments(probe, self.tensors)
        put_in = dict(zip(self.exercise.inputs, args, strict=True))
        return self.report.verdict(mistake=mistake, put_in=put_in)

    def _say_printed(self, call: guard.Call) -> None:
        printed = call.printed.strip()
        if printed:
            self.report.data("printed", printed if len(printed) <= 300 else printed[:300] + " ...")


@functools.cache
def _make_an_optimizer() -> None:
    """The first optimizer of a process imports a second's worth of torch; half imported, it never works."""
    torch = sys.modules["torch"]
    torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)


def _nothing_finite(results: list[Result]) -> bool:
    """Return True where every probe gave a value, and no value holds a finite number; no value is empty."""
    if any(r.error is not None for r in results):
        return False
    return all(
        any(a.size for a in r.value) and not any(np.isfinite(a).any() for a in r.value) for r in results
    )


def _only_rounded(results: list[Result], right: list[Result]) -> bool:
    """Return True where the results are the right ones, all rounded to the same number of decimals."""
    if any(r.error is not None for r in results):
        return False
    return any(
        all(
            values.close(r.value, tuple(np.round(a.astype(float), decimals) for a in t.value))
            for r, t in zip(results, right, strict=True)
        )
        for decimals in range(6)
    )


def _names_in(function: Callable) -> set[str]:
    """Return the names that a function's code uses, in functions inside it too."""
    names, codes = set(), [getattr(function, "__code__", None)]
    while codes:
        code = codes.pop()
        if code is not None:
            names.update(code.co_names)
            codes += [c for c in code.co_consts if hasattr(c, "co_names")]
    return names


def _is_stub(call: guard.Call) -> bool:
    """Return True where the answer still holds `...`, or raises NotImplementedError."""
    if isinstance(call.error, NotImplementedError):  # torch raises it too, but not in the learner's own line
        if "missing the required" in guard.message_of(call.error):  # a module without a forward
            return False
        return call.line is None or "raise" in call.line[1]
    if isinstance(call.error, TypeError | AttributeError):
        return "ellipsis" in guard.message_of(call.error)
    return call.error is None and values.is_stub(call.value)


def _shapes(result: Result) -> list | None:
    return None if result.value is None else [x.shape for x in result.value]


def _size(probe: tuple) -> int:
    return sum(np.size(a) if hasattr(a, "shape") or np.isscalar(a) else 1 for a in probe)


def _in_words(call: guard.Call) -> str:
    """Return an error's type and message and the learner's own line."""
    message = guard.message_of(call.error)
    if isinstance(call.error, values.Remark):
        return message
    message = message if len(message) <= 300 else message[:300] + " ..."
    kind = type(call.error).__name__
    return f"{kind}: {message}{_where(call)}" if message else f"{kind}{_where(call)}"


def _where(call: guard.Call) -> str:
    if not call.line:
        return ""
    number, text = call.line
    return f"\nin line {number}: {text}" if text else f"\nin line {number}"
