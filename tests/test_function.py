"""Compiled functions: arguments, results, updates, givens, copies, and their errors."""
import pickle
import threading

import numpy as np
import pytest

import cytensor as ct
import cytensor.tensor as T

X, Y = T.dmatrices("x", "y")
S = T.dscalar("s")
A = np.arange(6.0).reshape(2, 3)


# ----- results -----

def test_one_result_is_an_array():
    out = ct.function([X], X * 2)(A)
    assert type(out) is np.ndarray
    np.testing.assert_array_equal(out, A * 2)


def test_a_list_a_dict_and_nothing():
    assert [type(r) for r in ct.function([X], [X * 2])(A)] == [np.ndarray]
    assert set(ct.function([X], {"a": X + 1, "b": X.sum()})(A)) == {"a", "b"}
    assert ct.function([X], on_unused_input="ignore")(A) == []


def test_results_own_their_memory():
    f = ct.function([X], [X, X.T, X[0]])
    whole, turned, row = f(A)
    for r in (whole, turned, row):
        assert not np.shares_memory(r, A)
        assert r.flags.owndata and r.flags.writeable


def test_the_same_result_twice_is_two_arrays():
    a, b = ct.function([X], [X + 1, X + 1])(A)
    a[0, 0] = 99
    assert b[0, 0] == 1


def test_a_constant_result():
    np.testing.assert_array_equal(ct.function([], T.constant([1, 2]))(), [1, 2])


def test_large_results_go_back_to_the_pool_and_stay_correct():
    v = T.dvector()
    f = ct.function([v], v + 1)
    a = np.random.default_rng(0).normal(size=200_000)
    kept = [f(a) for _ in range(5)]
    for _ in range(50):
        f(a)
    for r in kept:
        np.testing.assert_array_equal(r, a + 1)
    r.resize(400_000, refcheck=False)
    assert r[:200_000] == pytest.approx(a + 1)


# ----- arguments -----

def test_lists_and_numbers_are_taken():
    v = T.fvector("v")
    f = ct.function([v], v * 2)
    np.testing.assert_array_equal(f([1, 2]), np.float32([2, 4]))
    assert ct.function([S], S * 2)(3) == 6


def test_keywords_and_defaults():
    f = ct.function([S, ct.In(T.dscalar("t"), value=5)], S * 2, on_unused_input="ignore")
    assert f(s=4) == 8
    x, y = T.dscalars("x", "y")
    f = ct.function([x, ct.In(y, value=2)], x * y)
    assert f(3) == 6 and f(3, 4) == 12 and f(y=5, x=2) == 10
    f["y"] = 7
    assert f["y"] == 7 and f(2) == 14


def test_an_input_with_an_update_is_state():
    x, y = T.dscalars("x", "y")
    f = ct.function([x, ct.In(y, value=1, update=x + y)], y)
    assert f(2) == 1 and f(3) == 3 and f["y"] == 6


def test_a_shared_default():
    w = ct.shared(3.0)
    y = T.dscalar("y")
    f = ct.function([ct.In(y, value=w, implicit=True)], y * 2)
    w.set_value(4)
    assert f() == 8


@pytest.mark.parametrize("value, type_, part", [
    (A, T.dvector, "dimensions"),
    (np.ones(2), T.fvector, "precision"),
    (1.1, T.fscalar, "float32"),
    (np.ones(2, "int64"), T.ivector, "precision"),
    ([0.5], T.ivector, "int32"),
    ("text", T.dvector, "float64"),
    (X, T.dmatrix, "symbolic"),
])
def test_a_bad_argument_names_itself(value, type_, part):
    x = type_("the_name")
    f = ct.function([x], x * 2, name="the_function")
    with pytest.raises(TypeError, match=r"the_function.*index 0.*the_name") as error:
        f(value)
    assert part in str(error.value)


def test_downcasts_where_they_are_allowed():
    v = T.fvector()
    assert ct.function([v], v, allow_input_downcast=True)(np.ones(2)).dtype == np.float32
    assert ct.function([ct.In(v, allow_downcast=True)], v)(np.ones(2)).dtype == np.float32
    with pytest.raises(TypeError, match="ndarray"):
        ct.function([ct.In(v, strict=True)], v)([1.0])


def test_upcasts_are_free():
    v = T.dvector()
    assert ct.function([v], v)(np.ones(2, "float32")).dtype == np.float64


@pytest.mark.parametrize("args, kwargs, part", [
    ((), {}, "missing required input"),
    ((A, A), {}, "takes 1"),
    ((A,), {"x": A}, "two values"),
    ((A,), {"z": A}, "unknown input"),
])
def test_wrong_arguments(args, kwargs, part):
    with pytest.raises(TypeError, match=part):
        ct.function([X], X * 2)(*args, **kwargs)


