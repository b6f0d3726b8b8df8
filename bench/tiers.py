"""Which of cytensor's two tiers runs a function: machine code of its own, or tile kernels."""
import os
import sys


def build(jit, make, arguments):
    """Make a function and call it once, with machine code (``eager``) or without (``off``).

    From then on no function gets machine code by itself, until `reset`: one without it, that is
    called often, would get it in the background.
    """
    from cytensor import config
    config.jit = jit
    f = make()
    f(*arguments)
    config.jit = "off"
    return f


def reset():
    """Go back to what the process began with."""
    if "cytensor" in sys.modules:
        sys.modules["cytensor"].config.jit = os.environ.get("CYTENSOR_JIT", "background")
