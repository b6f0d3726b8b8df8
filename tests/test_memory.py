"""Memory stays the same, however often a function is called, and for however many sizes.

``bench/test_memory.py`` asks the same of a million calls.
"""
from pathlib import Path

import pytest
from new_process import run

GROWTH = f"""
import sys
sys.path.insert(0, {str(Path(__file__).resolve().parent.parent / "bench")!r})
from growth import QUICK, growth, resident
"""
MANY_SIZES = GROWTH + """
import numpy as np
import cytensor as ct, cytensor.tensor as T
x = T.fmatrix()
f = ct.function([x], T.tanh(T.dot(x, x.T)).sum())
before = resident()
for _ in range(2):
    for n in range(1000, 1100):             # a work space of 4 MB each
        f(np.ones((n, 2), "float32"))
print(resident() - before)
"""


@pytest.mark.parametrize("what, times", [("calls", (50_000, 1_000)), ("compiles", (150, 150)),
                                         ("sizes", (300, 600))])
def test_memory_stays_the_same(what, times):
    program = f"{GROWTH}\nQUICK[{what!r}] = {times}\nprint(growth({what!r}))"
    assert float(run(f"import os\nos.environ['BENCH_QUICK'] = '1'\n{program}")) < 1.02


def test_work_spaces_of_many_sizes_are_not_all_kept():
    assert float(run(MANY_SIZES)) < 220
