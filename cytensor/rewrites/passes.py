"""The passes by name. Each is built when it is first asked for."""
from cytensor.rewrites.driver import Pass


def named(name):
    """Return the pass ``name``."""
    return Pass(name, _STEPS[name]())


def folding(evaluate):
    """Return the pass that computes what depends on constants alone, by ``evaluate``."""
    from cytensor.rewrites.fold import fold
    return Pass("fold", lambda outputs: fold(outputs, evaluate))


def _intern():
    from cytensor.rewrites.intern import intern
    return intern


def _expand():
    from cytensor.rewrites.expand import expand
    return expand


_STEPS = {"intern": _intern, "expand": _expand}
