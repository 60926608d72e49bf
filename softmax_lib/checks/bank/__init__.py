"""The bank of the self-marking questions, a module a notebook.  `questions.py` says how to add one."""

from dataclasses import dataclass, field
from importlib import import_module


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
LAST_NOTEBOOK = 10


def number(question: str, hidden: str, *, tolerance: float, wrong: dict, hint: str = "") -> None:
    """Add a question whose answer is one number."""
    BANK[question] = Question(question, "number", (hidden,), tolerance, wrong, hint)


def numbers(question: str, hidden: str, *, tolerance: float, wrong: dict, hint: str = "") -> None:
    """Add a question whose answer is several numbers: a shape, a row of probabilities."""
    BANK[question] = Question(question, "numbers", (hidden,), tolerance, wrong, hint)


def word(question: str, hidden: str, *, wrong: dict, also: tuple[str, ...] = (), hint: str = "") -> None:
    """Add a question whose answer is a word, a letter, or True or False."""
    BANK[question] = Question(question, "word", (hidden, *also), 0.0, wrong, hint)


def load() -> dict[str, Question]:
    """Return the whole bank; each module adds its questions when it is first imported."""
    for n in range(1, LAST_NOTEBOOK + 1):
        import_module(f"{__name__}.notebook{n}")
    return BANK
