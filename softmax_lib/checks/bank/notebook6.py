"""The questions of notebook 6."""

from softmax_lib.checks.bank import number, numbers, word

number(
    "6.1",
    "a1955e23",
    tolerance=0.005,
    wrong={
        0.5: "That would be so if there were as many 5s as 1s. The table says otherwise.",
        0.1135: ("That is the share among all ten classes. Here only two are kept.", 0.002),
        0.44: "That is the share of the 5s: what always 5 would get.",
        0.5543: ("These are the counts of the training images.", 0.0005),
        1.27: "That is 1s over 5s. The share is 1s over all images that are kept.",
        1135: "That is how many are right. Divide by how many there are.",
        56: "Accuracies are fractions here, from 0 to 1.",
    },
)
numbers(
    "6.2",
    "d0ba127494011ae1ea",
    tolerance=0,
    wrong={
        (429, 88): "The left-over images form a batch too: round up.",
        (430, 128): "429 full batches hold 54,912 images. The rest does not fill a batch.",
        (429, 128): "429 full batches hold 54,912 images. The rest forms one more, smaller batch.",
        (430, 40): "40 are missing from a full last batch. How many are in it?",
        (430, 0): "55,000 does not divide by 128.",
        (429, 0): "55,000 does not divide by 128: a smaller batch is left over.",
        (88, 430): "The number of batches first, then the size of the last one.",
        (860, 24): "That is for batches of 64.",
        (938, 32): "That is for 60,000 images in batches of 64.",
        430: "That is the number of batches. How large is the last one?",
        429.6875: ("That many times 128 goes into 55,000. Round up; what is left over?", 0.01),
    },
)
number(
    "6.3",
    "c5827f37f4",
    tolerance=0,
    wrong={
        30720: "The ten biases are missing.",
        7850: "That is for 28 x 28 grey pixels.",
        10250: "That is for one channel. A colour picture has three numbers a pixel.",
        10240: "That is for one channel, and without the biases.",
        3082: "Each class has a weight of its own for each of the 3072 numbers.",
        1034: "That is 32 x 32 + 10. Three channels, and ten classes with weights of their own?",
        3072: "That is how many numbers are in one picture. Each class has a weight for each of them.",
        30723: "There is one bias a class, not one a channel.",
        30721: "There is one bias a class.",
        30750: "There is one bias a class, not one a channel and class.",
        33792: "3072 numbers in, ten biases: no more is added.",
        23530: "That is for pictures of 28 x 28 pixels.",
    },
)
number(
    "6.4",
    "7c95bcc0",
    tolerance=0.01,
    wrong={
        2.3: ("That is ln 10, for ten classes.", 0.01),
        4.7: ("That is the logarithm to the base 2, the loss in bits. The loss is in nats.", 0.01),
        1.4150: "That is the logarithm to the base 10. Natural ones are meant.",
        0.0385: ("That is the probability of each letter. What does it cost?", 0.001),
        -3.26: ("A loss is not negative: it is minus the logarithm of 1/26.", 0.01),
        26: "That is the number of classes.",
    },
)
word(
    "6.5",
    "0d14696f496d3868",
    also=(
        "4d015fd6ea513e41",
        "0d578e959fcfadbf",
        "9252ca24fbf473ff",
        "2fbead7548f7f01a",
        "83e46e8a54e13b9d",
        "cc6829a38cca83e0",
    ),
    wrong={
        "weights": "Each weight is multiplied with a pixel, and the pixels are 0.",
        "weight": "Each weight is multiplied with a pixel, and the pixels are 0.",
        "zeros": "The products are all 0. But something is added to them.",
        "zero": "The products are all 0. But something is added to them.",
        "templates": "The template is multiplied with the image, and the image is 0.",
        "outputs": "They are its outputs, but which of its parameters do they equal?",
        "parameters": "Which ones? A linear layer has two kinds.",
    },
)
word(
    "6.6",
    "4e19dd0145d49bf1",
    wrong={
        "A": "To us the pictures would be ruined. But the sum over pixels is the same sum in another order: "
        "rearrange the templates in the same way, and every logit is as before.",
        "C": "What would it gain by it? The sum over pixels is the same sum in another order.",
        "lower": "To us the pictures would be ruined. But the sum over pixels is the same sum in another "
        "order. Answer with a letter.",
        "far lower": "Answer with a letter. And does the sum over pixels know their order?",
        "higher": "Answer with a letter. And what would it gain?",
        "same": "Yes; answer with the letter.",
        "about the same": "Yes; answer with the letter.",
    },
)
