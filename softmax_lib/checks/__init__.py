"""Checks that name the mistake: `checks.softmax(my_softmax)` says what is wrong, not only that it is.

    from softmax_lib import checks
    checks.softmax(my_softmax)          # a Verdict: passed, or what went in, what came out, what was
    expected, and why checks.answer("1.3", 2)             # a self-marking question

A check never raises for a fault of the learner's, never changes the learner's data, and stops an endless
answer. Every name is loaded when it is first used; only the exercises on PyTorch (from notebook 5 on) import
torch.

=================  ===================================================================================
module             holds
=================  ===================================================================================
``notebook1`` …    the exercises of one notebook: right answer, probes, catalogue of known mistakes
``engine``         `Exercise`: how to add an exercise or a mistake
``match``          which known mistake gives the same results as a wrong answer
``judge``          takes one answer through the probes and puts the verdict into words
``guard``          runs a learner's function so that nothing escapes, stays on, or goes on for ever
``values``         arrays, tensors, lists and numbers: made plain, compared, shown
``verdict``        `Verdict`: the record that a check returns, as text and as HTML
``questions``      marks the self-marking questions; says how to add one
``bank``           the questions' answers, a module a notebook
=================  ===================================================================================
"""

from importlib import import_module

_HOMES = {
    "notebook1": ("softmax",),
    "notebook2": ("one_hot", "cross_entropy_from_probs"),
    "notebook3": ("stable_softmax", "logsumexp", "cross_entropy"),
    "notebook4": ("cross_entropy_grad", "linear_grad"),
    "notebook5": ("torch_loss", "accuracy"),
    "notebook6": ("count_parameters", "pixels"),
    "notebook7": ("build_mlp", "train_step", "evaluate"),
    "notebook8": ("clinic_1", "clinic_2", "clinic_3", "clinic_4", "clinic_5", "clinic_6"),
    "notebook9": ("confusion_matrix", "prepare_digit", "fit_temperature"),
    "notebook10": ("momentum_step",),
    "questions": ("answer",),
    "verdict": ("Verdict",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME_OF)  # noqa: PLE0605


def __getattr__(name: str) -> object:
    if name not in _HOME_OF:
        raise AttributeError(f"there is no check named {name!r}; there are {', '.join(__all__)}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)


def __dir__() -> list[str]:
    return __all__
