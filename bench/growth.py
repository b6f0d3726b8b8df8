"""How the memory of a process grows while the same things are done again and again."""
import gc
import os
from itertools import count

import numpy as np

#: How often in all, and how often before memory is looked at: to see whether it runs, and really.
TIMES = {"calls": (1_000_000, 10_000), "compiles": (10_000, 1_000), "sizes": (1_000, 2_000)}
QUICK = {"calls": (100_000, 10_000), "compiles": (300, 100), "sizes": (300, 600)}


def resident():
    """Resident memory of this process, in MB."""
    gc.collect()
    with open("/proc/self/status") as lines:
        line = next(line for line in lines if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def growth(what):
    """Resident memory at the end over that after the warm-up."""
    times, warm = (QUICK if "BENCH_QUICK" in os.environ else TIMES)[what]
    many = WHAT[what]()
    many(warm)
    before = resident()
    many(times)
    return resident() / before


def calls():
    """Calls of one function."""
    import cytensor as ct
    import cytensor.tensor as T
    x, y = T.dvectors("x", "y")
    f = ct.function([x, y], [T.tanh(x) * y, (x * y).sum()])
    a = np.ones(10)

    def many(times):
        for _ in range(times):
            f(a, a)
    return many


def compiles():
    """Functions with a gradient and an update, each another one, each called once."""
    import cytensor as ct
    import cytensor.tensor as T
    numbers = count(1)
    a = np.ones((2, 3))

    def many(times):
        for _, number in zip(range(times), numbers):
            x, w = T.dmatrix("x"), ct.shared(np.zeros(3))
            loss = T.mean(T.softplus(T.dot(x, w) * (1 + number / 7)) ** 2)
            ct.function([x], loss, updates=[(w, w - 0.1 * T.grad(loss, w))])(a)
    return many


def sizes():
    """One function, of sizes that are others at each call, but the same in each round of them."""
    import cytensor as ct
    import cytensor.tensor as T
    x, w = T.fmatrices("x", "w")
    f = ct.function([x, w], T.tanh(T.dot(x, w)).sum())

    def many(times):
        for n in range(times):
            rows, columns = 500 + n % 500, 2 + n // 500
            f(np.ones((rows, columns), "float32"), np.ones((columns, 4), "float32"))
    return many


WHAT = {"calls": calls, "compiles": compiles, "sizes": sizes}
