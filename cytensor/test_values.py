"""Test values: each node is computed when it is made, so that errors come at the user's line.

``x.tag.test_value = array`` gives an input a value, and ``config.compute_test_value`` switches the
computing on. A node that cannot be computed is then an error of the line that makes it.
"""
import sys
import warnings
from contextlib import suppress

from cytensor import config
from cytensor._core import Constant, Variable, ancestors, observe, toposort
from cytensor.engine.nodewise import compute
from cytensor.ops.registry import as_variable
from cytensor.ops.values import fit
from cytensor.shared import SharedVariable


class MissingTestValueError(ValueError, AttributeError):
    """A variable has no test value, where one is wanted."""


def get_test_value(v):
    """Return the test value of a variable.

    Parameters
    ----------
    v : Variable or array_like

    Returns
    -------
    ndarray or object
        That of ``v.tag.test_value``; the value of a constant or a shared variable.

    Raises
    ------
    AttributeError
        If it has none.
    TypeError
        If it does not fit the variable's type.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> x = T.dscalar("x")
    >>> x.tag.test_value = 2.0
    >>> get_test_value(x)
    array(2.)
    """
    v = v if isinstance(v, Variable) else as_variable(v)
    if isinstance(v, Constant):
        return v.data
    if isinstance(v, SharedVariable):
        return v.get_value(borrow=True)
    try:
        value = v.tag.test_value
    except AttributeError:
        raise AttributeError(f"{v!r} has no test value{_made_at(v)}") from None
    return fit(value, v.type)


def _made_at(v):
    loc = (v.owner or v).loc
    return f" (made at {loc[0]}:{loc[1]})" if loc else ""


def get_debug_values(*variables):
    """Yield the test values of all variables as one list, if test values are switched on.

    What happens where one is missing is up to ``config.compute_test_value``: nothing is yielded,
    a warning is given, or a ValueError is raised.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> list(get_debug_values(T.constant(1)))
    []
    """
    if config.compute_test_value == "off":
        return
    values = []
    for i, v in enumerate(variables):
        try:
            values.append(get_test_value(v))
        except AttributeError:
            missing_test_message(f"argument {i} ({v!r}) has no test value")
            return
    yield values


def missing_test_message(text):
    """Ignore, warn, raise or debug, as ``config.compute_test_value`` says."""
    action = config.compute_test_value
    if action == "raise":
        raise MissingTestValueError(text)
    if action == "warn":
        warnings.warn(text, UserWarning, stacklevel=_users_frame())
    elif action == "pdb":
        print(text)
        breakpoint()


def _users_frame():
    """How many frames up the innermost one outside this package is."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("cytensor"):
        level, frame = level + 1, frame.f_back
    return level


def _compute(node):
    """Give the outputs of a node that was just made their test values."""
    values = []
    complete([x for x in node.inputs if not hasattr(x.tag, "test_value") and x.owner is not None])
    for i, x in enumerate(node.inputs):
        try:
            values.append(get_test_value(x))
        except AttributeError:
            missing_test_message(f"cannot compute the test value of {node!r}: input {i} ({x!r}) "
                                 f"has none{_made_at(x)}")
            return
    try:
        results = compute(node, values)
    except Exception:
        if config.compute_test_value == "pdb":
            import pdb
            pdb.post_mortem()
        raise
    for out, value in zip(node.outputs, results):
        out.tag.test_value = value


# ----- for functions that build graphs inside -----

def lend(variable, source, index=...):
    """Give an input of an inner graph a part of the test value of ``source``, if there is one."""
    if config.compute_test_value != "off":
        with suppress(AttributeError, IndexError):      # the node that needs it will tell
            variable.tag.test_value = get_test_value(source)[index]


def complete(outputs):
    """Compute the test values that are missing of nodes that nobody saw being made."""
    if config.compute_test_value != "off":
        stop = [v for v in ancestors(outputs) if hasattr(v.tag, "test_value")]
        for node in toposort(outputs, stop):
            _compute(node)


def _switch(action):
    observe(None if action == "off" else _compute)


config.on_change("compute_test_value", _switch)
