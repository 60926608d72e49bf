import doctest
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from softmax_lib import gradcheck
from softmax_lib.gradcheck import numerical_gradient, relative_error

pytestmark = pytest.mark.filterwarnings("error")

same_on_every_run = settings(derandomize=True, deadline=None, max_examples=50)
some_arrays = arrays(
    np.float64, array_shapes(min_dims=0, max_dims=3, max_side=4), elements=st.floats(-100, 100)
)


def rng(seed=0):
    return np.random.default_rng(seed)


def test_the_examples_in_the_docstrings_are_true():
    result = doctest.testmod(gradcheck)
    assert result.attempted >= 2 and result.failed == 0


# ---------------------------------------------------------------------------------------- numerical gradients


def test_the_slope_of_x_squared_is_2x():
    gradient = numerical_gradient(lambda x: (x**2).sum(), [1.0, -3.0, 0.5])
    np.testing.assert_allclose(gradient, [2.0, -6.0, 1.0], rtol=1e-9)


def test_a_cubic_tells_central_from_one_sided_differences():
    """(x + h)^3 - (x - h)^3 = 2h (3x^2 + h^2), so the error is h^2; of (x + h)^3 - x^3 it would be 3xh."""
    gradient = numerical_gradient(lambda x: x**3, 2.0, eps=1e-3)
    assert gradient - 12 == pytest.approx(1e-6, rel=1e-3)


@pytest.mark.parametrize("shape", [(), (1,), (4,), (2, 3), (2, 1, 3), (0,), (0, 3)])
def test_the_gradient_has_the_shape_of_x_in_float64(shape):
    x = rng().normal(size=shape)
    gradient = numerical_gradient(lambda x: np.sin(x).sum(), x)
    assert gradient.shape == shape and gradient.dtype == np.float64
    np.testing.assert_allclose(gradient, np.cos(x), atol=1e-9)


@same_on_every_run
@given(some_arrays, st.integers(0, 100))
def test_a_weighted_sum_has_its_weights_as_gradient(x, seed):
    weights = rng(seed).normal(size=x.shape)
    assert relative_error(weights, numerical_gradient(lambda x: (weights * x).sum(), x)) < 1e-6


def test_it_agrees_with_autograd():
    x = rng().normal(size=(3, 4))
    z = torch.tensor(x, requires_grad=True)
    (torch.tanh(z).prod(dim=1) * z.exp().sum()).sum().backward()
    numerical = numerical_gradient(lambda x: (np.tanh(x).prod(axis=1) * np.exp(x).sum()).sum(), x)
    assert relative_error(z.grad.numpy(), numerical) < 1e-7


def test_an_uneven_upstream_gradient_is_handed_through():
    x, matrix, upstream = rng().normal(size=3), rng(1).normal(size=(2, 3)), np.array([1.0, -5.0])
    numerical = numerical_gradient(lambda x: np.exp(matrix @ x), x, upstream=upstream)
    z = torch.tensor(x, requires_grad=True)
    torch.exp(torch.tensor(matrix) @ z).backward(torch.tensor(upstream))
    assert relative_error(z.grad.numpy(), numerical) < 1e-7


def test_an_upstream_gradient_of_one_number_scales():
    numerical = numerical_gradient(lambda x: (x**2).sum(), [3.0], upstream=-10.0)
    np.testing.assert_allclose(numerical, [-60.0], rtol=1e-9)


@pytest.mark.parametrize("x", [np.float32([0.1, 0.2, 0.3]), np.float16([0.1, 0.2, 0.3]), [0.1, 0.2, 0.3]])
def test_f_gets_float64_whatever_x_is(x):
    seen = []
    gradient = numerical_gradient(lambda x: seen.append(x.dtype) or np.exp(x).sum(), x)
    assert set(seen) == {np.dtype(np.float64)}
    np.testing.assert_allclose(gradient, np.exp(np.asarray(x, dtype=np.float64)), rtol=1e-8)


def test_whole_numbers_are_moved_by_less_than_1():
    x = np.array([1, 2, 3])
    np.testing.assert_allclose(numerical_gradient(lambda x: (x**2).sum(), x), [2, 4, 6], rtol=1e-9)
    assert x.tolist() == [1, 2, 3]


def test_an_f_that_changes_its_input_does_no_harm():
    def f(x):
        x *= x
        return x.sum()

    x = np.array([1.0, -2.0, 3.0])
    np.testing.assert_allclose(numerical_gradient(f, x), [2.0, -4.0, 6.0], rtol=1e-9)
    assert x.tolist() == [1.0, -2.0, 3.0]


def test_an_f_that_writes_each_point_into_the_weights_gives_their_gradient():
    weights = np.array([1.0, -2.0, 3.0])

    def f(point):
        weights[:] = point  # as a model does whose weights are set, then used
        return weights.prod()

    np.testing.assert_allclose(numerical_gradient(f, weights), [-6.0, 3.0, -2.0], rtol=1e-9)


def test_an_f_that_keeps_its_inputs_finds_them_as_they_were():
    kept = []
    numerical_gradient(lambda x: kept.append(x) or x.sum(), [0.0, 5.0], eps=0.5)
    assert [x.tolist() for x in kept] == [[0.5, 5.0], [-0.5, 5.0], [0.0, 5.5], [0.0, 4.5]]


def test_an_f_that_returns_the_same_array_each_time_is_read_in_time():
    buffer = np.zeros(2)

    def f(x):
        np.multiply(x, [3.0, 4.0], out=buffer)
        return buffer

    gradient = numerical_gradient(f, [1.0, 1.0], upstream=[1.0, 10.0])
    np.testing.assert_allclose(gradient, [3.0, 40.0], rtol=1e-9)


