"""The engine of the checks: what a verdict says; nothing of a learner's escapes, stays on or never ends."""

import contextlib
import linecache
import random
import signal
import subprocess
import sys
import threading
import time
import warnings

import numpy as np
import pytest
import torch

from softmax_lib import checks, functional
from softmax_lib.checks import guard
from softmax_lib.checks.engine import Exercise
from softmax_lib.checks.verdict import Verdict


@pytest.fixture
def short_limit(monkeypatch):
    monkeypatch.setattr(guard, "SECONDS", 0.3)


def from_cell(source, name):
    """Define a function the way a notebook's cell does: its lines are known to linecache only."""
    filename = "<cell 7>"
    linecache.cache[filename] = len(source), None, source.splitlines(keepends=True), filename
    scope = {"np": np, "functional": functional}
    exec(compile(source, filename, "exec"), scope)
    return scope[name]


# ---------------------------------------------------------------------------------------- what a verdict says
def test_a_wrong_answer_shows_input_output_expectation_name_and_hint():
    verdict = checks.softmax(lambda z: np.exp(z) / np.exp(z).sum(axis=0))
    assert (verdict.passed, verdict.attempted, verdict.mistake) == (False, True, "wrong-axis")
    assert verdict.message == str(verdict) == repr(verdict)
    assert "put in    logits = np.array([[2.0, 1.0, 0.1]])" in verdict.message
    assert "came out  [[1. 1. 1.]]" in verdict.message
    assert "expected  [[0.659  0.2424 0.0986]]" in verdict.message
    assert "wrong-axis: " in verdict.message and "Hint: " in verdict.message
    assert "<b><code>wrong-axis</code></b>" in verdict._repr_html_()


def test_what_was_put_in_can_be_pasted_and_put_in_again():
    verdict = checks.one_hot(lambda labels, num_classes: np.eye(num_classes)[labels].T)
    lines = verdict.message.splitlines()
    labels = eval(lines[1].split(" = ")[1], {"np": np})
    assert np.array_equal(labels, verdict.put_in["labels"])
    assert f"num_classes = {verdict.put_in['num_classes']}" in verdict.message


def test_a_right_answer_says_what_was_checked():
    verdict = checks.softmax(functional.softmax)
    assert verdict.passed and verdict and verdict.mistake is None
    assert "passed" in verdict.message and "float32" in verdict.message and "Note" not in verdict.message


def test_a_naive_softmax_passes_notebook_1_with_a_note_on_1000():
    verdict = checks.softmax(lambda z: np.exp(z) / np.exp(z).sum(axis=-1, keepdims=True))
    assert verdict.passed and "1000" in verdict.message and "otebook 3" in verdict.message
    assert not checks.stable_softmax(lambda z: np.exp(z) / np.exp(z).sum(axis=-1, keepdims=True)).passed


def test_a_verdict_is_frozen_and_false_unless_passed():
    verdict = checks.softmax(lambda z: z)
    assert not verdict
    with pytest.raises(AttributeError):
        verdict.passed = True
    assert Verdict(True, True, None, "by hand")._repr_html_()


def test_near_results_are_shown_with_enough_digits_to_differ():
    verdict = checks.softmax(lambda z: functional.softmax(z) + 3e-5)
    came_out, expected = (
        next(line for line in verdict.message.splitlines() if word in line)[12:]
        for word in ("came out", "expected")
    )
    assert came_out != expected


def test_results_of_another_shape_are_shown_with_their_shapes():
    message = checks.logsumexp(lambda z: functional.logsumexp(z)[:, None]).message
    assert "shape (1, 1)" in message and "shape (1,)" in message


def test_the_learners_text_is_escaped_in_html():
    def answer(z):
        print("<script>alert(1)</script>")
        raise ValueError("<img src=x> & <b>bold</b>")

    html = checks.softmax(answer)._repr_html_()
    assert "&lt;script&gt;" in html and "&lt;img src=x&gt; &amp; &lt;b&gt;bold" in html
    assert "<script" not in html and "<img" not in html
    signature = checks.softmax(lambda z, y, tag="<script>": z)._repr_html_()
    assert "tag=&#x27;&lt;script&gt;" in signature and "<script" not in signature
    asked = checks.answer("1.1", "<script>alert(1)</script>")._repr_html_()
    assert "&lt;script&gt;" in asked and "<script" not in asked


