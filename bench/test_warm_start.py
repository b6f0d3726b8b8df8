"""How long does a program take that has run before, and left what it compiled in a cache?"""
from fresh import Script
from questions import Question

#: Import, build the step of LeNet, and compute the first cost.
PROGRAM = """
import time
start = time.perf_counter()
import sys
sys.path.insert(0, {here!r})
import lenet
lenet.{maker}().value()
print(time.perf_counter() - start)
"""
#: The time of the second of two processes that share an empty folder.
TWICE = """
import os, subprocess, tempfile
program = {program!r}.format(here=sys.path[0], maker={maker!r})
with tempfile.TemporaryDirectory() as folder:
    env = dict(os.environ, {variable}=folder)
    for _ in range(2):
        done = subprocess.run([sys.executable, "-P", "-c", program], env=env, check=True,
                              capture_output=True, text=True)
result = float(done.stdout)
"""
#: By default, JAX keeps only what took a second to compile.
KEEP_ALL = {"JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
            "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1"}


def second(maker, variable, env=None):
    """A script that times the second process; ``variable`` names the folder of its cache."""
    body = TWICE.format(program=PROGRAM, maker=maker, variable=variable)
    return Script(body, env=env or {}, rounds=3)


def questions():
    yield Question("second run of a program: import, build the LeNet step, first result", {
        "cytensor": second("cytensor", "CYTENSOR_CACHE_DIR"),
        "jax.jit with its cache": second("jax", "JAX_COMPILATION_CACHE_DIR", KEEP_ALL),
    }, {"jax.jit with its cache": 0.2}, label="second start, LeNet step")


def test_question(question, ask):
    ask(question)
