"""How long does the import take, over that of NumPy?"""
from fresh import Script
from questions import Question

IMPORT = """
import numpy
start = time.perf_counter()
import {module}
result = time.perf_counter() - start
"""
MODULES = ("cytensor", "scipy.linalg.cython_blas", "pytensor", "jax.numpy", "torch")


def questions():
    yield Question("import, over that of numpy", {
        module: Script(IMPORT.format(module=module), rounds=7) for module in MODULES
    }, {"scipy.linalg.cython_blas": 1.1}, label="import")


def test_question(question, ask):
    ask(question)
