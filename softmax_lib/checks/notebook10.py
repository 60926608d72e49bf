"""The exercise of notebook 10: `momentum_step`, one step of SGD with momentum in torch's form.

Domain: w, grad and velocity are float arrays of one shape, (D,) or (D, C); lr > 0 and momentum in [0, 1) are
Python floats. velocity <- momentum * velocity + grad; w <- w - lr * velocity. The result is the pair (w,
velocity), two new arrays. Single numbers are outside the domain: who can't take them gets a note.
"""

import numpy as np

from softmax_lib.checks.engine import Exercise
from softmax_lib.checks.match import Result

Arrays = tuple[np.ndarray, np.ndarray]


def right_momentum_step(
    w: np.ndarray, grad: np.ndarray, velocity: np.ndarray, lr: float, momentum: float
) -> Arrays:
    """Return (w, velocity) after a step: the new velocity first, then the weights move against it."""
    velocity = momentum * velocity + grad
    return w - lr * velocity, velocity


def step_probe(seed: int, shape: tuple, lr: float, momentum: float, dtype: type = np.float64) -> tuple:
    """Return (w, grad, velocity, lr, momentum), the arrays rounded to one decimal and free of zeros."""
    rng = np.random.default_rng(seed)
    w, grad, velocity = (
        (np.round(rng.uniform(0.1, 2, shape), 1) * rng.choice([-1, 1], shape)).astype(dtype) for _ in range(3)
    )
    return w, grad, velocity, lr, momentum


def first_probe() -> tuple:
    """Return a step that can be done by hand: velocity 0.8 * 0.5 + 1 = 1.4, then w 2 - 0.1 * 1.4 = 1.86."""
    return np.array([2.0, -1.0]), np.array([1.0, 0.5]), np.array([0.5, -2.0]), 0.1, 0.8


momentum_step = Exercise(
    "momentum_step",
    right_momentum_step,
    ("w", "grad", "velocity", "lr", "momentum"),
    returns="(w, velocity), two arrays of the shape of w",
    outputs=("w", "velocity"),
    checked=(
        "arrays of shape (D,) and (D, C), float64 and float32, momentum 0 to 0.99, velocity 0 and others."
    ),
    probes=[
        first_probe(),
        step_probe(1, (3,), 0.5, 0.9),
        step_probe(2, (2, 3), 0.1, 0.6),
        (*step_probe(3, (3,), 0.3, 0.9)[:2], np.zeros(3), 0.3, 0.9),  # the first step of a training run
        step_probe(4, (4,), 0.2, 0.0),
        step_probe(5, (3, 2), 0.05, 0.5),
        step_probe(6, (1,), 2.0, 0.7),
        step_probe(7, (3, 3), 0.01, 0.99),
        step_probe(8, (5,), 0.4, 0.3, np.float32),
        first_probe(),
    ],
    bonus=[
        (
            (2.0, 1.0, 0.5, 0.1, 0.8),
            "It takes arrays only; here that is enough. Without loops the same lines take single numbers.",
        )
    ],
)

ORDER_HINT = "Two lines: first velocity = momentum * velocity + grad, then w minus lr times that velocity."


@momentum_step.mistake(
    "lr-inside-velocity",
    "The learning rate is inside the velocity, which then holds steps and not gradients. As long as lr never"
    " changes, w goes the same way, but the velocity that is handed over is in other units.",
    hint="In torch's form lr occurs once, where w is changed. Which of your lines has it?",
)
def _(w, grad, velocity, lr, momentum):
    velocity = momentum * velocity + lr * grad
    return w - velocity, velocity


@momentum_step.mistake(
    "lr-inside-velocity",
    "The velocity is kept as the step itself, minus sign and learning rate included. That is how some books"
    " write it; torch's velocity is made of gradients.",
    hint="In torch's form lr and the minus occur once, where w is changed.",
)
def _(w, grad, velocity, lr, momentum):
    velocity = momentum * velocity - lr * grad
    return w + velocity, velocity