def test_two_runs_say_the_same():
    class Thing:
        pass

    def printing(z):
        print(Thing(), printing)
        return functional.softmax(z) + np.random.random() + random.random()  # noqa: NPY002

    def raising(z):
        raise ValueError(f"{Thing()!r} and {object()}")

    for answer in (printing, raising, lambda z: Thing(), lambda z: z[::-1]):
        first, second = checks.softmax(answer), checks.softmax(answer)
        assert first == second and first._repr_html_() == second._repr_html_()
        assert " at 0x" not in first.message
    assert checks.answer("1.1", Thing()) == checks.answer("1.1", Thing())


def test_the_html_sets_no_colour_of_text_and_no_opaque_background():
    html = checks.softmax(lambda z: z)._repr_html_()
    assert "color:inherit" in html and "rgba(" in html
    assert "color:black" not in html and "background:white" not in html


# ---------------------------------------------------------------------------------------------- not attempted
def raising_stub(z):
    raise NotImplementedError("yet to come")


def half_a_stub(z):
    e = ...
    return e / e.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("stub", [lambda z: ..., raising_stub, half_a_stub, ..., lambda z: NotImplemented])
def test_a_stub_is_not_attempted(stub):
    verdict = checks.softmax(stub)
    assert (verdict.passed, verdict.attempted, verdict.mistake) == (False, False, None)
    assert verdict.message == "softmax: not attempted yet"


def test_a_stub_with_two_results_is_not_attempted():
    assert not checks.linear_grad(lambda X, W, b, labels: (..., ...)).attempted


def test_a_half_filled_answer_is_attempted():
    verdict = checks.linear_grad(lambda X, W, b, labels: (X.T @ X, None))
    assert verdict.attempted and not verdict.passed


# --------------------------------------------------------------------------------------------- what came back
def test_a_body_of_pass_returns_nothing():
    def answer(z):
        pass

    verdict = checks.softmax(answer)
    assert verdict.mistake == "nothing-returned" and verdict.attempted and "return" in verdict.message


def test_a_printed_result_is_told_from_a_missing_one_and_shown(capsys):
    verdict = checks.softmax(lambda z: print(functional.softmax(z)))
    assert verdict.mistake == "printed-not-returned" and "0.6590" in verdict.message
    assert capsys.readouterr().out == ""
    assert checks.softmax(lambda z: print("done")).mistake == "nothing-returned"


def test_prints_of_a_right_answer_are_shown_in_short(capsys):
    def chatty(z):
        print("shape", z.shape, "x" * 5000)
        return functional.softmax(z)

    verdict = checks.softmax(chatty)
    assert verdict.passed and "shape (1, 3)" in verdict.message and len(verdict.message) < 1500
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("value", "word"),
    [
        ("0.3567", "text"),
        ({"p": 1}, "dict"),
        (np.exp, "function"),
        (map(float, [1]), "map"),
        ((v for v in [1]), "generator"),
        (object(), "object"),
        ([1, "a"], "other than numbers"),
    ],
)
def test_a_value_that_is_no_number_is_called_by_its_kind(value, word):
    verdict = checks.softmax(lambda z: value)
    assert verdict.mistake == "wrong-type" and word in verdict.message


def test_rows_of_different_lengths_are_a_wrong_shape():
    verdict = checks.softmax(lambda z: [[1.0]] + [[1.0, 2.0]] * 3)
    assert verdict.mistake == "wrong-shape" and "differ in length" in verdict.message


def test_a_value_that_misbehaves_is_no_trouble():
    class Evil:
        def __array__(self, *args, **kwargs):
            raise RuntimeError("no")

        def __repr__(self):
            raise RuntimeError("no")

    assert checks.softmax(lambda z: Evil()).mistake == "wrong-type"
    assert not checks.answer("1.1", Evil()).passed
    assert checks.softmax(Evil()).mistake == "not-a-function"


# ----------------------------------------------------------------------------------------- what was handed in
def test_a_result_in_the_place_of_the_function_is_explained():
    verdict = checks.softmax(functional.softmax(np.eye(3)))
    assert verdict.mistake == "not-a-function" and "checks.softmax(my_softmax)" in verdict.message


class Softmax:
    def __call__(self, z):
        return functional.softmax(z)


async def waiting(z):
    return functional.softmax(z)


def yielding(z):
    yield functional.softmax(z)


