"""Copies of graphs, and what a compiled function tells of itself."""
import numpy as np
import pytest

import cytensor as ct
import cytensor.tensor as T
from cytensor._core import ancestors, leaves

X, Y, Z = T.dvectors("x", "y", "z")


def test_a_copy_has_nodes_of_its_own():
    z = T.exp(X) + Y
    copy = ct.clone(z)
    assert copy is not z and copy.owner is not z.owner
    assert set(leaves([copy])) == {X, Y}
    assert not set(ancestors([copy])).intersection([v for v in ancestors([z]) if v.owner])


def test_replacements_happen_at_once():
    z = X - 2 * Y
    swapped = ct.clone(z, replace={X: Y, Y: X})
    assert ct.function([X, Y], swapped)([1], [5]).tolist() == [3]
    shifted = ct.clone(z, replace=[(X, X + 1)])
    assert ct.function([X, Y], shifted)([1], [5]).tolist() == [-8]


def test_inner_variables_may_be_replaced():
    inner = T.exp(X)
    z = inner + X
    f = ct.function([X, Y], ct.clone(z, replace={inner: Y}))
    assert f([1], [10]).tolist() == [11]
    assert ct.clone([inner, z], replace={inner: Y})[0] is Y


def test_inputs_may_be_copied():
    s = ct.shared(np.ones(1), name="s")
    copy = ct.clone(X * s, share_inputs=False)
    x, other = leaves([copy])
    assert x is not X and other is not s and x.name == "x"
    s.set_value(np.full(1, 3.0))
    assert other.get_value().tolist() == [3]


def test_types_are_checked():
    with pytest.raises(TypeError, match="same type"):
        ct.clone(X + 1, replace={X: T.dmatrix()})
    matrix = T.dmatrix()
    assert ct.clone(X + 1, replace={X: matrix}, strict=False).type.ndim == 2
    with pytest.raises(ValueError, match="replace"):
        ct.clone(X + 1, replace=3)


def test_a_function_tells_what_it_is_made_of():
    s = ct.shared(np.zeros(1), name="s")
    f = ct.function([X, ct.In(Y, value=[2.0])], T.exp(X) + Y, updates={s: s + X})
    assert f.get_shared() == [s]
    assert [None if c is None else c.value.tolist() for c in f.input_storage] == [None, [2], [0]]
    assert f.finder["s"] is f.finder[s] is f.finder[2] is s.container
    assert f.finder["y"].value.tolist() == [2] and f.finder["x"] is None
    assert [node.op.name for node in f.fn.nodes].count("exp") == 1 and f.fn.program is f.program
    f.free()
    assert f([0]).tolist() == [3]


def test_the_graph_of_a_function():
    f = ct.function([X], [X * 2])
    assert f.maker.fgraph.inputs == [X] and f.maker.fgraph.outputs == f.graph
    assert f.maker.mode is f.mode and f.maker.fgraph.toposort()[0].op.name == "mul"


def test_gradients_that_do_not_exist_cannot_be_compiled():
    g = ct.grad(ct.undefined_grad(X).sum(), X, null_gradients="return")
    with pytest.raises(TypeError, match="does not exist"):
        ct.function([X], g, on_unused_input="ignore")
