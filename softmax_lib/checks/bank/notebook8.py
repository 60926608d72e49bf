"""The questions of notebook 8."""

from softmax_lib.checks.bank import number, numbers, word

number(
    "8.1",
    "f0a1cca29afe",
    tolerance=0.0006,
    wrong={
        0: "The right picks may cost nothing, but one pick in ten is wrong.",
        0.6931: "That is ln 2, what one wrong pick costs at least. Only a tenth of the picks is wrong.",
        0.6238: "That is 0.9 ln 2. It is the wrong picks that cost at least ln 2.",
        0.2303: ("That is 0.1 ln 10, the most that a tenth of right picks costs.", 0.0006),
        2.3026: "That is the loss of guessing.",
        0.1: "That is the fraction of wrong picks. What does each of them cost at least?",
        0.07: ("Nearly. Three decimals are asked for.", 0.00001),
        0.1054: ("That is -ln 0.9. The accuracy is no probability of an example.", 0.0006),
    },
)
number(
    "8.2",
    "1e662efa2fee",
    tolerance=0.0006,
    wrong={
        1.4612: "That is the floor for ten classes.",
        0.5514: "That is the floor for three classes.",
        1.3863: "That is ln 4, the loss of guessing.",
        0.74: ("Nearly. Three decimals are asked for.", 0.001),
        0: "That is the lowest cross-entropy of logits. Here it gets probabilities, and they end at 1.",
        1.7437: "That is ln(e + 3), the loss of a sure and wrong answer, the most that is possible.",
        -1: "A cross-entropy is never negative; that would be nll_loss on probabilities.",
        0.4754: ("That is e / (e + 3), the probability after the second softmax. What does it cost?", 0.0006),
    },
)
numbers(
    "8.3",
    "e2de78fe559663198a",
    tolerance=0,
    wrong={
        (1, 1, 1): "Those are the labels that were meant.",
        (0, 0, 1): "The single 1 stands at the place of the label, counted from 0.",
        (1, 0, 0): "The single 1 stands at the place of the label, counted from 0.",
        (1,): "cross_entropy reads as many labels as the target has numbers.",
        1: "cross_entropy reads as many labels as the target has numbers.",
        (0, 1, 2): "Those are the three classes.",
        (1, 0, 1): "The single 1 stands at the dog's place. Print target.",
    },
)
number(
    "8.4",
    "f32d0f",
    tolerance=0.0005,
    wrong={
        0.85: "That is the accuracy in truth. But the labels are gone.",
        0.8: "That is the first run's accuracy.",
        1: "That would be so if no pick had changed in between.",
        0.72: "The truth plays no part the second time: only old and new picks are compared.",
        0.765: "The truth plays no part the second time: only old and new picks are compared.",
        90: "Accuracy is a fraction here, from 0 to 1.",
        0.95: "Only old and new picks are compared the second time: on how many images do they agree?",
    },
)
number(
    "8.5",
    "fa5d2f",
    tolerance=0.0005,
    wrong={
        0.4: "That is right if .grad is emptied before each backward.",
        10: "That is the sum of what stood in .grad. The learning rate is still missing.",
        4: "The learning rate is missing, and .grad holds more than 1 from the second step on.",
        1.6: "The four steps differ: .grad holds 1, then 2, then 3, then 4.",
        0.6: "That is after three steps.",
        1.5: "That is after five steps.",
        -1: "The distance is asked for, without its sign.",
    },
)
number(
    "8.6",
    "c7861a3d4cb8",
    tolerance=0.0006,
    wrong={
        0.505: ("That is the probability before. The logits are 255 times larger now.", 0.0006),
        1: "Nearly. Three decimals are asked for.",
        0.99: ("Nearly. Three decimals are asked for.", 0.001),
        5.1: "That is the logit. Softmax comes after it.",
        0.006: ("That is the probability of the second class.", 0.0006),
        128.775: "A probability is at most 1: it is the logits that grow by a factor of 255.",
    },
)
word(
    "8.7",
    "9c83fed864aebc8b",
    wrong={
        "A": "0.02 ln 2 = 0.014: a loss of 0.08 is well above.",
        "C": "That is what guessing gives: ln 10 = 2.303, and one pick in ten right.",
        "D": "Suspicious, and possible: each wrong pick costs 500 nats. Case 6 came near.",
    },
)
