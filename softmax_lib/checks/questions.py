"""The self-marking questions: `checks.answer("1.3", 2)`, and the bank of their answers.

How to add a question. Ask for its line

    python -m softmax_lib.checks.questions 3.2 0.5514          # a number
    python -m softmax_lib.checks.questions 3.2 "(2, 10)"       # several numbers: a shape, a row
    python -m softmax_lib.checks.questions 3.2 "log-sum-exp"   # a word, a letter of a choice, True or False

and put it at its place in `bank/notebook3.py`, with the wrong answers that you expect and what each reveals:

    number("3.2", "2f9a41…", tolerance=0.002, wrong={
        1.0986: "That is ln 3, the loss of guessing.",
        0.3567: ("...", 0.01),                                 # a tolerance of its own
    })

The right answer stands here hidden, so that neither a notebook nor a glance at this file gives it away. A
word is a hash, salted with the question's number. A number can't be a hash, since 0.55 and 0.5514 may both be
right: it is its own text with a mask over it (XOR with the hash of the question's number), which `_unhide`
takes off again. That is a curtain and no lock. Right is what lies within `tolerance` (absolute; 0 for whole
numbers). Wrong answers stand in plain sight. Of these, whole numbers are met exactly, others within 0.005;
the right answer goes first. A wrong answer to a question for one number may be a tuple, for whoever answers
with several. `numbers(...)` takes tuples in the same way, `word(...)` takes words; upper and lower case and
blanks don't matter, and `also` lists further right words, each hidden like the first.
"""

import ast
import hashlib
import math
import sys

import numpy as np

from softmax_lib.checks import bank, values
from softmax_lib.checks.bank import Question
from softmax_lib.checks.judge import not_attempted
from softmax_lib.checks.verdict import Report, Verdict

BANK = bank.load()


def answer(question: str, value: object = ...) -> Verdict:
    """Return the verdict on an answer, such as answer("1.3", 2); `...` means: not attempted yet."""
    question = str(question)
    title = f"question {question}"
    if question not in BANK:
        return _unknown(question)
    if values.is_stub(value):
        return not_attempted(title)
    asked, report = BANK[question], Report(title, "not right yet")
    report.data("answer", _shown(value))
    try:
        given = _word(value) if asked.kind == "word" else _numbers(value, single=asked.kind == "number")
    except values.OddValueError as odd:
        report.say("", _named_wrong(asked, value) or f"That is {odd}.")
        return report.verdict(mistake=None)
    if _is_right(asked, given):
        report.state = "right"
        return report.verdict(passed=True)
    report.say("", _named_wrong(asked, given) or "That is not it.")
    if asked.hint:
        report.say("Hint", asked.hint)
    return report.verdict()


def _unknown(question: str) -> Verdict:
    notebook = question.split(".")[0]
    near = [q for q in BANK if q.split(".")[0] == notebook] or list(BANK)
    report = Report("questions", f"there is no question {question!r}")
    report.say("There are", ", ".join(near))
    return report.verdict(attempted=False)


def _shown(value: object) -> str:
    try:
        return repr(value)[:200]
    except Exception:
        return f"an object of type {type(value).__name__}"


# -------------------------------------------------------------------------------------------- reading answers
def _numbers(value: object, single: bool) -> tuple[float, ...]:
    """Return the numbers in an answer; raise OddValueError, in words, where there are none."""
    if isinstance(value, str):
        try:
            float(value)
        except ValueError:
            raise values.OddValueError("text, and a number is asked for") from None
        raise values.OddValueError(f"text. Give the number itself, without quotes: {value.strip()}")
    if value is None:
        raise values.OddValueError("None: nothing was handed over")
    if isinstance(value, bool | np.bool_):
        raise values.OddValueError(f"{value}, and a number is asked for")
    (array,) = values.plain(value)
    if array.dtype.kind == "c":
        raise values.OddValueError("a complex number")
    if single and array.size != 1:
        raise values.OddValueError(f"{array.size} numbers, and one number is asked for")
    return tuple(float(x) for x in array.ravel())


def _word(value: object) -> str:
    """Return a word as it is compared: small letters, single blanks, no brackets or full stops round it."""
    if isinstance(value, np.str_ | str):
        return " ".join(value.casefold().split()).strip("()[].,;:!?'\"` ")
    if isinstance(value, bool | np.bool_):
        return str(bool(value)).casefold()
    raise values.OddValueError(f"{values.kind(value)}, and a word is asked for: put it in quotes")


def _is_right(asked: Question, given: object) -> bool:
    if asked.kind == "word":
        return _hash(asked.number, given) in asked.hidden
    return any(_near(given, _tuple(_unhide(asked.number, h)), asked.tolerance) for h in asked.hidden)


def _named_wrong(asked: Question, given: object) -> str | None:
    """Return what a known wrong answer reveals."""
    if asked.kind != "word":
        try:
            given = _numbers(given, single=False)
        except values.OddValueError:
            return None
    for key, told in asked.wrong.items():
        text, tolerance = told if isinstance(told, tuple) else (told, None)
        if asked.kind == "word":
            if _word(key) == given:
                return text
        elif _near(given, _tuple(key), _wrong_tolerance(key) if tolerance is None else tolerance):
            return text
    return None


def _wrong_tolerance(key: object) -> float:
    return 0.0 if all(isinstance(k, int) for k in (key if isinstance(key, tuple) else (key,))) else 0.005


def _tuple(value: object) -> tuple[float, ...]:
    return tuple(float(v) for v in value) if isinstance(value, tuple) else (float(value),)


def _near(a: tuple[float, ...], b: tuple[float, ...], tolerance: float) -> bool:
    def one(x, y):
        return x == y or (math.isnan(x) and math.isnan(y)) or abs(x - y) <= tolerance + 1e-9

    return len(a) == len(b) and all(one(x, y) for x, y in zip(a, b, strict=True))


# ----------------------------------------------------------------------------------------------------- hiding
def _mask(question: str) -> bytes:
    return hashlib.sha256(f"softmax question {question}".encode()).digest()


def _hide(question: str, value: object) -> str:
    """Return a number, or a tuple of them, as it stands in the bank."""
    text = repr(value).encode()
    mask = _mask(question) * (len(text) // 32 + 1)
    return bytes(t ^ m for t, m in zip(text, mask, strict=False)).hex()


def _unhide(question: str, hidden: str) -> object:
    text = bytes.fromhex(hidden)
    mask = _mask(question) * (len(text) // 32 + 1)
    return ast.literal_eval(bytes(t ^ m for t, m in zip(text, mask, strict=False)).decode())


def _hash(question: str, word: str) -> str:
    return hashlib.sha256(f"softmax question {question}: {_word(word)}".encode()).hexdigest()[:16]


def main(arguments: list[str]) -> int:
    """Print the hidden form of a right answer: python -m softmax_lib.checks.questions NUMBER ANSWER."""
    if len(arguments) != 2:
        print(main.__doc__)
        return 2
    question, text = arguments
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        value = text
    if isinstance(value, bool | str):
        print(f'word("{question}", "{_hash(question, _word(value))}", wrong={{}})')
    else:
        kind = "numbers" if isinstance(value, tuple) else "number"
        print(f'{kind}("{question}", "{_hide(question, value)}", tolerance=0, wrong={{}})')
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
