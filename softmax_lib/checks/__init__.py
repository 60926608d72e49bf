"""Checks that name the mistake: `checks.softmax(my_softmax)` says what is wrong, not only that it is.

    from softmax_lib import checks
    checks.softmax(my_softmax)  # a Verdict: passed, or what went in, came out and was expected, and why
    checks.answer("1.3", 2)  # a self-marking question

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

from softmax_lib.lazy import lazily

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

__getattr__, __dir__, __all__ = lazily(__name__, _HOMES, "check")
