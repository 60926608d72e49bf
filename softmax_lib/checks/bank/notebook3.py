"""The questions of notebook 3."""

import math

from softmax_lib.checks.bank import number

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
