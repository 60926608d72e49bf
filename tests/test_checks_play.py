"""Exercises that have a play: what is compared is what the play saw, and every verdict is the usual one."""

import subprocess
import sys

import pytest
import torch
from torch import nn

from softmax_lib.checks import values
from softmax_lib.checks.engine import Exercise
from softmax_lib.checks.match import Result, agreement


def play(step, x, weight):
    """Two steps on one weight; what they returned, and the weight afterwards."""
    parameter = nn.Parameter(weight.clone())
    losses = [step(x, parameter) for _ in range(2)]
    return torch.stack([torch.as_tensor(float(values.plain(loss)[0])) for loss in losses]), parameter


def good_step(x, weight):
    loss = (x * weight).sum()
    with torch.no_grad():
        weight -= 0.1 * x
    return loss.item()


@pytest.fixture
def exercise():
    numbers = torch.tensor([1.0, 2.0]).numpy(), torch.tensor([0.5, -1.5]).numpy()
    out = Exercise(
        "step",
        good_step,
        ("x", "weight"),
        returns="the loss",
        checked="two steps.",
        probes=[numbers, tuple(3 * n for n in numbers)],
        outputs=("losses", "weight afterwards"),
        torch=True,
        play=play,
        inputs=("x", "start"),
    )

    @out.mistake("no-step", "The weight stays as it is.", hint="Which line changes it?")
    def _(x, weight):
        return (x * weight).sum()

    return out


def test_the_right_answer_passes_and_a_mistake_in_what_the_play_saw_is_named(exercise):
    assert exercise(good_step).passed
    verdict = exercise(lambda x, weight: float(x @ weight))
    assert verdict.mistake == "no-step"
    assert "start = torch.tensor([0.5, -1.5])" in verdict.message and "weight afterwards" in verdict.message
    assert list(verdict.put_in) == ["x", "start"]


def test_arguments_may_be_asked_for_by_name(exercise):
    def by_name(*, weight, x):
        return good_step(x, weight)

    assert exercise(by_name).passed


def test_stubs_and_nothing_and_prints_are_told_from_a_wrong_result(exercise):
    assert not exercise(lambda x, weight: ...).attempted
    assert exercise(lambda x, weight: None).mistake == "nothing-returned"
    assert exercise(lambda x, weight: print(good_step(x, weight))).mistake == "printed-not-returned"
    assert exercise(lambda x, weight: "0.5").mistake == "wrong-type"


def test_an_error_in_the_answer_shows_the_learners_line(exercise):
    def fails(x, weight):
        return x @ weight[None]

    verdict = exercise(fails)
    assert verdict.mistake == "raises" and "return x @ weight[None]" in verdict.message


def test_a_model_in_the_place_of_the_function_is_refused(exercise):
    assert exercise(nn.Linear(2, 1)).mistake == "not-a-function"


def test_a_module_without_a_forward_is_no_stub(exercise):
    verdict = exercise(lambda x, weight: nn.Module()(x))
    assert verdict.attempted and verdict.mistake == "raises" and "forward" in verdict.message


def test_a_right_answer_that_fails_is_the_checks_own_fault_and_loud(exercise):
    exercise.right = lambda x, weight: x @ weight[None]
    for _ in range(2):  # and is not remembered as a result
        with pytest.raises(RuntimeError, match="the right answer of step fails"):
            exercise(good_step)


def test_the_first_optimizer_of_a_process_is_not_on_the_answers_time():
    program = """
import sys
from softmax_lib.checks import guard, train_step
from torch.nn.functional import cross_entropy
guard.SECONDS = 0.9
def step(model, x, labels, optimizer):
    loss = cross_entropy(model(x), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss
assert "torch._dynamo" not in sys.modules
verdict = train_step(step)
sys.exit(0 if verdict.passed else str(verdict))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_what_was_put_in_can_be_told_in_words(exercise):
    exercise.show = lambda x, start: {"x": f"{len(x)} numbers"}
    assert "put in    x = 2 numbers" in exercise(lambda x, weight: x.sum()).message


def test_of_several_outputs_only_those_are_shown_that_differ(exercise):
    verdict = exercise(lambda x, weight: float(x @ weight))  # the first loss is right, the second is not
    assert "losses = " in verdict.message and "weight afterwards = " in verdict.message
    verdict = exercise(lambda x, weight: good_step(x, weight) + 1)
    assert "losses = " in verdict.message and "weight afterwards" not in verdict.message


def test_an_exercise_has_its_own_hint_for_what_has_no_name(exercise):
    def unknown(x, weight):
        return good_step(x, weight) + 1

    assert "Hint: Work this input out by hand" in exercise(unknown).message
    exercise.hint = "Look at the two losses."
    verdict = exercise(unknown)
    assert verdict.mistake is None and "Hint: Look at the two losses." in verdict.message
    assert "by hand" not in verdict.message


def test_an_output_can_be_told_in_words_or_left_out(exercise):
    def nothing_changes(x, weight):
        return (x * weight).sum() + 1

    words = {"losses": "", "weight afterwards": None}
    exercise.words = lambda name, value: words[name]
    verdict = exercise(nothing_changes)
    assert "losses" not in verdict.message and "weight afterwards = [ 0.5 -1.5]" in verdict.message
    words["weight afterwards"] = "two numbers"
    assert "came out  weight afterwards = two numbers" in exercise(nothing_changes).message
    words["weight afterwards"] = ""  # with nothing left to tell, all of it is told
    assert not exercise(nothing_changes).passed


def test_a_remark_is_shown_without_a_type_and_names_its_own_mistake(exercise):
    def looks(step, x, weight):
        losses, after = play(step, x, weight)
        if after.dtype != torch.float32:
            raise values.Remark(f"afterwards the weight is {after.dtype}", "no-step")
        if (after > 0).all():
            raise values.Remark("afterwards no weight is negative")
        return losses, after

    exercise.play = looks
    verdict = exercise(lambda x, weight: weight.data.abs_().sum())
    assert verdict.mistake is None and "came out  afterwards no weight is negative" in verdict.message
    verdict = exercise(lambda x, weight: setattr(weight, "data", weight.data.double()) or 1.0)
    assert verdict.mistake == "no-step" and "Remark" not in verdict.message


def test_two_remarks_agree_only_in_the_same_words():
    one, other = (Result(error=values.Remark(text)) for text in ("in eval mode", "in train mode"))
    assert agreement(one, one) == 2 and agreement(one, other) == 0
    assert agreement(one, Result(error=ValueError("in eval mode"))) == 0


def test_a_mistake_may_ask_for_two_names_in_the_answers_code(exercise):
    @exercise.mistake("reversed", "The step goes up.", hint="Minus.", mentions=("detach+neg",))
    def _(x, weight):
        return good_step(-x, weight)

    def up(x, weight):
        return good_step(x.detach().neg(), weight)

    assert exercise(up).mistake == "reversed"
    assert exercise(lambda x, weight: good_step(x.neg(), weight)).mistake is None
