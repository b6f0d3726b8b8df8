"""How many threads the kernels use, for a block of calls."""
import operator
from contextlib import contextmanager


@contextmanager
def threads(n):
    """Let the calls of a ``with`` block run on ``n`` threads.

    This holds for calls from the Python thread that entered the block; others go on as before. All
    share the one pool of the process, which has as many workers as the process has cores. Results
    do not depend on the number of threads.

    Parameters
    ----------
    n : int
        At least 0; 0 means as many as ``config.threads`` says.

    Raises
    ------
    TypeError
        If ``n`` is no integer.
    ValueError
        If it is negative.

    Examples
    --------
    >>> import cytensor as ct
    >>> import cytensor.tensor as T
    >>> x = T.dvector("x")
    >>> f = ct.function([x], x.sum())
    >>> with ct.threads(1):
    ...     print(f([1.0, 2.0]))
    3.0
    """
    try:
        n = operator.index(n)
    except TypeError:
        raise TypeError(f"threads(n): n is an integer, not {n!r}") from None
    if n < 0:
        raise ValueError(f"threads(n): n is at least 0, not {n}")
    from cytensor.cpu import _structured
    before = _structured.set_threads_here(n)
    try:
        yield
    finally:
        _structured.set_threads_here(before)