@momentum_step.mistake(
    "lr-inside-velocity",
    "The learning rate is in the velocity and at the weights: the gradient is scaled by lr twice.",
    hint="How often does lr occur in torch's form?",
)
def _(w, grad, velocity, lr, momentum):
    velocity = momentum * velocity + lr * grad
    return w - lr * velocity, velocity


@momentum_step.mistake(
    "lr-inside-velocity",
    "The weights are right, but what is handed over as the velocity is the step, lr times the velocity.",
    hint="The next call needs the velocity without lr.",
    sign=(1, -1),
)
def _(w, grad, velocity, lr, momentum, sign):
    step = lr * (momentum * velocity + grad)
    return w - step, sign * step


@momentum_step.mistake(
    "lr-inside-velocity",
    "The whole velocity is multiplied by lr before it is kept, so the old one shrinks by lr at each call.",
    hint="Keep the velocity without lr, and multiply by lr only where w is changed.",
)
def _(w, grad, velocity, lr, momentum):
    velocity = lr * (momentum * velocity + grad)
    return w - lr * velocity, velocity


@momentum_step.mistake(
    "nesterov",
    "This is Nesterov's variant: w moves by grad + momentum * velocity, one step of momentum ahead. torch has"
    " it too, under nesterov=True.",
    hint="In the plain form w moves by the new velocity itself.",
)
def _(w, grad, velocity, lr, momentum):
    velocity = momentum * velocity + grad
    return w - lr * (grad + momentum * velocity), velocity


@momentum_step.mistake(
    "nesterov",
    "This is Nesterov's variant, with the learning rate inside the velocity. torch: nesterov=True.",
    hint=ORDER_HINT,
    sign=(1, -1),
)
def _(w, grad, velocity, lr, momentum, sign):
    velocity = momentum * velocity + sign * lr * grad
    return w - sign * momentum * velocity - lr * grad, velocity


@momentum_step.mistake(
    "damped",
    "The gradient enters the velocity with the factor 1 - momentum: a running mean. In torch's form it enters"
    " whole, and that is why a momentum of 0.9 steps ten times as far in the end.",
    hint="What is the factor in front of grad in the formula?",
)
def _(w, grad, velocity, lr, momentum):
    velocity = momentum * velocity + (1 - momentum) * grad
    return w - lr * velocity, velocity


@momentum_step.mistake(
    "damped",
    "The gradient enters the velocity with the factor 1 - momentum, and with lr as well.",
    hint="What is the factor in front of grad in the formula?",
)
def _(w, grad, velocity, lr, momentum):
    velocity = momentum * velocity + (1 - momentum) * lr * grad
    return w - velocity, velocity


@momentum_step.mistake(
    "damped",
    "The two factors of a running mean, and the wrong way round: 1 - momentum stands at the velocity.",
    hint="The old velocity is multiplied by momentum; the gradient by nothing.",
    keep=(lambda momentum: momentum, lambda momentum: 1),
)
def _(w, grad, velocity, lr, momentum, keep):
    velocity = (1 - momentum) * velocity + keep(momentum) * grad
    return w - lr * velocity, velocity


@momentum_step.mistake(
    "sign-flipped",
    "The weights move with the velocity, so uphill: the loss grows.",
    hint="The gradient points to where the loss rises. Which sign does the step need?",
)
def _(w, grad, velocity, lr, momentum):
    velocity = momentum * velocity + grad
    return w + lr * velocity, velocity


@momentum_step.mistake(
    "sign-flipped",
    "The gradient is subtracted from the velocity. In torch's form the velocity adds gradients up, and the"
    " minus stands at the weights.",
    hint="Where does the formula have its one minus?",
    sign=(1, -1),
)
def _(w, grad, velocity, lr, momentum, sign):
    velocity = momentum * velocity - grad
    return w + sign * lr * velocity, velocity


@momentum_step.mistake(
    "sign-flipped",
    "The old velocity is subtracted, so each step takes back part of the one before.",
    hint="Which sign has momentum * velocity in the formula?",
)
def _(w, grad, velocity, lr, momentum):
    velocity = grad - momentum * velocity
    return w - lr * velocity, velocity


