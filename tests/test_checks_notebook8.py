"""The exercises of notebook 8: the bug left in is named, the usual wrong repairs are, and right ones pass."""

import re
from pathlib import Path

import catalogue
import nbformat
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from catalogue import Catalogue
from torch import nn

from softmax_lib import checks, training
from softmax_lib.data import Batches, Split

EXERCISES = tuple(f"clinic_{k}" for k in range(1, 7))
NOTEBOOK = Path(__file__).parent.parent / "notebooks" / "08_bug_clinic.ipynb"

BUG = {  # the id of the program as it stands in the notebook
    "clinic_1": "double-softmax",
    "clinic_2": "one-hot-read-as-labels",
    "clinic_3": "labels-overwritten",
    "clinic_4": "divided-by-dataset-size",
    "clinic_5": "no-zero-grad",
    "clinic_6": "0-255",
}
PROMISED = {
    "clinic_1": "double-softmax softmax-then-log floor-subtracted larger-steps logits-returned",
    "clinic_2": "one-hot-read-as-labels float-one-hot-of-wrong-shape as-many-labels-as-classes transposed",
    "clinic_3": "labels-overwritten true-labels-frozen stale-predictions runs-once-only predictions-not-kept",
    "clinic_4": "divided-by-dataset-size mean-of-batch-means all-batches-as-large-as-one",
    "clinic_5": "no-zero-grad smaller-learning-rate zero-grad-once-an-epoch zero-grad-after-backward",
    "clinic_6": "0-255 per-image-scaling scaled-by-the-batch logits-divided double-softmax",
}

CATALOGUE = Catalogue()
wrong, right = CATALOGUE.wrong, CATALOGUE.right
ONE, TWO, THREE, FOUR, FIVE, SIX = EXERCISES


def eye(z, y):
    return torch.eye(z.shape[1])[y]


# --------------------------------------------------------------------------------------------------- clinic_1
def step(loss, probs=lambda z: z.softmax(1), told=lambda v: v.item(), lr=None, factor=None):
    """A step as a learner writes it, in one function; loss is made of logits and labels."""

    def answer(model, x, labels, optimizer):
        if lr is not None:
            optimizer.param_groups[0]["lr"] = lr
        if factor is not None:
            optimizer.param_groups[0]["lr"] *= factor
        logits = model(x)
        value = loss(logits, labels)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        return probs(logits).detach(), told(value)

    return answer


twice = nn.CrossEntropyLoss()


