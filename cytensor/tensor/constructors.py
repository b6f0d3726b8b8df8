"""Making input variables: ``matrix("x")``, ``dvectors("x", "y")``, ``tensor("int8", (None, 3))``.

Names with a prefix, such as ``dmatrix``, are types: calling one makes a variable. Names without
a prefix take ``config.floatX`` when they are called.
"""
from cytensor import config
from cytensor._core import TensorType, new_variable

PREFIXES = {"b": "int8", "w": "int16", "i": "int32", "l": "int64", "f": "float32",
            "d": "float64", "c": "complex64", "z": "complex128"}
SHAPES = {"scalar": (), "vector": (None,), "row": (1, None), "col": (None, 1),
          **{name: (None,) * ndim for ndim, name in enumerate(
              ("matrix", "tensor3", "tensor4", "tensor5", "tensor6", "tensor7"), 2)}}


def tensor(dtype=None, shape=None, name=None, *, broadcastable=None):
    """Make an input variable of any type.

    Parameters
    ----------
    dtype : str, optional
        By default ``config.floatX``.
    shape : sequence of int, None or bool
        One entry per axis: the size, or None where only the run will tell. Booleans are read
        as Theano's broadcast pattern: True is size 1, False is unknown.
    name : str, optional
    broadcastable : sequence of bool, optional
        Another name of ``shape``.

    Returns
    -------
    Variable

    Raises
    ------
    TypeError
        If neither ``shape`` nor ``broadcastable`` is given, or the dtype is not known.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> T.tensor("int8", (None, 3), "x").type
    TensorType(int8, (None, 3))
    """
    shape = broadcastable if shape is None else shape
    if shape is None:
        raise TypeError("tensor: say how many axes it has with shape=")
    return new_variable(TensorType(config.floatX if dtype is None else dtype, shape), name)


def _maker(kind, shape):
    """Make the function that makes variables of ``config.floatX``."""
    def make(name=None, dtype=None):
        return new_variable(TensorType(config.floatX if dtype is None else dtype, shape), name)

    make.__name__ = make.__qualname__ = kind
    make.__doc__ = f"Make an input variable of shape {shape}, by default in config.floatX."
    return make


def _several(kind, make):
    """Make the plural of a type or of a maker."""
    def several(*names):
        if len(names) == 1 and isinstance(names[0], int):
            names = (None,) * names[0]
        out = [make(name) for name in names]
        return out[0] if len(out) == 1 else out

    several.__name__ = several.__qualname__ = kind
    several.__doc__ = f"Make several variables, by names or by number: {kind}('x', 'y')."
    return several


def _plural(kind):
    return "matrices" if kind == "matrix" else kind + "s"


def _constructors():
    """Return all names: each kind with and without prefix, in singular and plural."""
    made = {"tensor": tensor}
    for kind, shape in SHAPES.items():
        makers = {kind: _maker(kind, shape)}
        makers.update({p + kind: TensorType(dtype, shape) for p, dtype in PREFIXES.items()})
        for name, make in makers.items():
            plural = name[:-len(kind)] + _plural(kind)
            made[name] = make
            made[plural] = _several(plural, make)
    return made


_MADE = _constructors()
globals().update(_MADE)
__all__ = list(_MADE)
