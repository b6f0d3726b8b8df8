"""Do eight Python threads that call one function use both cores?"""
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from questions import Question
from turns import Candidate

#: So many calls that the start of the threads, about 1 ms, is not what is measured.
THREADS, CALLS = 8, 8_000
#: Elements: work of about 20 us, too little for a call to use two threads itself.
ELEMENTS = 8_000


def calls(threads):
    """A candidate that shares its calls among so many threads; its time is that of one call."""
    import cytensor as ct
    import cytensor.tensor as T
    x = T.dvector("x")
    f = ct.function([x], (T.tanh(x) * T.exp(-x * x)).sum())
    a = np.random.default_rng(0).normal(size=ELEMENTS)
    pool = ThreadPoolExecutor(threads)

    def some(count):
        for _ in range(count):
            value = f(a)
        return value

    def run():
        first, *_ = pool.map(some, [CALLS // threads] * threads)
        return first
    return Candidate("run()", {"run": run}, count=CALLS)


def questions():
    yield Question(f"a call of tanh(x) * exp(-x * x), summed, of {ELEMENTS:,} float64", {
        f"{THREADS} Python threads": lambda: calls(THREADS),
        "one thread": lambda: calls(1),
    }, {"one thread": 1 / 1.9})


def test_question(question, ask):
    ask(question)
