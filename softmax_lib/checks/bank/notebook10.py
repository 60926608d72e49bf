"""The questions of notebook 10."""

from softmax_lib.checks.bank import number, word

word(
    "10.1",
    "dcb1eca12fdd9d5b",
    wrong={
        "A": "Its mean is the lower of the two: 0.968 and 0.969. And look at the ranges.",
        "B": "Its mean is higher, by 0.001. The ranges, 0.966 to 0.970 and 0.967 to 0.971, overlap.",
        "both": "One of the two can be better, but three seeds don't show which.",
    },
    also=("495dd9f211cef9c8",),
)
number(
    "10.2",
    "0e7c9373",
    tolerance=0.0005,
    wrong={
        0.5: "With this bias the inputs (1, 0) give a score of 1. The bias must pull it down.",
        0: "With this bias the inputs (1, 0) give a score of 0.5: the unit is on.",
        1.5: "At which inputs is the score largest? The negative weight's input may be 0.",
        -1.5: "The unit is dead there, but it is dead with larger biases too.",
        2: "With this bias the inputs (1, 0) give a score of 2.5. The bias must pull it down.",
        -2: "The unit is dead there, but it is dead with larger biases too.",
        -2.5: "The unit is dead there, but it is dead with larger biases too.",
    },
)
number(
    "10.3",
    "86c539",
    tolerance=0.0005,
    wrong={
        0.019: ("The step is divided by 1 - momentum, not multiplied by momentum.", 0.0005),
        0.021: ("The step is divided by 1 - momentum, not by momentum.", 0.0005),
        0.001: ("The step is divided by 1 - momentum, not multiplied by it.", 0.0005),
        20: "That is 1 / (1 - momentum). Multiply it by the learning rate.",
        0.2: "1 - 0.95 is 0.05, not 0.1.",
        0.02: ("That is the learning rate itself. The velocity makes the steps longer.", 0.0005),
    },
)
number(
    "10.4",
    "fe0ada6d1087",
    tolerance=0.006,
    wrong={
        2.3026: "That is ln 10, for ten classes.",
        0.3333: "That is the probability of each class. Which loss does it give?",
        0: "With the same scores for every input, the network guesses. A guess is not free.",
        0.4771: "That is the logarithm to base 10. The loss is in nats.",
        1.5850: "That is the logarithm to base 2. The loss is in nats.",
    },
)
number(
    "10.5",
    "0369ff054d1ded8d",
    tolerance=0.0006,
    wrong={
        -0.04: "Errors don't fall by a fixed amount, and none is below 0. They fall by a fixed factor.",
        0.0: ("A power law never reaches 0: each factor of ten divides the error by the same number.", 0.0),
        0.004: ("Ten times the data divided the error by 3, not by 10.", 0.0005),
        0.02: ("The factor is 3 for ten times the data, not 2.", 0.0005),
        0.04: ("That is the error with 10,000.", 0.0005),
    },
)
number(
    "10.6",
    "4add",
    tolerance=0.05,
    wrong={
        6: "That is the ratio of the epochs. An epoch of the fast recipe is shorter as well.",
        3.6: ("An epoch of the fast recipe is shorter, so the ratio grows: divide by 0.6.", 0.01),
        7.2: ("That is the time of the 12 epochs times 0.6. The 0.6 belongs to the other side.", 0.01),
        20: "Two fast epochs, not one: 2 times 0.6 is 1.2.",
        0.1: ("That is fast over lecture. The question is the other way round.", 0.01),
    },
)
