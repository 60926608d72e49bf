import pytest
import torch
from torch import nn

from softmax_lib.models import linear_classifier, mlp


def count(model):
    return sum(parameter.numel() for parameter in model.parameters())


def test_the_lectures_mlp_has_682090_parameters():
    assert (
        count(mlp())
        == 682_090
        == 784 * 520 + 520 + 520 * 320 + 320 + 320 * 240 + 240 + 240 * 120 + 120 + 1210
    )


def test_the_linear_classifier_has_7850_parameters():
    assert count(linear_classifier()) == 7850 == 784 * 10 + 10


def test_the_lectures_layers_in_order():
    layers = [(layer.in_features, layer.out_features) for layer in mlp() if isinstance(layer, nn.Linear)]
    assert layers == [(784, 520), (520, 320), (320, 240), (240, 120), (120, 10)]
    assert [type(layer).__name__ for layer in mlp()] == ["Flatten", *["Linear", "ReLU"] * 4, "Linear"]


@pytest.mark.parametrize("model", [mlp(), linear_classifier(), mlp((784, 10))])
def test_models_return_logits(model):
    logits = model(torch.rand(5, 1, 28, 28))
    assert logits.shape == (5, 10)
    assert (logits < 0).any() and (logits > 0).any()  # neither ReLU nor softmax at the end
    assert not torch.allclose(logits.sum(dim=1), torch.ones(5))


def test_each_hidden_layer_gets_its_own_activation():
    activations = [layer for layer in mlp((4, 3, 3, 2), nn.PReLU) if isinstance(layer, nn.PReLU)]
    assert len(activations) == 2 and activations[0] is not activations[1]


@pytest.mark.parametrize("sizes", [(784,), (), (784, 0, 10), (784, 10.0), (784, -3, 10), (784, True, 10)])
def test_wrong_sizes_are_refused(sizes):
    with pytest.raises(ValueError, match="two or more positive whole numbers"):
        mlp(sizes)


@pytest.mark.parametrize("activation", ["relu", nn.ReLU(), None])
def test_an_activation_that_makes_no_layer_is_refused(activation):
    with pytest.raises(TypeError, match="pass nn.ReLU"):
        mlp(activation=activation)


def test_sizes_given_one_by_one_are_refused():
    with pytest.raises(TypeError, match=r"one tuple, such as \(784, 30, 10\); found 784"):
        mlp(784, 10)