@pytest.mark.parametrize(
    ("answer", "mistake", "word"),
    [
        (Softmax, "not-a-function", "Softmax is a class"),
        (None, "not-a-function", "NoneType"),
        (waiting, "wrong-type", "async"),
        (yielding, "wrong-type", "yield"),
        (lambda: 1, "wrong-parameters", "one argument"),
        (lambda z, axis: 1, "wrong-parameters", "(z, axis)"),
    ],
)
def test_what_is_no_answer_is_explained_without_a_call(answer, mistake, word):
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # no coroutine that was never awaited
        verdict = checks.softmax(answer)
    assert verdict.mistake == mistake and verdict.attempted and word in verdict.message


def test_parameters_in_another_order_are_explained():
    verdict = checks.accuracy(lambda labels, logits: (logits.argmax(1) == labels).float().mean())
    assert verdict.mistake == "wrong-parameters" and "accuracy(logits, labels)" in verdict.message


@pytest.mark.parametrize(
    "answer",
    [
        Softmax(),
        lambda *args: functional.softmax(*args),
        lambda anything: functional.softmax(anything),
        lambda z, axis=1: functional.softmax(z, axis),
        lambda *, logits: functional.softmax(logits),
        lambda **named: functional.softmax(named["logits"]),
    ],
)
def test_any_way_of_taking_the_arguments_will_do(answer):
    assert checks.softmax(answer).passed


# ------------------------------------------------------------------------------------------------- exceptions
def test_an_exception_is_explained_with_the_learners_line():
    answer = from_cell(
        """def answer(logits):
    e = np.exp(logits)
    return np.linalg.inv(e)
""",
        "answer",
    )
    verdict = checks.softmax(answer)
    assert verdict.mistake == "raises" and verdict.attempted
    assert "LinAlgError: " in verdict.message
    assert "in line 3: return np.linalg.inv(e)" in verdict.message
    assert "put in" in verdict.message and "linalg.py" not in verdict.message


def test_the_line_is_the_learners_also_when_the_library_complains():
    answer = from_cell("def answer(z, y):\n\n    return functional.one_hot(y, 1)\n", "answer")
    verdict = checks.cross_entropy_grad(answer)
    assert verdict.mistake == "raises" and "in line 3: return functional.one_hot(y, 1)" in verdict.message


class Own(Exception):
    def __str__(self):
        raise RuntimeError("no")


@pytest.mark.parametrize(
    "error", [SystemExit(3), RecursionError(), MemoryError(), Own(), GeneratorExit(), KeyError("k")]
)
def test_no_exception_escapes(error):
    def answer(z):
        raise error

    verdict = checks.softmax(answer)
    assert verdict.mistake == "raises" and type(error).__name__ in verdict.message


def test_the_stop_button_passes_through():
    def answer(z):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        checks.softmax(answer)


def test_deep_recursion_is_explained():
    def answer(z):
        return answer(z)

    assert "RecursionError" in checks.softmax(answer).message


# -------------------------------------------------------------------------------------------- endless answers
def spins(z):
    while True:
        pass


def sleeps(z):
    time.sleep(60)


def swallows(z):
    while True:
        try:
            np.exp(z)
        except:  # noqa: E722
            pass


def swallows_in_its_sleep(z):
    while True:
        try:
            try:
                time.sleep(60)
            except:  # noqa: E722
                print("again")
        except BaseException:
            continue


def swallows_at_the_end(z):
    while True:
        try:
            sum(range(1000))
        finally:
            continue  # noqa: B012


def prints_for_ever(z):
    while True:
        print("and on")


@pytest.mark.parametrize(
    "answer", [spins, sleeps, swallows, swallows_in_its_sleep, swallows_at_the_end, prints_for_ever]
)
def test_an_endless_answer_ends(answer, short_limit):
    handler, started = signal.getsignal(signal.SIGALRM), time.monotonic()
    verdict = checks.softmax(answer)
    assert verdict.mistake == "never-ends" and verdict.attempted
    assert time.monotonic() - started < 5
    first = answer.__code__.co_firstlineno
    assert f"in line {first + 1}: " in verdict.message  # the loop, or the sleep
    assert signal.getsignal(signal.SIGALRM) is handler
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


@pytest.mark.parametrize("answer", [spins, swallows, prints_for_ever])
def test_an_endless_answer_ends_outside_the_main_thread(answer, short_limit):
    verdicts = []
    thread = threading.Thread(target=lambda: verdicts.append(checks.softmax(answer)), daemon=True)
    thread.start()
    thread.join(15)
    assert verdicts and verdicts[0].mistake == "never-ends"


def test_right_answers_pass_outside_the_main_thread():
    verdicts = []
    thread = threading.Thread(target=lambda: verdicts.append(checks.softmax(functional.softmax)))
    thread.start()
    thread.join(15)
    assert verdicts[0].passed


