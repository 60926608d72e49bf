"""The self-marking questions: `checks.answer("1.3", 2)`, and the bank of their answers.

How to add a question. Ask for its line

    python -m softmax_lib.checks.questions 3.2 0.5514          # a number
    python -m softmax_lib.checks.questions 3.2 "(2, 10)"       # several numbers: a shape, a row
    python -m softmax_lib.checks.questions 3.2 "log-sum-exp"   # a word, a letter of a choice, True or False

and put it at its place in the bank below, with the wrong answers that you expect and what each reveals:

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
from dataclasses import dataclass, field

import numpy as np

from softmax_lib.checks import values
from softmax_lib.checks.judge import not_attempted
from softmax_lib.checks.verdict import Report, Verdict


@dataclass
class Question:
    """One question's right answer, hidden, and its known wrong ones."""

    number: str
    kind: str  # "number", "numbers" or "word"
    hidden: tuple[str, ...]
    tolerance: float = 0.0
    wrong: dict = field(default_factory=dict)
    hint: str = ""


BANK: dict[str, Question] = {}


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


# --------------------------------------------------------------------------------------------------- the bank
def number(question: str, hidden: str, *, tolerance: float, wrong: dict, hint: str = "") -> None:
    """Add a question whose answer is one number."""
    BANK[question] = Question(question, "number", (hidden,), tolerance, wrong, hint)


def numbers(question: str, hidden: str, *, tolerance: float, wrong: dict, hint: str = "") -> None:
    """Add a question whose answer is several numbers: a shape, a row of probabilities."""
    BANK[question] = Question(question, "numbers", (hidden,), tolerance, wrong, hint)


def word(question: str, hidden: str, *, wrong: dict, also: tuple[str, ...] = (), hint: str = "") -> None:
    """Add a question whose answer is a word, a letter, or True or False."""
    BANK[question] = Question(question, "word", (hidden, *also), 0.0, wrong, hint)


# Notebook 1
number(
    "1.1",
    "37f496f0",
    tolerance=0,
    wrong={
        7840: "That is W alone: the ten biases are missing.",
        7841: "One bias for all classes; each class has its own.",
        794: "784 and 10 were added; W has a number for each pair of a feature and a class.",
        7844: "Biases belong to classes, not to features: there are 10 of them.",
        8624: "Biases belong to classes, not to features: there are 10 of them.",
        30: "That is the example with two features.",
        20: "That is W of the example with two features.",
        784: "Those are one class's weights only.",
        785: "That is one class only, with its bias.",
    },
)
number(
    "1.2",
    "6c95f26d62e850f9ba8d35",
    tolerance=0.02,
    wrong={
        2: (
            "That is the ratio of the scores; softmax makes a difference of scores into a ratio of"
            " probabilities."
        ),
        1: "That is the difference of the scores; exp makes it a ratio.",
        0.3679: "The other way round: that is the second class to the first.",
        0.417: "That is a difference of probabilities; their ratio is asked for.",
        0.4621: "That is the difference of the probabilities; their ratio is asked for.",
        0.659: "That is a probability, not a ratio.",
        0.731: "That is the first class's probability, not a ratio.",
        10: "That would be base 10; softmax uses e.",
        7.389: ("That is e to the 2.0 alone; divide it by e to the 1.0.", 0.01),
    },
)
number(
    "1.3",
    "d6",
    tolerance=0,
    wrong={
        0: "-3 is the largest in size, but the smallest number; argmax looks for the largest.",
        2: "Classes count from 0.",
        -1: "That is the largest score; asked is its position (argmax, not max).",
        0.6652: "That is its probability; asked is the class.",
        (0, 1, 0): "That is the right class as a one-hot row; give its number.",
    },
)
number(
    "1.4",
    "1e8d4405fc",
    tolerance=0.002,
    wrong={
        math.nan: (
            "That is what np.exp makes of it: it overflows. In mathematics nothing does: subtract 1000"
            " from all."
        ),
        math.inf: (
            "That is what np.exp makes of it: it overflows. In mathematics nothing does: subtract 1000"
            " from all."
        ),
        1: "Large scores do not make it sure. Only differences count, and these are the same.",
        0.333: (
            "The scores are close for their size, but softmax looks at differences, not at ratios.",
            0.002,
        ),
        0.242: "That is the second class.",
        0.099: "That is the third class.",
    },
)
number(
    "1.5",
    "0d57eebe",
    tolerance=0.005,
    wrong={
        1: "That is T towards 0: cold is sure.",
        0: "Four probabilities still sum to 1, so they cannot all vanish.",
        0.333: "That is for three classes.",
        0.1: "That is for ten classes.",
        0.5: "That is for two classes.",
    },
)
number(
    "1.6",
    "71",
    tolerance=0.01,
    wrong={
        3: "That would need the other logit to be 0: subtract 1.0 from both first.",
        -2: "The sign: sigmoid(-2) is the second class's probability.",
        4: "The logits were added; take their difference.",
        0.8808: "That is sigmoid(z), the probability; asked is z.",
        1.5: "That is a ratio of scores; only their difference counts.",
        0.75: "That is a ratio of scores; only their difference counts.",
        1: "That is the second logit.",
    },
)

