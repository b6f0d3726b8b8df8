"""Profiles: what is measured of compiled functions, and how it is told."""
import io

import numpy as np
import pytest
from new_process import run

import cytensor as ct
import cytensor.tensor as T

X = T.dmatrix("x")
ONES = np.ones((40, 40))


def profiled(*args, **kwargs):
    return ct.function(*args, profile=ct.ProfileStats(atexit_print=False), **kwargs)


def test_figures_of_one_function():
    f = profiled([X], T.dot(X, X).sum() + T.exp(X).sum(), name="f")
    for _ in range(3):
        f(ONES)
    p = f.profile
    assert p.fct_callcount == p.calls == 3
    assert 0 < p.vm_call_time < p.fct_call_time == p.total
    assert sum(p.op_callcount().values()) == sum(p.class_callcount().values()) >= 6
    assert p.op_callcount()["matmul"] == 3
    assert sum(p.class_time().values()) == pytest.approx(sum(p.apply_time.values()))
    assert {node.op.name for node in p.apply_callcount} >= {"matmul"}
    assert 0 < p.optimizer_time + p.linker_time < p.compile_time
    assert "smaller" in p.passes and sum(p.passes.values()) <= p.optimizer_time
    p.reset()
    assert p.fct_callcount == 0 and not p.steps


def test_tables():
    f = profiled([X], T.dot(X, T.exp(X)), name="f")        # the line
    f(ONES)
    file = io.StringIO()
    f.profile.summary(file)
    text = file.getvalue()
    for piece in ("f: 1 calls", "compiled in", "rewrites", "smaller", "lowering", "  kind\n",
                  "  op\n", "  step\n", "structured", "matmul", "elementwise", "# the line"):
        assert piece in text, piece
    file = io.StringIO()
    f.profile.summary(file, n_apply_to_print=0, n_ops_to_print=0)
    assert "and 2 more" in file.getvalue()


def test_memory():
    f = profiled([X], T.dot(T.dot(X, X), X).sum())
    f(ONES)
    arena, written = f.profile.functions[0].watcher.memory[0]
    assert arena == 2 * ONES.nbytes and written == 2 * ONES.nbytes + 8
    file = io.StringIO()
    f.profile.summary_memory(file)
    assert "25.6 kB for what a call needs in between" in file.getvalue()
    assert "memory of" not in str(f.profile)
    ct.config.profile_memory = True
    try:
        assert "memory of" in str(f.profile)
    finally:
        ct.config.profile_memory = False


def test_several_functions_share_one():
    p = ct.ProfileStats(atexit_print=False, message="both")
    f = ct.function([X], X + 1, profile=p)
    g = ct.function([X], X * 2, profile=p)
    f(ONES), g(ONES), g(ONES)
    assert f.profile is g.profile is p and p.fct_callcount == 3
    assert p.op_callcount() == {"add": 1, "mul": 2} and str(p).startswith("both: 3 calls")


def test_a_mode_that_profiles():
    mode = ct.ProfileMode(profile=ct.ProfileStats(atexit_print=False))
    f = ct.function([X], X + 1, mode=mode)
    f(ONES)
    assert f.profile is mode.profile and mode.profile.fct_callcount == 1
    f.copy(profile=ct.ProfileStats(atexit_print=False))(ONES)
    assert mode.profile.fct_callcount == 1


def test_who_is_measured():
    assert ct.function([X], X).profile is None
    ct.config.profile = True
    try:
        assert ct.function([X], X).profile is not None
        assert ct.function([X], X, profile=False).profile is None
    finally:
        ct.config.profile = False
    assert ct.function([X], X, profile="a message").profile.message == "a message"


def test_functions_for_other_sizes_are_measured_too():
    labels = T.lvector()
    f = profiled([X, labels], X[T.arange(labels.shape[0]), labels])
    f(ONES, np.zeros(40, int))
    f(ONES, np.zeros(3, int))
    assert f.profile.fct_callcount == 2 and len(f.profile.functions) == 2


def test_profiles_are_printed_at_the_end():
    text = run("""
import sys
sys.stderr = sys.stdout
import cytensor as ct, cytensor.tensor as T
x = T.dscalar("x")
for name in ("first", "second"):
    ct.function([x], x + 1, profile=True, name=name)(1)
ct.function([x], x + 1, profile=True, name="never")
""")
    assert "first: 1 calls" in text and "second: 1 calls" in text and "never" not in text
    assert "all profiled functions" in text
