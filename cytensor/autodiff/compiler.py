"""The compiler that the engine lends to those who must run a graph: row loops, `verify_grad`."""

_compile = None


def use_compiler(compile):
    """Say how graphs are compiled: ``compile(inputs, outputs) -> f``, ``f(*arrays) -> list``.

    Options are those of ``compiled``.
    """
    global _compile
    _compile = compile


def compiled(inputs, outputs, **options):
    """Return a function of arrays that computes ``outputs``.

    Options may be the ``mode``, and a ``profile`` that measures the function by a ``name``.
    """
    if _compile is None:
        raise RuntimeError("no compiler is set: import cytensor, not only cytensor.autodiff")
    return _compile(inputs, outputs, **options)
