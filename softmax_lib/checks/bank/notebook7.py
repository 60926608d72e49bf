"""The questions of notebook 7."""

from softmax_lib.checks.bank import number

number(
    "7.1",
    "f0087d84ab713e65",
    tolerance=0.0003,
    wrong={
        0.75: ("The slopes are multiplied, not added.", 0.0003),
        0.0039: ("That is for four layers.", 0.0002),
        0.25: ("That is for one layer.", 0.0003),
        0.0625: ("That is for two layers.", 0.0003),
        64: "That is by how much it becomes smaller. What fraction is left?",
        1.5625: "That is in percent. What is it as a fraction?",
        0.016: ("Nearly: give four decimals.", 0.0002),
    },
)
number(
    "7.2",
    "511371cf2e",
    tolerance=0,
    wrong={
        32000: "The biases are missing: one for each unit that the layer puts out.",
        32100: "Those are the biases of the layer before. This layer puts out 320 numbers.",
        32420: "The biases belong to what the layer puts out, 320 numbers, not to what it takes in.",
        78500: "That is the first layer, 784 to 100, with its biases.",
        166720: "That is the second layer as it was, 520 to 320.",
        77040: "That is the third layer, 320 to 240.",
    },
)
number(
    "7.3",
    "71e7",
    tolerance=0.001,
    wrong={
        1.9: "That is after two steps.",
        2: "That is for momentum 0.5.",
        9: "1 + 0.9 + 0.81 + ... begins with 1: the present gradient counts whole.",
        0.9: "That is the momentum itself. Where does v stay, once 0.9 v + 1 is v again?",
        2.71: "That is after three steps.",
        0.1: "That is 1 - 0.9. Divide by it.",
    },
)
number(
    "7.4",
    "2a2f61e4fbc8",
    tolerance=0.003,
    wrong={
        17: "That is the sum of the batch means: 0.0017 times 10,000. Now divide by how many there were.",
        0.0017: ("That is what was reported. It is a sum of 157 means, divided by 10,000.", 0.0003),
        0.27: ("157 is the number of batches; by what must 17, the sum of their means, be divided?", 0.004),
        0.1: ("Nearly: give two decimals, and better three.", 0.003),
        0.000027: ("That is divided once more. Is the true loss larger or smaller?", 0.000002),
    },
)
number(
    "7.5",
    "73f8145e28",
    tolerance=0.0003,
    wrong={
        0.09: ("That is p (1 - p). Divide by n, and take the root.", 0.0003),
        0.000225: ("That is the square of it: take the root.", 0.00003),
        0.3: ("That is for a single digit: divide p (1 - p) by n first.", 0.0003),
        0.03: ("That is two standard errors.", 0.0003),
        0.003: ("That is for 10,000 images.", 0.0003),
        0.0085: ("That is for p = 0.97.", 0.0002),
        1.5: "That is in percent. What is it as a fraction?",
    },
)
number(
    "7.6",
    "015c1d822ae8",
    tolerance=0.006,
    wrong={
        2.3: ("That is ln 10, for ten classes.", 0.006),
        3.3: ("Nearly: give two decimals.", 0.02),
        26: "That is the number of classes. The loss of guessing is its logarithm.",
        0.0385: "That is 1/26, the probability. What does it cost?",
        0.05: ("That is what came out, and it can't be: an untrained network guesses.", 0.0003),
        1.41: "That is the logarithm to base 10. This course takes the natural one.",
        4.7: ("That is the logarithm to base 2. This course takes the natural one.", 0.006),
    },
)