def test_many_slow_calls_together_have_the_same_limit(short_limit):
    def slow(z):
        time.sleep(0.2)
        return functional.softmax(z)

    started = time.monotonic()
    assert checks.softmax(slow).mistake == "never-ends"
    assert time.monotonic() - started < 2


def test_someone_elses_alarm_still_rings():
    rung = []
    old = signal.signal(signal.SIGALRM, lambda *_: rung.append(1))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        assert checks.softmax(functional.softmax).passed
        time.sleep(0.4)
        assert rung == [1]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)


# ------------------------------------------------------------------------------------------- nothing stays on
def test_the_answers_settings_do_not_outlive_the_check():
    def meddling(z):
        np.set_printoptions(precision=1)
        np.seterr(all="raise")
        np.random.seed(7)  # noqa: NPY002
        random.seed(7)
        warnings.simplefilter("error")
        torch.manual_seed(7)
        torch.set_default_dtype(torch.float64)
        torch.set_grad_enabled(False)
        return functional.softmax(z)

    states = [
        np.get_printoptions,
        np.geterr,
        random.getstate,
        lambda: list(warnings.filters),
        lambda: np.random.get_state()[1].tolist(),  # noqa: NPY002
        lambda: torch.random.get_rng_state().tolist(),
        torch.get_default_dtype,
        torch.is_grad_enabled,
        torch.get_num_threads,
    ]
    before = [state() for state in states]
    assert checks.softmax(meddling).passed
    assert [state() for state in states] == before


def test_a_check_draws_no_random_numbers_from_the_notebook():
    np.random.seed(3)  # noqa: NPY002
    expected = np.random.random()  # noqa: NPY002
    np.random.seed(3)  # noqa: NPY002
    checks.softmax(lambda z: np.random.random(z.shape))  # noqa: NPY002
    assert np.random.random() == expected  # noqa: NPY002


def test_overflow_warnings_of_an_answer_stay_inside(capfd):
    def naive(z):
        e = np.exp(z)
        print("to the error stream", file=sys.stderr)
        return e / e.sum(axis=1, keepdims=True)

    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        checks.stable_softmax(naive)
    assert not seen and capfd.readouterr().err == ""


def test_an_answer_gets_copies():
    kept = []

    def answer(z):
        kept.append(z)
        z[:] = 0
        return functional.softmax(z)

    checks.softmax(answer)
    assert not np.shares_memory(kept[0], checks.softmax.probes[0][0])
    assert np.array_equal(checks.softmax.probes[0][0], [[2.0, 1.0, 0.1]])


def test_a_changed_input_is_shown_as_it_was_left():
    def in_place(z):
        z -= 1
        return functional.softmax(z)

    verdict = checks.softmax(in_place)
    assert verdict.mistake == "mutates-input"
    assert "afterwards logits = np.array([[1.0, 0.0, -0.9]])" in verdict.message


def test_notebooks_1_to_4_check_without_torch():
    code = """
import sys
import numpy as np
from softmax_lib import checks, functional as f
def linear(X, W, b, labels):
    g = f.cross_entropy_grad(X @ W + b, labels)
    return X.T @ g, g.sum(axis=0)
right = dict(softmax=f.softmax, one_hot=f.one_hot, cross_entropy_from_probs=f.cross_entropy_from_probs,
    stable_softmax=f.softmax, logsumexp=f.logsumexp, cross_entropy=f.cross_entropy,
    cross_entropy_grad=f.cross_entropy_grad, linear_grad=linear)
for name, answer in right.items():
    check = getattr(checks, name)
    assert check(answer).passed, name
    assert not check(lambda *args: 0.0).passed
    assert not check(lambda *args: 1 / 0).passed
checks.answer("1.1", 3)
assert "torch" not in sys.modules
assert checks.softmax(lambda z: __import__("torch").softmax(__import__("torch").tensor(z), 1)).passed
checks.torch_loss
assert "torch" in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_an_answer_that_imports_torch_itself_has_time_for_it():
    code = """
import sys
from softmax_lib import checks
from softmax_lib.checks import guard
guard.SECONDS = 0.5
def answer(logits):
    import torch
    return torch.softmax(torch.tensor(logits), 1)
assert checks.softmax(answer).passed, checks.softmax(answer)
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_unknown_names_are_answered_with_the_known_ones():
    with pytest.raises(AttributeError, match="stable_softmax"):
        checks.sotfmax  # noqa: B018
    assert "softmax" in dir(checks) and "answer" in dir(checks)
    assert "softmax(logits)" in repr(checks.softmax)


