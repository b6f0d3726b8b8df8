"""Graphs that are built inside of ops: nobody looks on while their nodes are made."""
from contextlib import contextmanager

from cytensor._core import observe


@contextmanager
def quiet():
    """Show no node to the observer inside a ``with`` block, or in a function that it decorates.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> with quiet():
    ...     y = T.dscalar() + 1         # no test value is computed
    """
    observer = observe(None)
    try:
        yield
    finally:
        observe(observer)
