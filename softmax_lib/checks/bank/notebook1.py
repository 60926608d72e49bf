"""The questions of notebook 1."""

import math

from softmax_lib.checks.bank import number

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