# ------------------------------------------------------------------------------------------- adding a mistake
def test_a_new_mistake_is_one_small_function():
    double = Exercise(
        "double",
        lambda x: 2 * x,
        ("x",),
        returns="twice the numbers",
        checked="two inputs.",
        probes=[(np.array([1.0, 3.0]),), (np.array([[2.0], [5.0]]),)],
    )

    @double.mistake("squared", "The numbers are squared.", hint="2 * 3 is 6, not 9.")
    def _(x):
        return x**2

    @double.mistake("shifted", "A number was added.", hint="Multiply.", by=(1, 2))
    def _(x, by):
        return x + by

    assert double(lambda x: x + x).passed
    assert double(lambda x: x * x).mistake == "squared"
    assert double(lambda x: [v + 2 for v in x] if x.ndim == 1 else x + 2).mistake == "shifted"
    assert double(lambda x: 3 * x).mistake is None
    verdict = double(lambda x: x * x)
    assert "The numbers are squared." in verdict.message and "2 * 3 is 6" in verdict.message


def test_an_answer_that_agrees_with_a_mistake_on_some_probes_only_is_not_named_after_it():
    def sometimes_wrong(z):
        return functional.softmax(z, axis=0) if z.shape == (3, 3) else functional.softmax(z)

    verdict = checks.softmax(sometimes_wrong)
    assert not verdict.passed and verdict.mistake is None
    assert verdict.put_in["logits"].shape == (3, 3)


def test_a_mistake_is_still_named_where_the_answer_also_raises_on_a_single_row():
    def for_many_rows(z):
        if len(z) == 1:
            raise ValueError("one row only")
        return functional.softmax(z, axis=0)

    assert checks.softmax(for_many_rows).mistake == "wrong-axis"


def test_one_value_in_common_with_a_mistake_is_too_little_to_name_it():
    def mostly_raising(z):
        if z.shape != (3, 3):
            raise ValueError("not three by three")
        return functional.softmax(z, axis=0)

    assert checks.softmax(mostly_raising).mistake == "raises"


def test_the_smallest_failing_input_is_shown():
    def wrong_from_three_rows_on(z):
        p = functional.softmax(z)
        return p if len(p) < 3 else p[::-1]

    shown = checks.softmax(wrong_from_three_rows_on).put_in["logits"]
    failing = [z for (z,) in checks.softmax.probes if len(z) >= 3]
    assert shown.size == min(z.size for z in failing)


def test_state_kept_between_calls_is_found_out():
    def every_second_time(z, calls=[]):  # noqa: B006
        calls.append(1)
        return functional.softmax(z) * (len(calls) % 2)

    assert not checks.softmax(every_second_time).passed


def test_a_check_leaves_the_callers_trace_and_streams_alone():
    tracer, out, err = sys.gettrace(), sys.stdout, sys.stderr
    with contextlib.suppress(KeyboardInterrupt):
        checks.softmax(lambda z: 1 / 0)
    assert sys.gettrace() is tracer and sys.stdout is out and sys.stderr is err


def test_an_endless_answer_names_its_outermost_loop_on_every_run(short_limit):
    answer = from_cell(
        """def answer(z):
    n = 0
    while n < 3:
        for row in z:
            np.exp(row)
""",
        "answer",
    )
    messages = {checks.softmax(answer).message for _ in range(3)}
    assert len(messages) == 1 and "in line 3: while n < 3:" in messages.pop()


def test_what_a_notebook_displays_counts_as_printed(monkeypatch):
    class Shell:
        display_pub = None

    class IPython:
        shell = Shell()
        get_ipython = staticmethod(lambda: IPython.shell)

    monkeypatch.setitem(sys.modules, "IPython", IPython)

    def answer(z):
        IPython.shell.display_pub.publish({"text/plain": repr(functional.softmax(z))})

    verdict = checks.softmax(answer)
    assert verdict.mistake == "printed-not-returned" and "0.659" in verdict.message
    assert IPython.shell.display_pub is None


def test_what_goes_wrong_outside_the_domain_is_a_note_and_nothing_more():
    def only_for_matrices(z):
        if z.ndim == 1:
            return print("one row") or None
        return functional.softmax(z)

    verdict = checks.softmax(only_for_matrices)
    assert verdict.passed and "Note: It does not take a single row" in verdict.message
    assert "put in" not in verdict.message and "one row" not in verdict.message