def test_odd_layouts():
    f = ct.function([X, Y], X + Y)
    big = np.random.default_rng(0).normal(size=(8, 12))
    bytes_ = np.zeros(6 * 8 + 1, "u1")
    unaligned = bytes_[1:].view("f8").reshape(2, 3)
    unaligned[:] = A
    for a in (big[::4, ::4], big.T[:2, :3], big[::-4, ::-4], np.asfortranarray(A),
              A.astype(">f8"), unaligned, np.broadcast_to(np.float64(3), (2, 3))):
        np.testing.assert_array_equal(f(a, A), a + A)


def test_read_only_arguments():
    a = A.copy()
    a.flags.writeable = False
    np.testing.assert_array_equal(ct.function([X], X * 2)(a), A * 2)


def test_known_sizes_are_checked():
    r = T.row("r")
    with pytest.raises(TypeError, match="size 2"):
        ct.function([r], r * 2)(A)


# ----- what is asked for -----

def test_missing_unused_and_doubled_inputs():
    with pytest.raises(ct.MissingInputError, match="y"):
        ct.function([X], X + Y)
    with pytest.raises(ct.UnusedInputError, match="y"):
        ct.function([X, Y], X)
    with pytest.raises(ct.UnusedInputError, match="twice"):
        ct.function([X, X], X)
    with pytest.warns(UserWarning, match="y"):
        ct.function([X, Y], X, on_unused_input="warn")


def test_a_shared_variable_is_no_input():
    with pytest.raises(TypeError, match="shared"):
        ct.function([ct.shared(1.0)], X)


def test_inputs_must_be_a_list():
    with pytest.raises(TypeError, match="brackets"):
        ct.function(X, X * 2)


# ----- givens -----

def test_givens():
    x, y, c = T.dscalars("x", "y", "c")
    assert ct.function([c], x * 2 + y, givens=[(x, c * 10), (y, 5)])(2) == 45
    assert ct.function([], x * 2, givens={x: 4})() == 8


def test_givens_of_another_type():
    with pytest.raises(TypeError, match="type"):
        ct.function([S], X.sum(), givens={X: S})


def test_minibatches_by_givens():
    data = ct.shared(np.arange(20.0).reshape(10, 2))
    i = T.lscalar()
    f = ct.function([i], X.sum(axis=0), givens={X: data[i * 4:(i + 1) * 4]})
    full = data.get_value()
    for k in (0, 1, 2, 0):
        np.testing.assert_array_equal(f(k), full[4 * k:4 * k + 4].sum(0))


# ----- updates -----

def test_updates_as_dict_and_pairs():
    c = ct.shared(0)
    ct.function([], [], updates={c: c + 1})()
    ct.function([], [], updates=[(c, c + 10)])()
    assert c.get_value() == 11


def test_results_see_the_old_values():
    c = ct.shared(5.0)
    f = ct.function([], [c, c * 2], updates={c: c + 1})
    assert f() == [5, 10] and f() == [6, 12]


def test_two_variables_change_places():
    a, b = ct.shared(np.ones(3)), ct.shared(np.zeros(3))
    f = ct.function([], [], updates=[(a, b), (b, a)])
    f()
    assert a.get_value().sum() == 0 and b.get_value().sum() == 3
    f = ct.function([], [], updates=[(a, b + 1), (b, a + 2)])
    f()
    assert a.get_value().tolist() == [2] * 3 and b.get_value().tolist() == [2] * 3


def test_updates_that_read_the_old_value_askew():
    w = ct.shared(np.arange(4.0).reshape(2, 2))
    ct.function([], [], updates={w: w + w.T})()
    assert w.get_value().tolist() == [[0, 3], [3, 6]]
    v = ct.shared(np.arange(4.0))
    ct.function([], [], updates={v: v[::-1]})()
    assert v.get_value().tolist() == [3, 2, 1, 0]
    ct.function([], [], updates={v: v - v.mean()})()
    assert v.get_value().tolist() == [1.5, 0.5, -0.5, -1.5]


def test_momentum_keeps_its_order():
    m, p, g = ct.shared(np.zeros(3)), ct.shared(np.ones(3)), T.dvector()
    step = 0.9 * m + g
    f = ct.function([g], [], updates={m: step, p: p - 0.1 * step})
    f([1, 2, 3])
    f([1, 2, 3])
    np.testing.assert_allclose(m.get_value(), [1.9, 3.8, 5.7])
    np.testing.assert_allclose(p.get_value(), [0.71, 0.42, 0.13])


def test_an_update_may_change_the_size():
    v = ct.shared(np.arange(4.0))
    f = ct.function([], [], updates={v: T.concatenate([v, v])})
    f()
    f()
    assert v.get_value().shape == (16,)


def test_default_updates():
    c = ct.shared(0)
    c.default_update = c + 1
    f = ct.function([], c * 2)
    assert [int(f()), int(f())] == [0, 2]
    g = ct.function([], c * 2, no_default_updates=True)
    assert g() == g()
    h = ct.function([], c * 2, no_default_updates=[c])
    assert h() == h()
    assert ct.function([], c, updates={c: c * 0})() == 2 and c.get_value() == 0