@momentum_step.mistake(
    "sign-flipped",
    "The weights are right, but the velocity is handed over with the other sign.",
    hint="The next call will subtract what it should add.",
)
def _(w, grad, velocity, lr, momentum):
    velocity = momentum * velocity + grad
    return w - lr * velocity, -velocity


@momentum_step.mistake(
    "velocity-not-used",
    "The velocity is right, but the weights move by lr * grad: plain gradient descent.",
    hint="By which of the two should w move: grad, or the new velocity?",
)
def _(w, grad, velocity, lr, momentum):
    return w - lr * grad, momentum * velocity + grad


@momentum_step.mistake(
    "velocity-not-used",
    "The old velocity does not count at all: this is plain gradient descent.",
    hint="What happens to the velocity that comes in?",
    handed=(
        lambda grad, velocity, lr: grad,
        lambda grad, velocity, lr: velocity,
        lambda grad, velocity, lr: lr * grad,
        lambda grad, velocity, lr: 0 * velocity,
    ),
)
def _(w, grad, velocity, lr, momentum, handed):
    return w - lr * grad, handed(grad, velocity, lr)


@momentum_step.mistake(
    "old-velocity-used",
    "The weights move by the velocity that came in; the new one would count only at the next call. torch"
    " updates the velocity first.",
    hint="In which order do your two lines stand?",
)
def _(w, grad, velocity, lr, momentum):
    return w - lr * velocity, momentum * velocity + grad


@momentum_step.mistake(
    "velocity-not-returned",
    "The weights are right, but the velocity that is handed over is not the new one. The next call starts"
    " from a wrong velocity.",
    hint="What does the next call need as its velocity?",
    handed=(
        lambda grad, velocity, momentum: velocity,
        lambda grad, velocity, momentum: grad,
        lambda grad, velocity, momentum: momentum * velocity,
        lambda grad, velocity, momentum: 0 * velocity,
        lambda grad, velocity, momentum: velocity + grad,
    ),
)
def _(w, grad, velocity, lr, momentum, handed):
    return w - lr * (momentum * velocity + grad), handed(grad, velocity, momentum)


@momentum_step.mistake(
    "weights-not-updated",
    "The velocity is right, but w came back as it was.",
    hint="Where is w changed, and is the changed one returned?",
)
def _(w, grad, velocity, lr, momentum):
    return w, momentum * velocity + grad


@momentum_step.mistake(
    "weights-not-updated",
    "In the place of the new w came the change of w alone.",
    hint="w minus the step is the new w.",
    sign=(1, -1),
)
def _(w, grad, velocity, lr, momentum, sign):
    velocity = momentum * velocity + grad
    return sign * lr * velocity, velocity


@momentum_step.mistake(
    "swapped-outputs",
    "Both results are right, in the wrong order: w comes first, then the velocity.",
    hint="Look at the return line.",
)
def _(w, grad, velocity, lr, momentum):
    w, velocity = right_momentum_step(w, grad, velocity, lr, momentum)
    return velocity, w


@momentum_step.mistake(
    "momentum-times-grad",
    "momentum is a factor of the gradient. It belongs to the old velocity, which fades by it at each step.",
    hint="Which of the two is multiplied by momentum in the formula?",
)
def _(w, grad, velocity, lr, momentum):
    velocity = velocity + momentum * grad
    return w - lr * velocity, velocity


@momentum_step.mistake(
    "momentum-times-grad",
    "momentum is a factor of the whole sum. The new gradient enters the velocity whole.",
    hint="Mind the parentheses: momentum * velocity + grad.",
)
def _(w, grad, velocity, lr, momentum):
    velocity = momentum * (velocity + grad)
    return w - lr * velocity, velocity


@momentum_step.mistake(
    "momentum-twice",
    "The velocity is right, but the step is multiplied by momentum once more.",
    hint="The step is lr * velocity, with the new velocity.",
)
def _(w, grad, velocity, lr, momentum):
    velocity = momentum * velocity + grad
    return w - lr * momentum * velocity, velocity