# Notebook 2
number(
    "2.1",
    "987a4bf507808fa8",
    tolerance=0.01,
    wrong={
        -1.3863: "The minus is missing: the logarithm of a number below 1 is negative, a price is not.",
        2: "That is base 2, in bits. Nats need the natural logarithm, np.log.",
        0.602: "That is base 10. Nats need the natural logarithm, np.log.",
        -0.602: "That is base 10, and the minus is missing.",
        0.2877: "That is the price of 0.75, the probability that went to the other classes.",
        0.75: "That is 1 - p; the price is -ln p.",
        0.25: "That is p itself; the price is -ln p.",
        4: "That is 1 / p; its logarithm is the price.",
    },
)
number(
    "2.2",
    "441c97cfa1ccf30d",
    tolerance=0.01,
    wrong={
        2.3026: "That is the price if class 0 were the truth; here it is class 2.",
        1.204: "That is class 1, if the classes were counted from 1; they count from 0.",
        -0.5108: "The minus is missing: a loss is never negative.",
        0.737: "That is base 2, in bits; take np.log.",
        0.2218: "That is base 10; take np.log.",
        4.0174: "All three terms were added; y makes two of them 0.",
        1.3391: "All three terms went in, as a mean; y makes two of them 0, and the sum is not divided.",
        0.1703: "That is divided by the number of classes. The sum over the classes is no mean.",
        0.6: "That is the probability; its price is asked for.",
        0.4: "That is 1 - p; the price is -ln p.",
        0.9163: "That is the price of 0.4, which the wrong classes got together.",
    },
)
number(
    "2.3",
    "1baf0e34f37fb7",
    tolerance=0.01,
    wrong={
        2.3026: "That is for ten classes.",
        1.0986: "That is for three classes.",
        2: "That is base 10; take np.log.",
        6.6439: "That is base 2, in bits; take np.log.",
        -4.6052: "That is ln(1/100); the price has a minus in front.",
        0.01: "That is the probability; its price is asked for.",
        0.99: "That is 1 - p; the price is -ln p.",
        100: "That is the number of classes; the price of a guess is its logarithm.",
        0: "Only a classifier that is sure and right pays nothing.",
    },
)
number(
    "2.4",
    "5cd716ad5c",
    tolerance=0.003,
    wrong={
        0.9: "That is the pull of cross-entropy.",
        -0.162: "That is the slope; the pull is its size, without the minus.",
        0.081: "The factor 2 is missing.",
        0.81: "That is the squared error itself, (1 - p) squared; its pull is asked for.",
        0.18: "One factor 1 - p too few: that is 2p(1 - p).",
        0.018: "That is 2p²(1 - p): the truth has p = 0.1, so p comes once and 1 - p twice.",
        1.8: "That is 2(1 - p), the slope over p. The slope over the score has p(1 - p) as a further factor.",
        0.09: "That is p(1 - p), the derivative of the sigmoid alone.",
    },
)
number(
    "2.5",
    "0f3d7a53a0bac36a",
    tolerance=0.01,
    wrong={
        0: "Only for a one-hot target. No prediction can give both classes probability 1.",
        1: "That is in bits (base 2), or the sum of the targets. In nats it is less.",
        1.3863: "That is the sum of both prices; each is weighed with its target, 0.5.",
        0.3466: "That is one of the two terms.",
        0.5: "That is the probability; the loss takes logarithms.",
        -0.6931: "The minus is missing: a loss is never negative.",
    },
)
# Notebook 3
number(
    "3.1",
    "3ad0477b03e5c34a",
    tolerance=0.06,
    wrong={
        10: "That is base 10; np.log is the natural logarithm.",
        33.219: ("That is base 2; np.log is the natural logarithm.", 0.06),
        -23.026: ("The minus is missing: the loss is -ln(0 + epsilon).", 0.06),
        16.118: ("That is the ceiling of 1e-7.", 0.06),
        27.631: ("That is the ceiling of 1e-12.", 0.06),
        20.723: ("That is the ceiling of 1e-9.", 0.06),
        math.inf: "That is the loss without the epsilon. With it, the logarithm is never taken of 0.",
        0: "That is nearly the lowest loss, at p = 1. The highest is at p = 0.",
    },
)
number(
    "3.2",
    "c60f85d6627adae80c49",
    tolerance=0.01,
    wrong={
        2.417: ("Softmax does not change by a shift; lse moves along with it.", 0.01),
        1002: "That is the largest score. lse lies a little above it.",
        1000: "That is the shift. lse moves by it; where does it start?",
        -997.583: ("The shift goes upwards: 1000 is added to all scores.", 0.01),
        2417: "lse(z + c) = lse(z) + c: it is added, not multiplied.",
        math.inf: (
            "That is what np.exp makes of it. Take the largest score out first, or use the rule for shifts."
        ),
        0.417: ("That is the loss of class 0.", 0.01),
    },
)
number(
    "3.3",
    "880a57c5388bd4d4ab",
    tolerance=0.01,
    wrong={
        50: "That is the lower limit, when one score is far ahead.",
        2.3026: "That is ln 10, by how much lse can lie above the largest score.",
        51.0986: "That is for three classes.",
        51: "Not a whole step: the upper limit is max + ln C.",
        60: "The number of classes goes in as its logarithm: max + ln C.",
        500: "Equal scores are not added up: lse of ten times 50 is ln(10 e^50).",
        53.3219: "That is base 2; np.log is the natural logarithm.",
        math.inf: "lse is at most max + ln C.",
    },
)
number(
    "3.4",
    "f8285d4b841454ffc88b",
    tolerance=0.06,
    wrong={
        300: (
            "That is how far it lies behind the best. lse is a little more than the maximum: two scores"
            " share it."
        ),
        301.0986: "Not three scores count but two: e^-300 is nothing beside 1.",
        0.6931: ("That is lse - max, the loss if class 1 were the truth.", 0.06),
        1.0986: ("That is the cost of a guess. How far does class 0 lie behind?", 0.06),
        -300.6931: ("A loss is never negative: it is lse minus the score, not the other way round.", 0.06),
        -300: "A loss is never negative: it is lse minus the score, not the other way round.",
        600: "The scores are not added up. lse is nearly the largest of them.",
        600.6931: ("The scores are not added up. lse is nearly the largest of them.", 0.06),
        16.1181: ("That is the ceiling of an epsilon, 1e-7.", 0.06),
        math.inf: "The naive way says so in float32. Use lse minus the score.",
        0: "Class 0 is the truth, and its score is far below the others.",
    },
)
number(
    "3.5",
    "bfe1b597d0c28adb",
    tolerance=0.01,
    wrong={
        0: "(1, 0) taken as logits gives no probability of 1: the scores are only 1 apart.",
        0.5514: "That is for three classes.",
        1.4612: "That is for ten classes.",
        1.3133: "That is lse of (1, 0). The score of the true class, 1, still goes off.",
        0.6931: "That is the cost of a guess. The best prediction, (1, 0), gets lower.",
        0.731: "That is the probability of the true class, sigmoid(1); its price is asked for.",
        1: "Put (1, 0) into lse minus the score of the true class.",
        -0.3133: "A loss is never negative.",
    },
)
# Notebook 4
numbers(
    "4.1",
    "a60e72a84569c0beb4ec873ed5f9ee8c",
    tolerance=0.005,
    wrong={
        (0.9, -0.6, -0.3): "That is y - p, the push downhill. The gradient is p - y.",
        (0.1, 0.6, 0.3): "That is p alone; the one-hot row is to be subtracted.",
        (1.1, 0.6, 0.3): "The one-hot row was added; subtract it.",
        (-0.9, 0, 0): "The true class is right, but the other scores have slopes too: their p.",
        (0.9, 0, 0): "The other scores have slopes too: their p. And the true class's is negative.",
        (0.1, -0.4, 0.3): "That is right if class 1 were the truth; it is class 0.",
        (0.1, 0.6, -0.7): "That is right if class 2 were the truth; it is class 0.",
        (0.09, 0.24, 0.21): "That is p (1 - p), how a probability changes with its own score.",
        (-10, 0, 0): "That is the slope in the probabilities, -1/p; asked is the slope in the scores.",
        (-0.3, 0.2, 0.1): "There is one row, so N is 1; you divided by the number of classes.",
        (-1, 0, 0): "That is -y; p is missing.",
        -0.9: "That is the entry of the true class; there are three.",
    },
)
number(
    "4.2",
    "dd5d0e8b077b",
    tolerance=0.01,
    wrong={
        0.0513: ("That is the price of 0.95; the true class has p = 1 - 0.95.", 0.0005),
        0.05: ("That is p of the true class; its price is asked for.", 0.0005),
        -2.9957: "The minus is missing: a loss is never negative.",
        0.95: "That is the size of the push. The loss is -ln p, with p - 1 = -0.95.",
        -0.95: "That is the slope. The loss is -ln p, with p - 1 = -0.95.",
        0.6678: "That comes from p = 1.95, and a probability is at most 1. The entry is p - 1.",
        4.3219: "That is base 2, in bits; take np.log.",
        1.301: "That is base 10; take np.log.",
        20: "That is 1 / p; its logarithm is the price.",
    },
)
number(
    "4.3",
    "c2448b91",
    tolerance=0.001,
    wrong={
        -0.25: "Divided by N once more; the 1/N is in dlogits already.",
        0.5: "The sign: nothing flips here, just multiply and add.",
        0.7: "The minus of -0.2 was lost.",
        -0.1: "That is db[0], the sum of the slopes; each must first be multiplied with its feature.",
        -0.05: ("That is the mean of the slopes; multiply each with its feature, then add.", 0.001),
        -0.6: "That is the second drawing alone; add the first.",
        0.1: "That is the first drawing alone, or the slopes of the two drawings were exchanged.",
        -0.4: "Sum times sum. Multiply within each drawing first, then add.",
        -0.2: "Mean times sum. Multiply within each drawing first, then add.",
        (0.1, -0.6): "Those are the two ways; add them.",
    },
)
number(
    "4.4",
    "f0ffe69e",
    tolerance=0.001,
    wrong={
        0: "That is so with 50 of the 500 points: then the share of the class equals p. Here it is 100.",
        0.1: "The sign: there are more points of class 3 than p claims, and a gradient is p - y.",
        -50: "The sum is right, but the 1/N is missing.",
        50: "The sign, and the 1/N is missing.",
        -0.2: "That is -y alone; every row has p = 0.1 in this column too.",
        -0.18: "Those are the rows of class 3 alone; the other 400 have p = 0.1 in this column.",
        0.08: "Those are the other rows alone; in the 100 of class 3 stands p - 1.",
        -0.9: "That is p - y of one row of class 3; add up all the rows and divide by N.",
        -90: "Those are the rows of class 3 alone, without the 1/N.",
        40: "Those are the other rows alone, without the 1/N.",
        -0.01: ("Divided by the number of classes as well; the mean is over the rows only.", 0.0005),
        -0.5: "Divided by the 100 rows of class 3; the mean is over all 500.",
    },
)
number(
    "4.5",
    "15b911",
    tolerance=0.001,
    wrong={
        0: "That is the gradient of b. Where does b end if it never moves?",
        0.05: ("It is not shared out among the classes: the one number serves all ten.", 0.0005),
        -0.5: "It does not change its sign. What is the sum of all entries of dlogits?",
        -59.5: "You took 1 for the gradient. What is the sum of all entries of dlogits?",
        math.nan: "Nothing overflows here. What is the sum of all entries of dlogits?",
    },
)
number(
    "4.6",
    "1a41963aa42f",
    tolerance=0.00001,
    wrong={
        150: "Their gradient is 500 times as large, so their learning rate must be smaller, not larger.",
        0.3: "Their gradient is 500 times as large: the same lr makes a step 500 times as long.",
        500: "That is N. By what must 0.3 be divided?",
        0.002: ("That is 1/500; the learning rate to match is 0.3.", 0.00001),
        0.006: ("That is 0.3 / 50, the points of one class; the mean is over all 500.", 0.00001),
        0.03: ("That is 0.3 / 10, the number of classes; the mean is over the 500 points.", 0.00001),
        0.00006: ("Divided by the classes as well; the mean is over the 500 points only.", 0.000001),
        0.0003: ("That is for 1000 points; there are 500.", 0.00001),
    },
)
# Notebook 5
number(
    "5.1",
    "1a7920",
    tolerance=0.001,
    wrong={
        -1.4: "nll_loss turns the sign: a loss is not negative.",
        0.4: "That is the entry of label 0. Labels count from 0.",
        2.3: "That is the entry of label 2. Labels count from 0.",
        0.3365: "That is ln 1.4: nll_loss takes no logarithm.",
        1.417: "That is cross_entropy of the row; nll_loss alone does not take the log_softmax.",
        -0.3365: "That is -ln 1.4: nll_loss takes no logarithm itself.",
        1.3667: "That is the mean of all three. The label picks one.",
    },
)
number(
    "5.2",
    "589b4d",
    tolerance=0.0005,
    wrong={
        0.35: ("That is the mean of the two means. The large batch has twice as many rows.", 0.0005),
        0.7: ("That is the sum of the two means.", 0.0005),
        0.3: ("The weights are the wrong way round: the batch of 64 has the 0.5.", 0.0005),
        38.4: "That is the sum of all losses. Divide it by the number of rows.",
        19.2: "That is the sum of all losses, divided by the number of batches.",
    },
)
number(
    "5.3",
    "fd",
    tolerance=0.0005,
    wrong={
        1.5: "The ignored row does not count in the division either: three rows are left.",
        3: "That is the mean of all four, as if nothing had been ignored.",
        6: "That is the sum of the three; the default is the mean.",
        4: "The loss of the last row is still in your sum; the row is left out of both sum and count.",
    },
)
number(
    "5.4",
    "983d67",
    tolerance=0.0005,
    wrong={
        1.5: "That is right only if .grad is emptied before each call.",
        3: "That is after two calls.",
        3.375: "The gradients are added, not multiplied.",
        6: "That is after four calls.",
    },
)
numbers(
    "5.5",
    "97047601fd2efd2566",
    tolerance=0,
    wrong={
        (784, 10): "That is the W of notebook 1, (in, out). nn.Linear stores it the other way round.",
        (10,): "That is the bias.",
        (7850,): "That is how many numbers there are, weights and biases.",
        7840: "That is how many numbers are in it; the shape is a tuple of two.",
    },
)
word(
    "5.6",
    "3da8b22a41ce0b9f",
    wrong={
        "int": ".int() gives int32, which the loss refuses.",
        "int64": "That is the name of the type; the method has PyTorch's old name for it.",
        "squeeze": "That drops the axis and leaves the type.",
        "item": "That makes a Python number of a single entry.",
        "float": "They are floats already.",
    },
)


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