def test_bad_updates():
    w = ct.shared(np.ones(3, "float32"))
    with pytest.raises(TypeError, match="same type"):
        ct.function([], [], updates={w: T.dvector()})
    with pytest.raises(TypeError, match="shared variables"):
        ct.function([X], [], updates={X: X})
    with pytest.raises(ValueError, match="two updates"):
        ct.function([], [], updates=[(w, w), (w, w * 2)])


def test_a_failed_call_changes_nothing():
    a, b, i = ct.shared(np.arange(5.0)), ct.shared(0.0), T.lvector("i")
    f = ct.function([i], [], updates={a: a + 1, b: b + a[i].sum()})
    f([1, 2])
    before = a.get_value(), b.get_value()
    with pytest.raises(IndexError):
        f([1, 99])
    np.testing.assert_array_equal(a.get_value(), before[0])
    assert b.get_value() == before[1]


def test_an_argument_that_is_the_shared_array_itself():
    w = ct.shared(np.arange(4.0), borrow=True)
    v = T.dvector()
    f = ct.function([v], [], updates={w: w + v[::-1]})
    f(w.get_value(borrow=True))
    assert w.get_value().tolist() == [3, 3, 3, 3]


# ----- shared variables -----

def test_shared_values_are_copied_unless_borrowed():
    a = np.zeros(2)
    w, b = ct.shared(a), ct.shared(a, borrow=True)
    a[0] = 1
    assert w.get_value()[0] == 0 and b.get_value()[0] == 1
    w.get_value()[1] = 5
    assert w.get_value()[1] == 0


@pytest.mark.parametrize("value", [np.ones((2, 2)), np.ones(2, "complex128"), "text"])
def test_set_value_checks_the_type(value):
    w = ct.shared(np.zeros(3))
    with pytest.raises((TypeError, ValueError)):
        w.set_value(value)
    assert w.get_value().shape == (3,)


def test_a_shared_number_is_not_set_to_a_text():
    x, numbers = ct.shared(0.0), ct.shared(np.zeros(2, "float32"))
    x.set_value("1.5")
    assert x.get_value() == 1.5
    for v in (x, numbers):
        with pytest.raises(ValueError, match="text"):
            v.set_value("text")


def test_shared_broadcasts_only_where_it_says_so():
    row = ct.shared(np.ones((1, 3)), broadcastable=(True, False))
    np.testing.assert_array_equal(ct.function([X], X + row)(A), A + 1)
    with pytest.raises(ValueError, match="known to be 1"):
        ct.function([X], X + ct.shared(np.ones((1, 3))))(A)


# ----- copies and pickles -----

def test_copy_with_other_shared_variables():
    a, b = ct.shared(1.0), ct.shared(100.0)
    f = ct.function([S], a + S, updates={a: a + S})
    g = f.copy(swap={a: b})
    assert g(1) == 101 and b.get_value() == 101 and a.get_value() == 1
    h = f.copy(delete_updates=True)
    h(5)
    assert a.get_value() == 1
    with pytest.raises(ValueError, match="does not use"):
        f.copy(swap={b: a})


def test_pickle():
    w = ct.shared(np.arange(3.0), name="w")
    v = T.dvector("v")
    f = ct.function([v, ct.In(S, value=2)], (w * v).sum() * S, updates={w: w + 1}, name="f")
    f([1, 1, 1])
    g = pickle.loads(pickle.dumps(f))
    assert g([1, 1, 1]) == f([1, 1, 1]) and g.name == "f"
    assert g["w"].tolist() == [2, 3, 4]


# ----- threads -----

def test_many_threads_call_one_function():
    v = T.dvector()
    f = ct.function([v], [T.tanh(v).sum(), T.exp(-v * v)])
    inputs = [np.linspace(-1, k, 3000 * k + 1) for k in range(1, 9)]
    wanted = [f(a) for a in inputs]
    wrong = []

    def work(k):
        for _ in range(100):
            total, curve = f(inputs[k])
            if total != wanted[k][0] or not np.array_equal(curve, wanted[k][1]):
                wrong.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


@pytest.mark.parametrize("mode", ["fast_run", ct.Mode().excluding("inplace")])
def test_threads_count_together(mode):
    c = ct.shared(np.zeros(50_000))
    f = ct.function([], [], updates={c: c + 1}, mode=mode)
    threads = [threading.Thread(target=lambda: [f() for _ in range(100)]) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert (c.get_value() == 400).all()


# ----- errors show the user's line -----

def test_a_size_error_shows_the_line():
    z = X + Y                                       # the line that is at fault
    f = ct.function([X, Y], z)
    with pytest.raises(ValueError, match="the line that is at fault"):
        f(A, A[:1])


def test_an_index_error_shows_the_line():
    i = T.lscalar()
    picked = X[i]                                   # here the index is taken
    with pytest.raises(IndexError, match="here the index is taken"):
        ct.function([X, i], picked)(A, 7)


def test_eval():
    assert X.sum().eval({X: A}) == 15
    assert (X.sum() * 2).eval({"x": A}) == 30
    assert T.constant(2).eval() == 2
