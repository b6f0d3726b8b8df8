"""Updates of shared variables, as loops return them and `function` takes them."""
from cytensor.shared import SharedVariable


class OrderedUpdates(dict):
    """New values of shared variables. ``a + b`` has those of both.

    Raises
    ------
    TypeError
        If a key is no shared variable.
    KeyError
        If two sets that are joined give one variable different values.

    Examples
    --------
    >>> import cytensor as ct
    >>> x, y = ct.shared(0.0), ct.shared(1.0)
    >>> len(OrderedUpdates({x: x + 1}) + OrderedUpdates({y: 2 * y}))
    2
    """

    def __init__(self, *args, **kwargs):
        super().__init__()
        self.update(dict(*args, **kwargs))

    def __setitem__(self, key, value):
        if not isinstance(key, SharedVariable):
            raise TypeError(f"the keys of updates are shared variables, not {key!r}")
        super().__setitem__(key, value)

    def update(self, other=None):
        """Add further updates."""
        for key, value in dict(other or {}).items():
            if key in self and self[key] is not value:
                raise KeyError(f"two different updates of {key!r}")
            self[key] = value

    def __add__(self, other):
        both = OrderedUpdates(self)
        both.update(other)
        return both

    def __radd__(self, other):
        return OrderedUpdates(other) + self