@pytest.mark.parametrize("x", [1e-12, 1.0, 1e4, 1e8, 1e15, -1e15])
def test_the_step_is_not_lost_in_rounding(x):
    """At 1e15 a step of 3e-5 would leave x where it was."""
    assert numerical_gradient(lambda x: 2 * x, x) == pytest.approx(2, rel=1e-6)


def test_f_is_called_twice_a_number():
    calls = []
    numerical_gradient(lambda x: calls.append(1) or 0.0, np.zeros((2, 3)))
    assert len(calls) == 12


@pytest.mark.parametrize("result", [np.float64(0.0), 0, [0.0], np.zeros((1, 1)), torch.tensor(0.0)])
def test_one_number_may_come_as_a_scalar_or_an_array(result):
    assert numerical_gradient(lambda x: result, [1.0]).tolist() == [0.0]


@pytest.mark.parametrize("value", [math.inf, math.nan])
def test_an_f_that_is_not_finite_gives_nan(value):
    assert np.isnan(numerical_gradient(lambda x: value, [1.0])).all()
    assert np.isnan(numerical_gradient(lambda x: np.array([value]), [1.0], upstream=[0.0])).all()


def test_several_numbers_without_an_upstream_gradient_are_refused():
    with pytest.raises(ValueError, match=r"array of shape \(3,\).*sum\(upstream \* f\(x\)\) pass upstream"):
        numerical_gradient(np.exp, np.zeros(3))


@pytest.mark.parametrize("upstream", [1.0, [1.0], [[1.0, 1.0, 1.0]], [1.0, 1.0]])
def test_an_upstream_gradient_of_another_shape_is_refused(upstream):
    with pytest.raises(ValueError, match=r"upstream must have the shape of f\(x\), \(3,\); found \("):
        numerical_gradient(np.exp, np.zeros(3), upstream=upstream)


def test_an_f_that_returns_nothing_is_named():
    with pytest.raises(TypeError, match="what f returns must be real numbers; found NoneType"):
        numerical_gradient(lambda x: None, [1.0])


@pytest.mark.parametrize("x", [[1.0, np.nan], [-np.inf]])
def test_an_x_that_is_not_finite_is_refused(x):
    with pytest.raises(ValueError, match="x must be finite"):
        numerical_gradient(np.sum, x)


@pytest.mark.parametrize("x", ["1", [1j], None])
def test_an_x_that_is_no_real_number_is_refused(x):
    with pytest.raises(TypeError, match="x must be real numbers"):
        numerical_gradient(np.sum, x)


@pytest.mark.parametrize("eps", [0, -1e-5, math.nan, math.inf])
def test_an_eps_that_is_no_step_is_refused(eps):
    with pytest.raises(ValueError, match="eps must be a small positive number, such as 3e-5; found"):
        numerical_gradient(np.sum, [1.0], eps)


# --------------------------------------------------------------------------------------------- relative error


@pytest.mark.parametrize(
    ("a", "b", "error"),
    [
        ([1.0, 2.0], [1.0, 2.0], 0.0),
        ([0.0, 0.0], [0.0, -0.0], 0.0),
        ([1.0, 2.0], [1.0, 4.0], 0.5),
        ([3.0], [-3.0], 2.0),
        ([0.0, 1.0], [0.5, 1.0], 1.0),
        ([[1.0, 10.0]], [[2.0, 10.1]], 0.5),  # the worst entry counts, not the largest
        (2.0, 1.0, 0.5),
        ([0.0], [1e-6], 1e-3),  # below the floor: 1e-6 / 1e-3
        ([1.7e308], [-1.7e308], 2.0),
        (np.float32([1.0]), [1], 0.0),
    ],
)
def test_relative_errors_by_hand(a, b, error):
    assert relative_error(a, b) == pytest.approx(error, rel=1e-12, abs=0)
    assert relative_error(b, a) == relative_error(a, b)
    assert type(relative_error(a, b)) is float


def test_a_smaller_floor_sees_smaller_entries():
    assert relative_error([0.0], [1e-6], floor=1e-6) == pytest.approx(1.0)
    assert relative_error([0.0], [1e-6], floor=1e-8) == pytest.approx(1.0)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_an_entry_that_is_not_finite_never_passes(bad):
    for a, b in (([bad, 1.0], [bad, 1.0]), ([bad, 1.0], [0.0, 1.0]), ([0.0, 1.0], [bad, 1.0])):
        assert relative_error(a, b) == math.inf


@same_on_every_run
@given(some_arrays)
def test_an_array_has_no_error_against_itself_and_some_against_another(a):
    assert relative_error(a, a.copy()) == 0
    assert 0 < relative_error(a, a + 1) <= 1000  # 1 over a floor of 1e-3, at most


@pytest.mark.parametrize(("a", "b"), [([1.0, 1.0], [[1.0, 1.0]]), ([1.0], 1.0), ([[1.0]] * 3, [1.0] * 3)])
def test_shapes_that_differ_are_refused_rather_than_broadcast(a, b):
    with pytest.raises(ValueError, match=r"a and b must have the same shape; found \("):
        relative_error(a, b)


def test_comparing_nothing_is_refused():
    with pytest.raises(ValueError, match=r"nothing to compare: a and b have shape \(0, 3\)"):
        relative_error(np.zeros((0, 3)), np.zeros((0, 3)))


@pytest.mark.parametrize("floor", [0, -1, math.nan])
def test_a_floor_that_is_not_positive_is_refused(floor):
    with pytest.raises(ValueError, match="floor must be a small positive number"):
        relative_error([1.0], [1.0], floor)


def test_what_is_no_number_cannot_be_compared():
    with pytest.raises(TypeError, match="b must be real numbers; found str"):
        relative_error([1.0], "x")
