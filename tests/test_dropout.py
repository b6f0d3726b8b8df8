"""Dropout: what is dropped, how often, and that the gradient goes the same way."""
import numpy as np
import pytest

import cytensor as ct
import cytensor.tensor as T
from cytensor.cpu import _structured
from cytensor.random import RandomStreams, Stream, dropout, spatial_dropout

X = T.fmatrix("x")
ONES = np.ones((300, 400), "f4")


def test_the_others_are_scaled_up():
    out = ct.function([X], dropout(X, 0.2, 1))(ONES)
    np.testing.assert_allclose(np.unique(out), [0, 1.25])
    assert abs((out == 0).mean() - 0.2) < 5 * np.sqrt(0.2 * 0.8 / ONES.size)
    assert set(np.unique(ct.function([X], dropout(X, 0.2, 1, rescale=False))(ONES))) == {0, 1}


def test_what_is_dropped_is_zero_whatever_it_was():
    out = ct.function([X], dropout(X, 0.5, 1))(np.full((9, 9), np.inf, "f4"))
    assert set(np.unique(out)) == {0, np.inf}


def test_gradients_of_any_order_go_through_what_is_left():
    y = dropout(X, 0.3, 1)
    g = T.grad((y**3).sum(), X)
    h = T.grad(g.sum(), X)
    a = np.random.default_rng(0).normal(size=(20, 30)).astype("f4")
    out, first, second = ct.function([X], [y, g, h])(a)
    scale = np.where(out == 0, 0, 1 / 0.7)
    np.testing.assert_allclose(first, 3 * a**2 * scale**3, rtol=1e-5)
    np.testing.assert_allclose(second, 6 * a * scale**3, rtol=1e-5)


def test_the_mask_is_drawn_once_and_takes_a_byte_an_element():
    y = dropout(X, 0.3, 1)
    f = ct.function([X], [y, T.grad(T.sqr(y).sum(), X)])
    steps = [s.label for s in f.program.segments[0].steps]
    assert steps.count("random_mask") == 1


def test_seeds_and_calls():
    f = ct.function([X], dropout(X, 0.5, Stream(7)))
    first, second = f(ONES), f(ONES)
    assert (first != second).any()
    again = ct.function([X], dropout(X, 0.5, 7))
    np.testing.assert_array_equal(again(ONES), first)
    np.testing.assert_array_equal(again(ONES), second)
    free = [ct.function([X], dropout(X))(ONES) for _ in range(2)]
    assert (free[0] != free[1]).any()


def test_the_number_of_threads_changes_nothing():
    before, results = _structured.get_threads(), []
    try:
        for n in (1, 2, 5):
            _structured.set_threads(n)
            results.append(ct.function([X], dropout(X, 0.5, 7))(ONES).tobytes())
    finally:
        _structured.set_threads(before)
    assert len(set(results)) == 1


@pytest.mark.parametrize("shared, axes", [((0,), 0), (-1, 1), ((0, 1), (0, 1))])
def test_shared_axes(shared, axes):
    out = ct.function([X], dropout(X, 0.5, 3, shared_axes=shared))(ONES)
    assert (np.ptp(out, axis=axes) == 0).all()
    assert shared == (0, 1) or 0 < out.mean() < 2


def test_channels():
    x = T.ftensor4()
    out = ct.function([x], spatial_dropout(x, 0.5, 3))(np.ones((8, 9, 4, 5), "f4"))
    assert (np.ptp(out, axis=(2, 3)) == 0).all()
    assert set(np.unique(out)) == {0, 2}


def test_train_flags():
    flag = T.bscalar()
    assert dropout(X, 0.5, train=False) is X
    f = ct.function([X, flag], dropout(X, 0.5, 1, train=flag))
    np.testing.assert_array_equal(f(ONES, 0), ONES)
    assert 0.9 < f(ONES, 1).mean() < 1.1
    slope = ct.function([X, flag], T.grad(dropout(X, 0.5, 1, train=flag).sum(), X))
    np.testing.assert_array_equal(slope(ONES, 0), ONES)
    assert set(np.unique(slope(ONES, 1))) == {0, 2}


def test_rates_at_the_ends_and_rates_of_the_call():
    assert dropout(X, 0) is X
    assert not ct.function([X], dropout(X, 1, 1))(ONES).any()
    rate = T.dscalar()
    f = ct.function([X, rate], dropout(X, rate, 1))
    np.testing.assert_array_equal(f(ONES, 0), ONES)
    assert not f(ONES, 1).any()
    assert abs((f(ONES, 0.9) == 0).mean() - 0.9) < 0.01


@pytest.mark.parametrize("dtype, result", [("int8", "float32"), ("float16", "float16"),
                                           ("float64", "float64"), ("complex64", "complex64")])
def test_dtypes(dtype, result):
    x = T.matrix(dtype=dtype)
    out = ct.function([x], dropout(x, 0.5, 1))(np.ones((5, 6), dtype))
    assert out.dtype == result and set(np.unique(out).tolist()) == {0, 2}


def test_sizes_of_zero():
    assert ct.function([X], dropout(X, 0.5, 1))(np.ones((0, 3), "f4")).shape == (0, 3)


def test_masks_of_a_stream():
    mask = Stream(3).mask((200, 300), 0.8).eval()
    assert mask.dtype == bool and abs(mask.mean() - 0.8) < 0.01
    with pytest.raises(ValueError, match="not between 0 and 1"):
        Stream(3).mask((2,), 1.5)


BAD = [
    (lambda: dropout(X, 1.5), ValueError, "rate is between 0 and 1, not 1.5"),
    (lambda: dropout(X, -0.1), ValueError, "not -0.1"),
    (lambda: dropout(X, T.fvector("p")), TypeError, "rate is a number, not p"),
    (lambda: dropout(X, train=X), TypeError, "train is a number, not x"),
    (lambda: dropout(X, 0.5, RandomStreams(1)), TypeError, "a Stream or a seed"),
    (lambda: dropout(X, 0.5, 1, 2), np.exceptions.AxisError, "shared_axes"),
    (lambda: spatial_dropout(T.fvector()), ValueError, "x has 1 axes"),
]


@pytest.mark.parametrize("call, error, text", BAD)
def test_errors(call, error, text):
    with pytest.raises(error, match=text):
        call()
