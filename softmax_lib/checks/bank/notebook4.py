"""The questions of notebook 4."""

import math

from softmax_lib.checks.bank import number, numbers

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