@momentum_step.mistake(
    "momentum-forgotten",
    "The old velocity is kept whole: without the factor momentum it never fades.",
    hint="What is the old velocity multiplied by?",
)
def _(w, grad, velocity, lr, momentum):
    velocity = velocity + grad
    return w - lr * velocity, velocity


@momentum_step.mistake(
    "plus-velocity",
    "The gradient's step and the velocity's are put together with different signs or factors: lr and the"
    " minus belong to both.",
    hint="Make the new velocity first, then take lr times it from w.",
    part=(
        lambda lr, momentum, old, new: new,
        lambda lr, momentum, old, new: momentum * old,
        lambda lr, momentum, old, new: -momentum * old,
        lambda lr, momentum, old, new: old,
        lambda lr, momentum, old, new: -old,
        lambda lr, momentum, old, new: lr * momentum * old,
        lambda lr, momentum, old, new: momentum * new,
    ),
)
def _(w, grad, velocity, lr, momentum, part):
    new = momentum * velocity + grad
    return w - lr * grad + part(lr, momentum, velocity, new), new


@momentum_step.mistake(
    "lr-forgotten",
    "The weights move by the whole velocity; the learning rate is missing.",
    hint="How long should the step be?",
    sign=(1, -1),
)
def _(w, grad, velocity, lr, momentum, sign):
    velocity = momentum * velocity + grad
    return w - sign * velocity, velocity


@momentum_step.mistake(
    "gradient-twice",
    "The step holds the gradient twice: it is in the new velocity already.",
    hint="The step is lr * velocity, with the new velocity, and nothing else.",
)
def _(w, grad, velocity, lr, momentum):
    velocity = momentum * velocity + grad
    return w - lr * (velocity + grad), velocity


@momentum_step.mistake(
    "velocity-twice",
    "The momentum is counted twice: the old velocity is in the new one already.",
    hint="The step is lr * velocity, with the new velocity, and nothing else.",
    again=(lambda momentum: momentum, lambda momentum: 1),
)
def _(w, grad, velocity, lr, momentum, again):
    new = momentum * velocity + grad
    return w - lr * (new + again(momentum) * velocity), new


@momentum_step.mistake(
    "effective-step",
    "lr / (1 - momentum) is what the steps come to after many of them, by themselves. It is not a factor of"
    " each step.",
    hint="The single step is lr * velocity.",
    along=(lambda grad, new: grad, lambda grad, new: new),
)
def _(w, grad, velocity, lr, momentum, along):
    new = momentum * velocity + grad
    return w - lr / (1 - momentum) * along(grad, new), new


@momentum_step.mistake(
    "lr-and-momentum-swapped",
    "The two numbers have changed places: lr stands at the velocity, momentum at the step.",
    hint="momentum says how much of the old velocity stays; lr how long the step is.",
)
def _(w, grad, velocity, lr, momentum):
    return right_momentum_step(w, grad, velocity, momentum, lr)


def guess_decay(probes: list, results: list[Result]) -> list[dict]:
    """Return the weight decays that explain an answer's first result, as {"decay": number}."""
    w, grad, velocity, lr, momentum = probes[0]
    value = results[0].value
    if value is None or any(v.shape != w.shape for v in value):
        return []
    right_w, right_velocity = right_momentum_step(w, grad, velocity, lr, momentum)
    guesses = ((value[1] - right_velocity) / w)[0], ((right_w - value[0]) / (lr * w))[0]
    return [{"decay": float(g)} for g in guesses if 0 < g <= 1]


@momentum_step.mistake(
    "weight-decay",
    "Besides momentum there is a weight decay: the weights also shrink towards 0. torch has it as"
    " weight_decay, which is 0 unless asked for.",
    hint="Only grad goes into the velocity, and only the velocity into w.",
    fit=guess_decay,
    decay=(0.0005,),
    inside=(True, False),
)
def _(w, grad, velocity, lr, momentum, decay, inside):
    new = momentum * velocity + grad + (decay * w if inside else 0)
    return w - lr * new - (0 if inside else lr * decay * w), new
