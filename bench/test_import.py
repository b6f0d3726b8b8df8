"""How long does the import take, over that of NumPy?"""
import fresh

IMPORT = """
import numpy
start = time.perf_counter()
import {module}
result = time.perf_counter() - start
"""


def test_import(record):
    modules = ("cytensor", "scipy.linalg.cython_blas", "pytensor", "jax.numpy", "torch")
    bodies = {module: IMPORT.format(module=module) for module in modules}
    record("import, over that of numpy", "cytensor", fresh.take_turns(bodies, rounds=7),
           {"scipy.linalg.cython_blas": 1.1})