@wrong("double-softmax", ONE)
def program_1_with_a_layer(model, x, labels, optimizer):
    probs = nn.Sequential(model, nn.Softmax(dim=1))(x)
    loss = nn.CrossEntropyLoss()(probs, labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return probs, loss


wrong("double-softmax", ONE)(step(lambda z, y: F.nll_loss(F.softmax(z, 1).log_softmax(1), y)))
wrong("double-softmax", ONE)(step(lambda z, y: twice(z.exp() / z.exp().sum(1)[:, None], y)))
wrong("floor-subtracted", ONE)(step(lambda z, y: twice(z.softmax(1), y) - np.log(np.e + 2) + 1))
wrong("floor-subtracted", ONE)(step(lambda z, y: twice(z.softmax(1), y), told=lambda v: v.item() - 1.4612))
wrong("probabilities-scaled", ONE)(step(lambda z, y: twice(10 * torch.softmax(z, -1), y)))
wrong("probabilities-scaled", ONE)(step(lambda z, y: twice(z.softmax(1) / 0.01, y)))
wrong("larger-steps", ONE)(step(lambda z, y: twice(z.softmax(1), y), factor=30))
wrong("larger-steps", ONE)(step(lambda z, y: twice(z.softmax(1), y), lr=7.5))
wrong("larger-steps", ONE)(step(lambda z, y: 9 * twice(z.softmax(1), y)))
wrong("larger-steps", ONE)(step(lambda z, y: 9 * twice(z.softmax(1), y), told=lambda v: v / 9))
wrong("softmax-then-log", ONE)(step(lambda z, y: nn.NLLLoss()(torch.log(torch.softmax(z, 1)), y)))
wrong("softmax-then-log", ONE)(
    step(lambda z, y: -sum(p[k].log() for p, k in zip(z.softmax(1), y, strict=True)) / len(y))
)
wrong("epsilon-in-log", ONE)(step(lambda z, y: F.nll_loss((z.softmax(1) + 1e-9).log(), y)))
wrong("epsilon-in-log", ONE)(step(lambda z, y: -(eye(z, y) * (z.softmax(1) + 1e-3).log()).sum(1).mean()))
wrong("epsilon-in-log", ONE)(step(lambda z, y: F.nll_loss(z.softmax(1).clamp(min=1e-7).log(), y)))
wrong("nll-on-probabilities", ONE)(step(lambda z, y: -(z.softmax(1) * eye(z, y)).sum() / len(y)))
wrong("nll-on-logits", ONE)(step(lambda z, y: -z[range(len(y)), y].mean()))
wrong("logits-returned", ONE)(step(F.cross_entropy, probs=lambda z: z))
wrong("picks-returned", ONE)(step(F.cross_entropy, probs=lambda z: z.max(1).indices))
wrong("log-probs-returned", ONE)(step(F.cross_entropy, probs=lambda z: F.log_softmax(z, 1)))
wrong("softmax-twice-shown", ONE)(step(F.cross_entropy, probs=lambda z: F.softmax(F.softmax(z, 1), 1)))
wrong("squared-error", ONE)(step(lambda z, y: ((z.softmax(1) - eye(z, y)) ** 2).mean()))
wrong("binary-cross-entropy", ONE)(step(lambda z, y: nn.BCELoss()(z.softmax(1), eye(z, y))))


@wrong("argmax-in-loss", ONE)
def hard_pick_first(model, x, labels, optimizer):
    probs = model(x).softmax(1)
    loss = F.cross_entropy(torch.eye(3)[probs.argmax(1)], labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return probs, loss


def half_repaired(model, x, labels, optimizer):
    logits = model(x)
    healthy(model, F.cross_entropy(logits.softmax(1), labels), optimizer)
    return logits.softmax(1).detach(), F.cross_entropy(logits, labels).item()


def loss_afterwards(model, x, labels, optimizer):
    logits = model(x)
    healthy(model, F.cross_entropy(logits, labels), optimizer)
    return logits.softmax(1), F.cross_entropy(model(x), labels)


wrong("repaired-for-show", ONE)(half_repaired)
wrong("measured-after-the-step", ONE)(loss_afterwards)
wrong("exp-overflows", ONE)(step(F.cross_entropy, probs=lambda z: z.exp() / z.exp().sum(1)[:, None]))
wrong("no-memory", ONE)(step(lambda z, y: twice(z.data, y)))
wrong("sigmoid-in-the-loss", ONE)(step(lambda z, y: twice(1 / (1 + (-z).exp()), y)))
wrong("wrong-axis", ONE)(step(F.cross_entropy, probs=lambda z: (z - z.logsumexp(0)).exp()))
wrong("sum-not-mean", ONE)(step(lambda z, y: sum(map(F.cross_entropy, z, y))))


@wrong("no-step", ONE)
def measured_only(model, x, labels, optimizer):
    with torch.no_grad():
        logits = model(x)
        return torch.softmax(logits, 1), F.cross_entropy(logits, labels)


@wrong("no-zero-grad", ONE)
def step_1_without_zero_grad(model, x, labels, optimizer):
    logits = model(x)
    loss = F.cross_entropy(logits, labels)
    loss.backward()
    optimizer.step()
    return logits.softmax(1), loss


@wrong("measured-after-the-step", ONE)
def step_1_then_probs(model, x, labels, optimizer):
    loss = F.cross_entropy(model(x), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return F.softmax(model(x), dim=1), loss


wrong("wrong-shape", ONE)(lambda model, x, labels, optimizer: F.cross_entropy(model(x), labels))
wrong("swapped-outputs", ONE)(lambda m, x, y, o: step(F.cross_entropy)(m, x, y, o)[::-1])
wrong("nothing-returned", ONE)(lambda model, x, labels, optimizer: None)
wrong("wrong-parameters", ONE)(lambda model, x, labels: (0, 0))
wrong(None, ONE)(step(lambda z, y: F.cross_entropy(z, y, label_smoothing=0.1)))
wrong(None, ONE)(step(lambda z, y: F.cross_entropy(z.clamp(-5, 5), y)))
wrong(None, ONE)(step(lambda z, y: F.cross_entropy(z / 2, y)))
right(ONE)(step(F.cross_entropy))
right(ONE)(step(lambda z, y: F.nll_loss(F.log_softmax(z, 1), y), told=lambda v: v))
right(ONE)(step(lambda z, y: F.cross_entropy(z.log_softmax(1), y)))  # log_softmax twice changes nothing
right(ONE)(step(lambda z, y: F.cross_entropy(z, eye(z, y)), probs=lambda z: z.log_softmax(1).exp()))


@right(ONE)
def probs_first(model, x, labels, optimizer):
    optimizer.zero_grad()
    with torch.no_grad():
        probs = nn.Softmax(dim=1)(model(x))
    loss = nn.CrossEntropyLoss()(model(x), labels)
    loss.backward()
    optimizer.step()
    return [probs.numpy(), float(loss)]


# --------------------------------------------------------------------------------------------------- clinic_2
@wrong("one-hot-read-as-labels", TWO)
def program_2(logits, label):
    target = torch.zeros(logits.shape[1], dtype=torch.int64)
    target[label] = 1
    return F.cross_entropy(logits, target)


wrong("one-hot-read-as-labels", TWO)(
    lambda z, k: F.cross_entropy(z, torch.tensor([int(j == k) for j in range(z.shape[1])])).item()
)
wrong("float-one-hot-of-wrong-shape", TWO)(lambda z, k: F.cross_entropy(z, torch.eye(z.shape[1])[k]))
wrong("one-hot-integers", TWO)(
    lambda z, k: F.cross_entropy(z, torch.eye(z.shape[1], dtype=torch.int64)[[k] * len(z)])
)
wrong("as-many-labels-as-classes", TWO)(lambda z, k: F.cross_entropy(z, torch.tensor([k] * z.size(1))))
wrong("always-three-labels", TWO)(lambda z, k: nn.CrossEntropyLoss()(z, torch.tensor([k, k, k])))
wrong("label-not-repeated", TWO)(lambda z, k: nn.CrossEntropyLoss()(z, torch.as_tensor(k)))
wrong("label-not-repeated", TWO)(lambda z, k: nn.CrossEntropyLoss()(z, torch.eye(z.shape[1])[[k]]))
wrong("logits-averaged-first", TWO)(lambda z, k: F.cross_entropy(z.mean(0, keepdim=True), torch.tensor([k])))
wrong("probabilities-averaged-first", TWO)(lambda z, k: -torch.log(z.softmax(1)[:, k].mean()))
wrong("one-view-only", TWO)(lambda z, k: F.cross_entropy(z[:1], torch.tensor([k])))
wrong("transposed", TWO)(lambda z, k: F.cross_entropy(z.t(), F.one_hot(torch.tensor(k), z.shape[1])))
wrong("divided-twice", TWO)(lambda z, k: F.cross_entropy(z, torch.eye(z.shape[1])[[k] * len(z)] / len(z)))
wrong("mean-over-elements", TWO)(
    lambda z, k: -(torch.eye(z.shape[1])[[k] * len(z)] * z.log_softmax(1)).mean()
)
wrong("sum-not-mean", TWO)(lambda z, k: sum(F.cross_entropy(row, torch.tensor(k)) for row in z))
wrong("missing-minus", TWO)(lambda z, k: (z[:, k] - z.logsumexp(1)).mean())
wrong("double-softmax", TWO)(lambda z, k: F.cross_entropy(F.softmax(z, 1), torch.tensor([k] * len(z))))
wrong("picks-as-labels", TWO)(lambda z, k: F.cross_entropy(z, z.max(1).indices))
wrong("nll-on-logits", TWO)(lambda z, k: F.nll_loss(z, torch.tensor([k] * len(z))))
wrong("wrong-shape", TWO)(lambda z, k: [F.cross_entropy(row, torch.tensor(k)) for row in z])
wrong("softmax-then-log", TWO)(lambda z, k: F.nll_loss(z.softmax(1).log(), torch.tensor([k] * len(z))))
wrong("printed-not-returned", TWO)(lambda z, k: print(F.cross_entropy(z, torch.tensor([k] * len(z)))))
wrong(None, TWO)(lambda z, k: F.cross_entropy(z, torch.tensor([k] * len(z))).round(decimals=2))
wrong(None, TWO)(lambda z, k: -(z.softmax(1)[:, k] + 1e-8).log().mean())
right(TWO)(lambda z, k: F.cross_entropy(z, torch.tensor([k] * len(z))))
right(TWO)(lambda z, k: F.cross_entropy(z, F.one_hot(torch.tensor(k), z.shape[1]).float().expand(len(z), -1)))
right(TWO)(lambda z, k: (z.logsumexp(1) - z[:, k]).mean().item())
right(TWO)(lambda z, k: np.mean([F.cross_entropy(row[None], torch.tensor([k])).item() for row in z]))
right(TWO)(lambda logits, label: F.cross_entropy(logits, torch.zeros(len(logits), dtype=int) + label))


wrong("one-hot-read-as-labels", TWO)(
    lambda z, k: F.cross_entropy(z, (torch.arange(len(z)) == k % len(z)) * 1)
)
wrong("divided-by-classes", TWO)(lambda z, k: -z.log_softmax(1)[:, k].sum() / z.size(1))
wrong("wrong-axis", TWO)(lambda z, k: (z.logsumexp(0) - z)[:, k].mean())
wrong("binary-cross-entropy", TWO)(
    lambda z, k: nn.BCEWithLogitsLoss()(z, torch.eye(z.shape[1])[k].repeat(len(z), 1))
)


# --------------------------------------------------------------------------------------------------- clinic_3
@wrong("labels-overwritten", THREE)
def program_3(names):
    labels = names["model"](names["images"]).argmax(1)
    accuracy = (labels == names["labels"]).float().mean().item()
    names["labels"] = labels
    return accuracy


@wrong("labels-overwritten", THREE)
def written_into_the_labels(names):
    picks = torch.max(names["model"](names["images"]), 1)[1]
    accuracy = (picks == names["labels"]).sum().item() / len(picks)
    names["labels"][:] = picks
    names["predictions"] = picks
    return accuracy


@wrong("labels-overwritten", THREE)
def put_aside_anew_in_each_run(names):
    names["true_labels"] = names["labels"]
    names["labels"] = names["predictions"] = names["model"](names["images"]).argmax(1)
    return (names["labels"] == names["true_labels"]).float().mean()


@wrong("true-labels-frozen", THREE)
def put_aside_once(names):
    if "true_labels" not in names:
        names["true_labels"] = names["labels"].clone()
    names["labels"] = names["predictions"] = names["model"](names["images"]).argmax(1)
    if len(names["labels"]) != len(names["true_labels"]):  # other data: what a learner's error would be
        return (names["labels"] == names["true_labels"]).float().mean()
    return (names["labels"] == names["true_labels"]).float().mean()


@wrong("predictions-not-kept", THREE)
def measured_and_forgotten(names):
    return (names["model"](names["images"]).argmax(1) == names["labels"]).double().mean().item()


@wrong("stale-predictions", THREE)
def predicted_once(names):
    if "predictions" not in names:
        names["predictions"] = names["model"](names["images"]).argmax(1)
    return (names["predictions"] == names["labels"]).float().mean().item()


@wrong("stale-predictions", THREE)
def one_run_late(names):
    fresh = names["model"](names["images"]).argmax(1)
    old = names["predictions"] if "predictions" in names else fresh
    names["predictions"] = fresh
    return (old == names["labels"]).float().mean().item()


@wrong("compared-with-itself", THREE)
def with_itself(names):
    names["predictions"] = names["model"](names["images"]).argmax(1)
    return (names["predictions"] == names["model"](names["images"]).argmax(1)).float().mean()


@wrong("names-swapped", THREE)
def swapped(names):
    accuracy = right_cell(names)
    names["predictions"] = names["labels"]
    return accuracy


@wrong("logits-kept", THREE)
def logits_kept(names):
    names["predictions"] = names["model"](names["images"])
    return (names["predictions"].argmax(1) == names["labels"]).float().mean()


@wrong("images-overwritten", THREE)
def images_scaled(names):
    accuracy = right_cell(names)
    names["images"] = names["images"] / 255
    return accuracy


wrong("error-rate", THREE)(lambda names: 1.0 - right_cell(names))
wrong("percent", THREE)(lambda names: 100.0 * right_cell(names))
wrong("count", THREE)(lambda names: round(right_cell(names) * len(names["labels"])))


@wrong("runs-once-only", THREE)
def with_a_flag(names):
    if "accuracy" not in names:
        names["accuracy"] = right_cell(names)
    return names["accuracy"]


@wrong("second-run-fails", THREE)
def popped(names):
    names["predictions"] = names["model"](names["images"]).argmax(1)
    return (names["predictions"] == names.pop("labels")).float().mean().item()


wrong("raises", THREE)(lambda names: (names.model(names.images).argmax(1) == names.labels).float().mean())
wrong("nothing-returned", THREE)(lambda names: names.update(predictions=1))


@right(THREE)
def right_cell(names):
    names["predictions"] = names["model"](names["images"]).argmax(1)
    return (names["predictions"] == names["labels"]).float().mean().item()


@right(THREE)
def right_with_more_names(names):
    with torch.no_grad():
        names["logits"] = names["model"](names["images"])
    names["predictions"] = names["logits"].max(dim=1).indices.tolist()
    names["accuracy"] = np.mean(np.array(names["predictions"]) == names["labels"].numpy())
    return names["accuracy"]


@right(THREE)
def right_with_locals(names):
    model, images, labels = names["model"], names["images"], names["labels"]
    predictions = F.softmax(model(images), 1).argmax(dim=1)
    names.update(predictions=predictions)
    return torch.mean((predictions == labels).float())


def picks_and_truth(names):
    return names["model"](names["images"]).max(1).indices, names["labels"]


def hit_rate(picks, truth):
    return sum(picks == truth) / len(truth)


@wrong("stale-predictions", THREE)
def kept_once(names):
    picks, truth = picks_and_truth(names)
    names.setdefault("predictions", picks)
    return hit_rate(picks, truth)


@wrong("compared-with-earlier-picks", THREE)
def the_run_before(names):
    picks, truth = picks_and_truth(names)
    before = names["predictions"] if "predictions" in names else truth
    names["predictions"] = picks
    return (picks == before).float().mean()


@wrong("hits-kept", THREE)
def right_or_not(names):
    names["predictions"] = torch.eq(*picks_and_truth(names))
    return names["predictions"].double().mean().item()


# --------------------------------------------------------------------------------------------------- clinic_4
def measured(put_together):
    """An answer that collects each batch's mean loss, right picks and size, and puts them together."""

    def answer(model, batches):
        means, rights, sizes = [], [], []
        for x, labels in batches:
            with torch.no_grad():
                logits = model(x)
            means.append(nn.CrossEntropyLoss()(logits, labels).item())
            rights.append(int((logits.argmax(1) == labels).sum()))
            sizes.append(len(x))
        return put_together(means, rights, sizes)

    return answer


def good(m, r, s):
    return sum(a * b for a, b in zip(m, s, strict=True)) / sum(s), sum(r) / sum(s)


@wrong("divided-by-dataset-size", FOUR)
def the_lectures_test(model, batches):
    test_loss, correct, size = 0, 0, sum(len(y) for _, y in batches)
    for x, y in batches:
        output = model(x)
        test_loss += F.cross_entropy(output, y).item()
        correct += output.max(1, keepdim=True)[1].eq(y.view(-1, 1)).sum().item()
    return test_loss / size, correct / size


wrong("mean-of-batch-means", FOUR)(measured(lambda m, r, s: (sum(m) / len(m), sum(r) / sum(s))))
wrong("all-batches-as-large-as-one", FOUR)(  # all but the last taken to be as large as the first
    measured(lambda m, r, s: good(m, r, [s[0]] * (len(s) - 1) + [s[-1]] if len(s) > 1 else s))
)
wrong("mean-of-batch-means", FOUR)(
    measured(lambda m, r, s: (np.mean(m), np.mean([a / b for a, b in zip(r, s, strict=True)])))
)
wrong("mean-of-batch-means", FOUR)(
    measured(lambda m, r, s: (good(m, r, s)[0], np.mean(np.array(r) / np.array(s))))
)
wrong("all-batches-as-large-as-one", FOUR)(
    measured(lambda m, r, s: (sum(v * s[0] for v in m) / sum(s), sum(r) / sum(s)))
)
wrong("all-batches-as-large-as-one", FOUR)(
    measured(lambda m, r, s: (good(m, r, s)[0] * sum(s) / (len(s) * s[0]), sum(r) / sum(s)))
)
wrong("all-batches-as-large-as-one", FOUR)(measured(lambda m, r, s: (64 * sum(m) / sum(s), sum(r) / sum(s))))
wrong("divided-by-batches", FOUR)(
    measured(lambda m, r, s: (sum(map(lambda a, b: a * b, m, s)) / len(s), sum(r) / sum(s)))
)
wrong("sum-not-mean", FOUR)(measured(lambda m, r, s: (sum(m), sum(r) / sum(s))))
wrong("divided-twice", FOUR)(
    measured(lambda m, r, s: (sum(a / b for a, b in zip(m, s, strict=True)) / len(s), sum(r) / sum(s)))
)
wrong("last-batch-left-out", FOUR)(
    measured(lambda m, r, s: good(m[:-1], r[:-1], s[:-1]) if len(s) > 1 else good(m, r, s))
)
wrong("last-batch-only", FOUR)(measured(lambda m, r, s: (m[-1], r[-1] / s[-1])))
wrong("first-batch-only", FOUR)(lambda model, batches: measured(good)(model, batches[:1]))
wrong("percent", FOUR)(measured(lambda m, r, s: (good(m, r, s)[0], 100.0 * sum(r) / sum(s))))
wrong("count", FOUR)(measured(lambda m, r, s: (good(m, r, s)[0], sum(r))))
wrong("double-softmax", FOUR)(
    lambda model, batches: measured(good)(nn.Sequential(model, nn.Softmax(1)), batches)
)
wrong("swapped-outputs", FOUR)(measured(lambda m, r, s: good(m, r, s)[::-1]))
wrong("wrong-shape", FOUR)(measured(lambda m, r, s: good(m, r, s)[0]))
wrong("nothing-returned", FOUR)(measured(lambda m, r, s: None))
wrong(None, FOUR)(measured(lambda m, r, s: (np.median(m), sum(r) / sum(s))))
wrong(None, FOUR)(measured(lambda m, r, s: (good(m, r, s)[0], round(sum(r) / sum(s), 1))))
right(FOUR)(measured(good))
right(FOUR)(measured(lambda m, r, s: np.array(good(m, r, s))))
right(FOUR)(training.evaluate)


@right(FOUR)
def sums_of_losses(model, batches):
    loss = correct = count = 0
    for x, labels in batches:
        logits = model(x)
        loss += F.cross_entropy(logits, labels, reduction="sum")
        correct += (logits.argmax(1) == labels).sum()
        count += labels.numel()
    return loss / count, correct / count


@right(FOUR)
def all_rows_at_once(model, batches):
    x, labels = (torch.cat(parts) for parts in zip(*batches, strict=True))
    return F.cross_entropy(model(x), labels).item(), (model(x).argmax(1) == labels).double().mean().item()


# --------------------------------------------------------------------------------------------------- clinic_5
def epoch_of(body, before=None, after=None, told=list):
    """An epoch whose loop body is a function of (model, loss, optimizer)."""

    def answer(model, batches, optimizer):
        losses = []
        if before:
            before(model, optimizer, len(batches))
        for x, labels in batches:
            loss = F.cross_entropy(model(x), labels)
            losses.append(loss.item())
            body(model, loss, optimizer)
        if after:
            after(model, optimizer)
        return told(losses)

    return answer


def buggy(model, loss, optimizer):
    loss.backward()
    optimizer.step()


def healthy(model, loss, optimizer):
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def change(factor=None, lr=None):
    def before(model, optimizer, *_):
        for group in optimizer.param_groups:
            group["lr"] = lr if factor is None else factor * group["lr"]

    return before


@wrong("no-zero-grad", FIVE)
def program_5(model, batches, optimizer):
    losses = []
    for x, labels in batches:
        loss = F.cross_entropy(model(x), labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


wrong("zero-grad-once-an-epoch", FIVE)(epoch_of(buggy, before=lambda model, *_: model.zero_grad()))
wrong("zero-grad-once-an-epoch", FIVE)(epoch_of(buggy, after=lambda model, optimizer: optimizer.zero_grad()))
wrong("smaller-learning-rate", FIVE)(epoch_of(buggy, before=change(lr=0.001)))
wrong("smaller-learning-rate", FIVE)(epoch_of(buggy, before=change(factor=0.25)))
wrong("smaller-learning-rate", FIVE)(epoch_of(healthy, before=change(factor=0.5)))
wrong("smaller-learning-rate", FIVE)(epoch_of(lambda m, v, o: (change(factor=0.9)(m, o), buggy(m, v, o))))
wrong("smaller-learning-rate", FIVE)(epoch_of(buggy, after=change(factor=0.5)))


@wrong("zero-grad-after-backward", FIVE)
def emptied_too_late(model, batches, optimizer):
    losses = []
    for x, labels in batches:
        losses.append(F.cross_entropy(model(x), labels))
        losses[-1].backward()
        model.zero_grad()
        optimizer.step()
    return torch.stack(losses)


wrong("step-before-backward", FIVE)(epoch_of(lambda m, v, o: (o.step(), o.zero_grad(), v.backward())))
wrong("no-step", FIVE)(epoch_of(lambda m, v, o: (o.zero_grad(), v.backward())))
wrong("no-step", FIVE)(epoch_of(lambda m, v, o: None))
wrong("one-step-an-epoch", FIVE)(
    epoch_of(
        lambda m, v, o: v.backward(),
        before=lambda m, o, n: o.zero_grad(),
        after=lambda m, o: o.step(),
    )
)
wrong("gradients-clipped", FIVE)(
    epoch_of(lambda m, v, o: (v.backward(), nn.utils.clip_grad_norm_(m.parameters(), 1.0), o.step()))
)
wrong("gradients-averaged", FIVE)(
    lambda model, batches, optimizer: epoch_of(lambda m, v, o: buggy(m, v / len(batches), o))(
        model, batches, optimizer
    )
)
wrong("backward-twice", FIVE)(
    epoch_of(lambda m, v, o: (o.zero_grad(), v.backward(retain_graph=True), v.backward(), o.step()))
)


@wrong("losses-after-the-step", FIVE)
def measured_after_each_step(model, batches, optimizer):
    losses = []
    for x, labels in batches:
        healthy(model, F.cross_entropy(model(x), labels), optimizer)
        with torch.no_grad():
            losses.append(F.cross_entropy(model(x), labels).item())
    return losses


wrong("mean-of-losses", FIVE)(epoch_of(healthy, told=lambda losses: sum(losses) / len(losses)))


@wrong("sum-not-mean", FIVE)
def sums(model, batches, optimizer):
    losses = []
    for x, labels in batches:
        loss = nn.CrossEntropyLoss(reduction="sum")(model(x), labels)
        healthy(model, loss, optimizer)
        losses.append(loss.item())
    return losses


@wrong("double-softmax", FIVE)
def softmax_first(model, batches, optimizer):
    losses = []
    for x, labels in batches:
        loss = F.cross_entropy(F.softmax(model(x), 1), labels)
        healthy(model, loss, optimizer)
        losses.append(loss.item())
    return losses


@wrong("new-optimizer", FIVE)
def made_anew(model, batches, optimizer):
    optimizer = torch.optim.SGD(model.parameters(), lr=optimizer.param_groups[0]["lr"])
    return epoch_of(buggy)(model, batches, optimizer)


def put_back(model, batches, optimizer):
    old = optimizer.param_groups[0]["lr"]
    losses = epoch_of(buggy, before=change(factor=0.1))(model, batches, optimizer)
    change(lr=old)(model, optimizer)
    return losses


def without_momentum(model, optimizer, *_):
    for group in optimizer.param_groups:
        if "momentum" in group:
            group["momentum"] = 0


def every_other(model, batches, optimizer):
    losses = []
    for k, (x, labels) in enumerate(batches):
        loss = F.cross_entropy(model(x), labels)
        losses.append(loss.item())
        if k % 2 == 0:
            optimizer.zero_grad()
        buggy(model, loss, optimizer)
    return losses


def no_step_with_the_last(model, batches, optimizer):
    losses = []
    for k, (x, labels) in enumerate(batches):
        losses.append(F.cross_entropy(model(x), labels).item())
        if k + 1 < len(batches):
            healthy(model, F.cross_entropy(model(x), labels), optimizer)
    return losses


def lr_over_k(model, batches, optimizer):
    lr, losses = optimizer.param_groups[0]["lr"], []
    for k, batch in enumerate(batches):
        change(lr=lr / (k + 1))(model, optimizer)
        losses += epoch_of(buggy)(model, [batch], optimizer)
    change(lr=lr)(model, optimizer)
    return losses


wrong("smaller-learning-rate", FIVE)(put_back)
wrong("smaller-learning-rate", FIVE)(lr_over_k)
wrong("momentum-lost", FIVE)(epoch_of(buggy, before=without_momentum))
wrong("momentum-lost", FIVE)(epoch_of(lambda m, v, o: (o.state.clear(), healthy(m, v, o))))
wrong("zero-grad-sometimes", FIVE)(every_other)
wrong("last-batch-left-out", FIVE)(no_step_with_the_last)
wrong("losses-added-up", FIVE)(epoch_of(healthy, told=lambda v: [sum(v[: k + 1]) for k in range(len(v))]))
wrong("divided-by-size", FIVE)(
    lambda m, b, o: [v / len(y) for v, (x, y) in zip(epoch_of(healthy)(m, b, o), b, strict=True)]
)
wrong("returned-too-early", FIVE)(lambda m, b, o: epoch_of(healthy)(m, [b[0]], o))
wrong("printed-not-returned", FIVE)(lambda *args: print(epoch_of(healthy)(*args)))
wrong("nothing-returned", FIVE)(epoch_of(healthy, told=lambda losses: None))
wrong(None, FIVE)(epoch_of(lambda m, v, o: (o.zero_grad(), v.backward(), m.weight.grad.mul_(0.9), o.step())))
right(FIVE)(epoch_of(healthy))
right(FIVE)(epoch_of(lambda m, v, o: (v.backward(), o.step(), o.zero_grad())))
right(FIVE)(epoch_of(lambda m, v, o: (m.zero_grad(set_to_none=False), v.backward(), o.step())))


@right(FIVE)
def by_hand(model, batches, optimizer):
    losses = []
    for x, labels in batches:
        for parameter in model.parameters():
            parameter.grad = None
        loss = nn.CrossEntropyLoss()(model(x), labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    return torch.stack(losses)


@right(FIVE)
def gradients_assigned(model, batches, optimizer):
    losses = []
    for x, labels in batches:
        loss = F.cross_entropy(model(x), labels)
        parameters = list(model.parameters())
        for parameter, grad in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
            parameter.grad = grad
        optimizer.step()
        losses += [loss]
    return losses


# --------------------------------------------------------------------------------------------------- clinic_6
def on(pixels, take=lambda z: z, told=lambda loss, accuracy: (loss, accuracy)):
    """An answer that turns uint8 images into a model's input in some way."""

    def answer(model, images, labels):
        logits = take(model(pixels(images)))
        return told(F.cross_entropy(logits, labels).item(), np.mean((logits.argmax(1) == labels).numpy()))

    return answer


def unit(images):
    return images.unsqueeze(1) / 255


wrong("0-255", SIX)(on(lambda i: i[:, None].float()))
wrong("0-255", SIX)(on(lambda i: i.flatten(1).to(torch.float32)))
wrong("per-image-scaling", SIX)(on(lambda i: torch.stack([image / image.max() for image in i])))
wrong("scaled-by-the-batch", SIX)(on(lambda i: i[:, None] / i.max()))
wrong("another-range", SIX)(on(lambda i: (unit(i) - 0.5) / 0.5))
wrong("another-range", SIX)(on(lambda i: (unit(i) - 0.1307) / 0.3081))
wrong("divided-by-256", SIX)(on(lambda i: i[:, None].float().mul(1 / 256)))
wrong("integer-division", SIX)(on(lambda i: (i[:, None] // 255).float()))
wrong("integer-division", SIX)(on(lambda i: unit(i).to(torch.uint8).float()))
wrong("scaled-if-bright", SIX)(
    on(lambda i: unit(i) if i.max() > 1 else i[:, None].float())
)  # "in [0, 1] already"
wrong("clipped", SIX)(on(lambda i: i[:, None].float().clip(max=1)))
wrong("scaled-twice", SIX)(on(lambda i: unit(i) / 255))
wrong("logits-divided", SIX)(on(lambda i: i[:, None].float(), take=lambda z: z.div(255)))
wrong("loss-divided", SIX)(on(lambda i: i[:, None].float(), told=lambda loss, a: (loss / 255, a)))
wrong("double-softmax", SIX)(on(lambda i: i[:, None].float(), take=lambda z: F.softmax(z, 1)))
wrong("double-softmax", SIX)(on(unit, take=lambda z: F.softmax(z, 1)))
wrong("percent", SIX)(on(unit, told=lambda loss, a: (loss, 100.0 * a)))


@wrong("count", SIX)
def number_of_right_picks(model, images, labels):
    logits = model(unit(images))
    return F.cross_entropy(logits, labels), int((logits.argmax(1) == labels).sum())


@wrong("sum-not-mean", SIX)
def sum_of_losses(model, images, labels):
    logits = model(unit(images))
    return F.cross_entropy(logits, labels, reduction="sum"), (logits.argmax(1) == labels).float().mean()


wrong("swapped-outputs", SIX)(on(unit, told=lambda loss, a: (a, loss)))
wrong("integer-dtype", SIX)(on(lambda i: i.unsqueeze(1)))
wrong("integer-dtype", SIX)(on(lambda i: i.unsqueeze(1).double() / 255))
wrong("wrong-shape", SIX)(on(unit, told=lambda loss, a: loss))
wrong("nothing-returned", SIX)(on(unit, told=lambda loss, a: None))
wrong(None, SIX)(on(lambda i: unit(i) + 0.01))
wrong(None, SIX)(on(lambda i: unit(i).flip(-1)))
right(SIX)(on(unit))
wrong("channel-axis", SIX)(on(lambda i: i / 255))
wrong("channel-axis", SIX)(on(lambda i: unit(i).movedim(1, -1)))
wrong("channel-axis", SIX)(on(lambda i: unit(i).reshape(len(i), -1)))
wrong("images-turned", SIX)(on(lambda i: unit(i).permute(0, 1, 3, 2)))
right(SIX)(on(lambda i: torch.from_numpy(i.numpy().astype(np.float32) / 255)[:, None]))
right(SIX)(lambda model, images, labels: training.evaluate(model, Batches(Split(images, labels), 2)))


@right(SIX)
def picture_by_picture(model, images, labels):
    losses, rights = [], 0
    with torch.inference_mode():
        for image, label in zip(images, labels, strict=True):
            logits = model(image[None, None].to(torch.float32).div(255))
            losses.append(F.cross_entropy(logits, label[None]))
            rights += int(logits.argmax() == label)
    return sum(losses) / len(losses), rights / len(labels)


# ------------------------------------------------------------------------------------------------------ tests
def name_of(case):
    return "-".join(str(part) for part in case[:-1])


@pytest.mark.parametrize("case", CATALOGUE.wrong_answers, ids=name_of)
def test_a_wrong_answer_is_named_and_its_shown_input_fails(case):
    catalogue.is_named(*case)


@pytest.mark.parametrize("case", CATALOGUE.right_answers, ids=lambda case: case[0])
def test_a_right_answer_passes_however_it_is_written(case):
    catalogue.passes(*case)


@pytest.mark.parametrize("name", EXERCISES)
def test_every_promised_and_every_known_id_has_an_independent_rewrite_here(name):
    CATALOGUE.covers(name, PROMISED[name].split())


@pytest.mark.parametrize("name", EXERCISES)
def test_no_two_ids_give_the_same_results_on_all_probes(name):
    catalogue.ids_are_told_apart(name)


@pytest.mark.parametrize("name", EXERCISES)
def test_every_known_mistake_shows_on_some_probe_and_is_named_itself(name):
    catalogue.mistakes_are_named_themselves(name)


def programs():
    """The six programs as the notebook shows them."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    namespace = {"torch": torch, "F": F, "nn": nn}
    for cell in notebook.cells:
        for source in re.findall(r"^def program_\d.*?(?=^\S|\Z)", cell.source, re.M | re.S):
            if cell.cell_type == "code":
                exec(source, namespace)
    return namespace


@pytest.mark.parametrize("name", EXERCISES)
def test_the_notebooks_program_copied_as_it_is_gets_the_name_of_its_bug(name):
    program = programs()[name.replace("clinic", "program")]
    assert getattr(checks, name)(program).mistake == BUG[name]


@pytest.mark.parametrize("name", EXERCISES)
def test_a_stub_is_not_attempted_and_the_learners_random_state_stays(name):
    state = torch.random.get_rng_state()
    assert not getattr(checks, name)(lambda *args: ...).attempted
    assert torch.equal(torch.random.get_rng_state(), state)


def test_views_outnumber_classes_equal_them_and_fall_below():
    shapes = [z.shape for z, _ in checks.clinic_2.probes]
    assert any(n == c >= 3 for n, c in shapes) and any(n > c for n, c in shapes)
    assert any(1 < n < c for n, c in shapes) and any(n == 1 for n, _ in shapes)


def test_the_cell_of_clinic_3_has_other_accuracies_in_each_run():
    for probe in checks.clinic_3.probes:
        accuracies = checks.clinic_3.result(checks.clinic_3.right, probe).value[0]
        assert accuracies[0] == accuracies[1] and accuracies[1] != accuracies[2] and max(accuracies) < 1


def test_calls_are_told_in_words_and_only_what_differs_is_shown():
    message = checks.clinic_5(epoch_of(lambda m, v, o: (v.backward(), o.step(), v.detach()))).message
    assert "losses of epoch 2" in message and "calls" not in message and "losses of epoch 1" not in message
    message = checks.clinic_5(no_step_with_the_last).message
    assert "calls = backward, step, backward, step" in message  # of the right answer
    message = checks.clinic_1(half_repaired).message
    assert "weights after step 1" in message and "probs = " not in message
