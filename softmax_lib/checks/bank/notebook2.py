"""The questions of notebook 2."""

from softmax_lib.checks.bank import number

number(
    "2.1",
    "987a4bf507808fa8",
    tolerance=0.01,
    wrong={
        -1.3863: "The minus is missing: the logarithm of a number below 1 is negative, a price is not.",
        2: "That is base 2, in bits. Nats need the natural logarithm, np.log.",
        0.602: "That is base 10. Nats need the natural logarithm, np.log.",
        -0.602: "That is base 10, and the minus is missing.",
        0.2877: "That is the price of 0.75, the probability that went to the other classes.",
        0.75: "That is 1 - p; the price is -ln p.",
        0.25: "That is p itself; the price is -ln p.",
        4: "That is 1 / p; its logarithm is the price.",
    },
)
number(
    "2.2",
    "441c97cfa1ccf30d",
    tolerance=0.01,
    wrong={
        2.3026: "That is the price if class 0 were the truth; here it is class 2.",
        1.204: "That is class 1, if the classes were counted from 1; they count from 0.",
        -0.5108: "The minus is missing: a loss is never negative.",
        0.737: "That is base 2, in bits; take np.log.",
        0.2218: "That is base 10; take np.log.",
        4.0174: "All three terms were added; y makes two of them 0.",
        1.3391: "All three terms went in, as a mean; y makes two of them 0, and the sum is not divided.",
        0.1703: "That is divided by the number of classes. The sum over the classes is no mean.",
        0.6: "That is the probability; its price is asked for.",
        0.4: "That is 1 - p; the price is -ln p.",
        0.9163: "That is the price of 0.4, which the wrong classes got together.",
    },
)
number(
    "2.3",
    "1baf0e34f37fb7",
    tolerance=0.01,
    wrong={
        2.3026: "That is for ten classes.",
        1.0986: "That is for three classes.",
        2: "That is base 10; take np.log.",
        6.6439: "That is base 2, in bits; take np.log.",
        -4.6052: "That is ln(1/100); the price has a minus in front.",
        0.01: "That is the probability; its price is asked for.",
        0.99: "That is 1 - p; the price is -ln p.",
        100: "That is the number of classes; the price of a guess is its logarithm.",
        0: "Only a classifier that is sure and right pays nothing.",
    },
)
number(
    "2.4",
    "5cd716ad5c",
    tolerance=0.003,
    wrong={
        0.9: "That is the pull of cross-entropy.",
        -0.162: "That is the slope; the pull is its size, without the minus.",
        0.081: "The factor 2 is missing.",
        0.81: "That is the squared error itself, (1 - p) squared; its pull is asked for.",
        0.18: "One factor 1 - p too few: that is 2p(1 - p).",
        0.018: "That is 2p²(1 - p): the truth has p = 0.1, so p comes once and 1 - p twice.",
        1.8: "That is 2(1 - p), the slope over p. The slope over the score has p(1 - p) as a further factor.",
        0.09: "That is p(1 - p), the derivative of the sigmoid alone.",
    },
)
number(
    "2.5",
    "0f3d7a53a0bac36a",
    tolerance=0.01,
    wrong={
        0: "Only for a one-hot target. No prediction can give both classes probability 1.",
        1: "That is in bits (base 2), or the sum of the targets. In nats it is less.",
        1.3863: "That is the sum of both prices; each is weighed with its target, 0.5.",
        0.3466: "That is one of the two terms.",
        0.5: "That is the probability; the loss takes logarithms.",
        -0.6931: "The minus is missing: a loss is never negative.",
    },
)
