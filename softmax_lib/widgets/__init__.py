"""Playgrounds: each is one line in a cell, and a figure where there is no kernel to answer.

    from softmax_lib import widgets
    widgets.LogitsPlayground([2.0, 1.0, 0.1])

In JupyterLab the line shows something to play with, by mouse or by keyboard.  On a web page, in the book and
in a notebook stored by `make notebooks` it shows the figure of the same state.  Each name is loaded when it
is first used, so the playgrounds of notebooks 1 to 4 never wait for torch.

==============  ==================================================================================
module          holds
==============  ==================================================================================
``base``        `Interactive`: what every widget shares, and how to add one
``board``       `ExperimentBoard`: settings side by side, with a table to sort (notebook 10)
``boundary``    `BoundaryPlayground`: points to drag, a classifier to train (notebook 4)
``curves``      panels that monitor and board share
``logits``      `LogitsPlayground`: from scores to probabilities, loss and slopes (notebooks 1, 2)
``monitor``     `TrainingMonitor`: curves and a stop button while `fit` runs (notebooks 7, 10)
``pad``         `DrawingPad`: draw a digit for the network (notebook 9)
``svg``         small pictures as text, drawn anew at every move of a slider
``static``      the hand-written JavaScript of the widgets that are drawn on with a pointer
==============  ==================================================================================
"""

from softmax_lib.lazy import lazily

_HOMES = {
    "board": ("ExperimentBoard",),
    "boundary": ("BoundaryPlayground",),
    "logits": ("LogitsPlayground",),
    "monitor": ("TrainingMonitor",),
    "pad": ("DrawingPad",),
}

__getattr__, __dir__, __all__ = lazily(__name__, _HOMES, "widget")
