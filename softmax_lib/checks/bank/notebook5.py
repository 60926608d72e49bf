"""The questions of notebook 5."""

from softmax_lib.checks.bank import number, numbers, word

number(
    "5.1",
    "1a7920",
    tolerance=0.001,
    wrong={
        -1.4: "nll_loss turns the sign: a loss is not negative.",
        0.4: "That is the entry of label 0. Labels count from 0.",
        2.3: "That is the entry of label 2. Labels count from 0.",
        0.3365: "That is ln 1.4: nll_loss takes no logarithm.",
        1.417: "That is cross_entropy of the row; nll_loss alone does not take the log_softmax.",
        -0.3365: "That is -ln 1.4: nll_loss takes no logarithm itself.",
        1.3667: "That is the mean of all three. The label picks one.",
    },
)
number(
    "5.2",
    "589b4d",
    tolerance=0.0005,
    wrong={
        0.35: ("That is the mean of the two means. The large batch has twice as many rows.", 0.0005),
        0.7: ("That is the sum of the two means.", 0.0005),
        0.3: ("The weights are the wrong way round: the batch of 64 has the 0.5.", 0.0005),
        38.4: "That is the sum of all losses. Divide it by the number of rows.",
        19.2: "That is the sum of all losses, divided by the number of batches.",
    },
)
number(
    "5.3",
    "fd",
    tolerance=0.0005,
    wrong={
        1.5: "The ignored row does not count in the division either: three rows are left.",
        3: "That is the mean of all four, as if nothing had been ignored.",
        6: "That is the sum of the three; the default is the mean.",
        4: "The loss of the last row is still in your sum; the row is left out of both sum and count.",
    },
)
number(
    "5.4",
    "983d67",
    tolerance=0.0005,
    wrong={
        1.5: "That is right only if .grad is emptied before each call.",
        3: "That is after two calls.",
        3.375: "The gradients are added, not multiplied.",
        6: "That is after four calls.",
    },
)
numbers(
    "5.5",
    "97047601fd2efd2566",
    tolerance=0,
    wrong={
        (784, 10): "That is the W of notebook 1, (in, out). nn.Linear stores it the other way round.",
        (10,): "That is the bias.",
        (7850,): "That is how many numbers there are, weights and biases.",
        7840: "That is how many numbers are in it; the shape is a tuple of two.",
    },
)
word(
    "5.6",
    "3da8b22a41ce0b9f",
    wrong={
        "int": ".int() gives int32, which the loss refuses.",
        "int64": "That is the name of the type; the method has PyTorch's old name for it.",
        "squeeze": "That drops the axis and leaves the type.",
        "item": "That makes a Python number of a single entry.",
        "float": "They are floats already.",
    },
)
