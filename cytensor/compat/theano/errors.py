"""Exceptions and complaints of ``theano.gof`` that cytensor has no use for."""
import warnings

from cytensor import config


class InconsistencyError(Exception):
    """A change would make a graph inconsistent."""


class CachedConstantError(Exception):
    """A constant from a cache stands in two graphs."""


def debug_error_message(text):
    """Complain of test values: an error, or a warning if ``compute_test_value`` is "warn".

    Raises
    ------
    ValueError
    """
    if config.compute_test_value == "warn":
        warnings.warn(text, stacklevel=2)
    else:
        raise ValueError(text)
