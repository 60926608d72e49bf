"""The questions of notebook 9."""

from softmax_lib.checks.bank import number, numbers

number(
    "9.1",
    "633be7",
    tolerance=0.0005,
    wrong={
        0.75: "That is the precision: 6 of the 8 in column 2. Recall reads the row.",
        0.775: "That is the accuracy, over all three classes.",
        6: "That is the count; divide it by the number of true 2s.",
        60: "That is percent; give the fraction.",
        0.15: "That is 6 of all 40 examples. Of the true 2s there are fewer.",
        0.4: "That is the part of the true 2s that was missed.",
        0.8: "That is the recall of class 0.",
        0.85: "That is the recall of class 1.",
    },
)
number(
    "9.2",
    "8dc80be6d4a3",
    tolerance=0.001,
    wrong={
        0.8: "That is the recall: 8 of the 10 in row 0. Precision reads the column.",
        0.3333: "That is the part of its zeros that is wrong.",
        0.775: "That is the accuracy, over all three classes.",
        0.2: "That is 8 of all 40 examples.",
        12: "That is how often it said 0. How many of those are right?",
        66.67: "That is percent; give the fraction.",
        0.67: "Nearly: give three decimals.",
        0.75: "That is the precision of class 2.",
        0.8947: "That is the precision of class 1.",
    },
)
number(
    "9.3",
    "00a4e01b",
    tolerance=0.0005,
    wrong={
        0.02: (
            "That is the difference of the two means, 0.88 and 0.86: what is too sure in one bin and not sure"
            " enough in the other cancels. Take each gap without its sign.",
            0.0005,
        ),
        -0.02: ("A gap counts without its sign, in each bin, before the mean is taken.", 0.0005),
        0.075: ("That is the plain mean of the two gaps. Weigh them with their counts.", 0.0005),
        0.15: ("That is the sum of the two gaps. Weigh them with their counts.", 0.0005),
        0.05: ("That is the gap of the first bin.", 0.0005),
        0.1: ("That is the gap of the second bin.", 0.0005),
        0.04: ("That is the part of the first bin; the second adds 0.2 times its gap.", 0.0005),
        0.09: ("The weights are the wrong way round: 80 of the 100 are in the first bin.", 0.0005),
        0.14: ("That is the share of wrong picks.", 0.0005),
        6: "That is percent (or a sum over the 100 picks); give the fraction.",
    },
)
number(
    "9.4",
    "116d008802d9",
    tolerance=0.006,
    wrong={
        1.8: "Nearly: give two decimals.",
        0.5493: "That is 1/T: the logits are divided by T, not multiplied.",
        1.0986: "That is ln 3, the logit it should have said. By what must 2 be divided to get there?",
        0.9014: "That is 2 - ln 3. Temperature divides, it does not subtract.",
        2.1972: "That is 2 ln 3; it is 2 / T that must equal ln 3.",
        2.6667: "That is 2 / 0.75: the logit is divided until softmax gives 0.75, not until it is 0.75.",
        1.1744: "That is 0.88 / 0.75. T divides the logits, before softmax.",
        0.8515: "That is 0.75 / 0.88. T divides the logits, before softmax.",
        0.75: "That is the probability that it should give.",
        1: "Then nothing changes, and it goes on saying 0.88.",
        0.6667: "That comes from the odds 3 : 1 in place of their logarithm, 2 / 3.",
    },
)
number(
    "9.5",
    "d628ce71",
    tolerance=0.0005,
    wrong={
        0.47: "Accuracy is not divided by T. Which picks change?",
        1.88: "An accuracy is at most 1. Which picks change?",
        0.98: "The calibration error is not added: no pick changes.",
        0.9: "The calibration error is not subtracted: no pick changes.",
        94: "That is percent; give the fraction.",
        0.945: ("Not even a little: no pick changes.", 0.0049),
        0.935: ("Not even a little: no pick changes.", 0.0049),
    },
)
numbers(
    "9.6",
    "f3ecdcb2714e9f",
    tolerance=0,
    wrong={
        (8, 20): "The other way round: rows come first, and the digit is higher than broad.",
        (20, 20): "That is stretched: both sides have the same scale.",
        (28, 28): "That is the whole picture; the digit's box in it is smaller, and keeps its aspect.",
        (28, 11): "That fills the picture; the longer side becomes 20.",
        (50, 20): "The longer side becomes 20, not the shorter one.",
        (24, 10): "That is a fifth; the longer side becomes 20.",
        160: "That is the number of pixels. Give rows and columns.",
        (120, 48): "That is its size before the resize.",
        (20, 10): "The scale is 20 / 120 = 1/6; what is a sixth of 48?",
        8: "That is the width. Give both, rows first.",
        20: "That is the height. Give both, rows first.",
    },
)
