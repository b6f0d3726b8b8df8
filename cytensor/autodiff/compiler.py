"""The compiler that the engine lends to those who must run a graph: row loops, `verify_grad`."""

_compile = None


def use_compiler(compile):
    """Say how graphs are compiled: ``compile(inputs, outputs) -> f``, ``f(*arrays) -> list``."""
    global _compile
    _compile = compile


def compiled(inputs, outputs):
    """Return a function of arrays that computes ``outputs``."""
    if _compile is None:
        raise RuntimeError("no compiler is set: import cytensor, not only cytensor.autodiff")
    return _compile(inputs, outputs)
