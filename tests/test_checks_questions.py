"""The self-marking questions: each right answer passes, each known wrong one says what it reveals."""

import math
import subprocess
import sys

import numpy as np
import pytest
import torch

from softmax_lib import checks
from softmax_lib.checks import bank, questions
from softmax_lib.checks.questions import BANK

NUMERIC = [q for q in BANK.values() if q.kind != "word"]


def right_answer(question):
    return questions._unhide(question.number, question.hidden[0])


def number_of(question):
    return question.number


@pytest.mark.parametrize("question", NUMERIC, ids=number_of)
def test_the_right_answer_passes_in_any_numeric_type(question):
    value = right_answer(question)
    for form in (value, np.array(value), torch.tensor(value, dtype=torch.float64)):
        verdict = checks.answer(question.number, form)
        assert verdict.passed and verdict.attempted and verdict.mistake is None, verdict


@pytest.mark.parametrize("question", NUMERIC, ids=number_of)
def test_an_answer_just_outside_the_tolerance_does_not_pass(question):
    value = np.array(right_answer(question), float)
    beyond = question.tolerance * 1.02 + 1e-6
    assert not checks.answer(question.number, value + beyond).passed
    assert not checks.answer(question.number, value - beyond).passed
    if question.tolerance:
        assert checks.answer(question.number, value + question.tolerance * 0.98).passed


@pytest.mark.parametrize("question", BANK.values(), ids=number_of)
def test_each_known_wrong_answer_fails_and_says_what_it_reveals(question):
    assert question.wrong
    for value, told in question.wrong.items():
        verdict = checks.answer(question.number, value)
        assert not verdict.passed and verdict.attempted, (question.number, value)
        text = told[0] if isinstance(told, tuple) else told
        assert text in verdict.message, (question.number, value, verdict)


@pytest.mark.parametrize("question", BANK.values(), ids=number_of)
def test_a_question_left_open_is_not_attempted(question):
    for verdict in (checks.answer(question.number, ...), checks.answer(question.number)):
        assert not verdict.attempted and not verdict.passed
        assert verdict.message == f"question {question.number}: not attempted yet"


def test_a_question_that_does_not_exist_is_answered_with_those_that_do():
    verdict = checks.answer("1.99", 3)
    assert not verdict.passed and not verdict.attempted
    assert "1.1, 1.2" in verdict.message and "2.1" not in verdict.message
    assert "1.1" in checks.answer("eleven", 3).message
    assert checks.answer(1.1, ...).message == checks.answer("1.1", ...).message


@pytest.mark.parametrize(
    ("value", "word"),
    [
        ("7850", "without quotes: 7850"),
        ("seven", "text"),
        (None, "None"),
        (True, "True"),
        ([784, 10], "2 numbers"),
        ({7850}, "set"),
        (7850 + 1j, "complex"),
        (print, "function"),
    ],
)
def test_an_answer_of_another_type_is_told_what_is_asked_for(value, word):
    verdict = checks.answer("1.1", value)
    assert not verdict.passed and verdict.attempted and word in verdict.message


def test_another_wrong_number_is_just_wrong():
    verdict = checks.answer("1.1", 12345)
    assert not verdict.passed and "That is not it." in verdict.message


@pytest.fixture
def own_bank(monkeypatch):
    own = {}
    monkeypatch.setattr(questions, "BANK", own)
    monkeypatch.setattr(bank, "BANK", own)


def test_a_word_is_compared_without_case_blanks_and_brackets(own_bank):
    hidden = questions._hash("9.1", "log-sum-exp")
    bank.word("9.1", hidden, also=(questions._hash("9.1", "lse"),), wrong={"softmax": "Not that."})
    for value in ("log-sum-exp", " Log-Sum-Exp. ", "(LSE)", np.str_("lse")):
        assert questions.answer("9.1", value).passed
    assert "Not that." in questions.answer("9.1", "SOFTMAX").message
    assert "in quotes" in questions.answer("9.1", 3).message
    assert hidden != questions._hash("9.2", "log-sum-exp")  # the salt


def test_true_and_false_are_words_too(own_bank):
    bank.word("9.1", questions._hash("9.1", "true"), wrong={"false": "It is."})
    assert questions.answer("9.1", True).passed and questions.answer("9.1", np.True_).passed
    assert questions.answer("9.1", "True").passed
    assert "It is." in questions.answer("9.1", False).message


def test_several_numbers_are_compared_one_by_one(own_bank):
    bank.numbers("9.1", questions._hide("9.1", (2, 10)), tolerance=0, wrong={(10, 2): "Turned round."})
    for value in ((2, 10), [2.0, 10.0], np.array([2, 10]), torch.Size([2, 10])):
        assert questions.answer("9.1", value).passed
    assert "Turned round." in questions.answer("9.1", [10, 2]).message
    assert not questions.answer("9.1", (2, 10, 1)).passed
    assert not questions.answer("9.1", 2).passed


def test_whole_wrong_numbers_are_met_exactly_and_others_within_a_margin(own_bank):
    wrong = {3: "three", 0.5: "a half", 0.7: ("seven tenths", 0.05), math.nan: "no number"}
    bank.number("9.1", questions._hide("9.1", 1.0), tolerance=0.01, wrong=wrong)
    assert questions.answer("9.1", 1.009).passed
    assert (
        "three" in questions.answer("9.1", 3.0).message
        and "three" not in questions.answer("9.1", 3.001).message
    )
    assert "a half" in questions.answer("9.1", 0.504).message
    assert "seven tenths" in questions.answer("9.1", 0.74).message
    assert "no number" in questions.answer("9.1", np.float32("nan")).message


def test_hidden_numbers_come_back_as_they_were():
    for value in (7850, 0.1, -2.5e-8, (2, 10), (0.2, -0.7, 0.5), math.pi):
        assert questions._unhide("3.2", questions._hide("3.2", value)) == value


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        ("0.5514", 'number("3.2", '),
        ("(2, 10)", 'numbers("3.2", '),
        ("log-sum-exp", 'word("3.2", '),
        ("True", "word"),
    ],
)
def test_the_module_prints_the_line_of_a_new_question(typed, line):
    done = subprocess.run(
        [sys.executable, "-m", "softmax_lib.checks.questions", "3.2", typed],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.startswith(line) and typed not in done.stdout
