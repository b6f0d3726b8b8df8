"""Arguments of convolutions as users give them; what is wrong with one is said by its name."""
from operator import index

from cytensor._core import Constant, Variable
from cytensor.ops.registry import FLOATS, KIND, promote, to_dtype
from cytensor.ops.views import as_size, as_tensor_variable

_MODES = ("valid", "half", "full")
#: How the spatial axes are called in messages, by how many there are.
_SPACE = {1: ("length",), 2: ("rows", "columns"), 3: ("depth", "rows", "columns")}


def axis_names(kind, ndim):
    """Return what the axes of an array with ``ndim`` spatial ones are called."""
    space = _SPACE[ndim]
    if kind == "unshared filters":
        return ("filters", *[f"{name} of the result" for name in space], "channels", *space)
    return (*{"images": ("batch", "channels"), "filters": ("filters", "channels"),
              "results": ("batch", "filters")}[kind], *space)


# ----- numbers -----

def whole_number(what, name, n, least):
    """Return a number that a user gave as an int.

    Raises
    ------
    TypeError
        If it is not whole.
    ValueError
        If it is less than ``least``.
    """
    try:
        number = index(n.data if isinstance(n, Constant) else n)
    except TypeError:
        raise TypeError(f"{what}: {name} is a whole number, not {n!r}") from None
    if number < least:
        raise ValueError(f"{what}: {name} is at least {least}, not {number}")
    return number


def per_axis(what, name, numbers, ndim):
    """Return one positive int for each spatial axis; a single number stands for all."""
    if not isinstance(numbers, (tuple, list)):
        numbers = (numbers,) * ndim
    if len(numbers) != ndim:
        raise ValueError(f"{what}: {name} has {ndim} elements, one for each spatial axis, "
                         f"not {len(numbers)}: {numbers}")
    return tuple([whole_number(what, name, n, 1) for n in numbers])


# ----- borders -----

def border(what, mode, ndim):
    """Return the border in which an image lies, as the ops take it.

    Returns
    -------
    "half", "full", or a tuple of pairs (zeros before, zeros behind), one for each spatial axis
    """
    if isinstance(mode, str):
        if mode not in _MODES:
            raise _wrong_border(what, mode, ndim)
        return mode if mode != "valid" else ((0, 0),) * ndim
    if not isinstance(mode, (tuple, list)):
        mode = (mode,) * ndim
    if len(mode) != ndim:
        raise _wrong_border(what, mode, ndim)
    return tuple([_pair(what, mode, item, ndim) for item in mode])


def _pair(what, mode, item, ndim):
    """Return the zeros on both sides of one axis."""
    sides = item if isinstance(item, (tuple, list)) else (item, item)
    try:
        before, behind = [index(n) for n in sides]
    except (TypeError, ValueError):
        raise _wrong_border(what, mode, ndim) from None
    if min(before, behind) < 0:
        raise _wrong_border(what, mode, ndim)
    return before, behind


def _wrong_border(what, mode, ndim):
    return ValueError(f"{what}: border_mode is 'valid', 'half', 'full', a number of zeros, or for "
                      f"each of {ndim} axes a number or a pair (before, behind), none of them "
                      f"negative; not {mode!r}")


# ----- shapes -----

def stated_shape(what, name, shape, ndim, open_axes=()):
    """Return a shape that a user states, as a list of ints, None and 0-d variables.

    Parameters
    ----------
    what, name : str
        The function and its argument.
    shape : sequence of int, None and constant, or None
    ndim : int
    open_axes : sequence of int
        The axes whose size may also be a variable, and may not be None.

    Raises
    ------
    ValueError
        If there are more or fewer sizes, or one is of another kind.
    """
    if shape is None:
        return [None] * ndim
    if not isinstance(shape, (tuple, list)) or len(shape) != ndim:
        raise ValueError(f"{what}: {name} is a tuple of {ndim} sizes, not {shape!r}")
    return [_stated_size(what, f"{name}[{axis}]", n, axis in open_axes)
            for axis, n in enumerate(shape)]


def _stated_size(what, name, n, is_open):
    if n is None and not is_open:
        return None
    if isinstance(n, Variable) and not isinstance(n, Constant) and is_open:
        return as_size(n, f"{what}: {name}")
    try:
        return index(n.data if isinstance(n, Constant) else n)
    except TypeError:
        wanted = "an int or a 0-d integer variable" if is_open else "a constant int or None"
        raise ValueError(f"{what}: {name} is {wanted}, not {n!r}") from None


def check_stated(what, name, shape_name, x, shape):
    """Check the sizes that the type of ``x`` knows against those that its user states.

    ``name`` and ``shape_name`` are what the function ``what`` calls the two.

    Raises
    ------
    ValueError
        If two differ.
    """
    for axis, (have, stated) in enumerate(zip(x.type.shape, shape)):
        if have is not None and type(stated) is int and have != stated:
            raise ValueError(f"{what}: {name} has size {have} on axis {axis}, and {shape_name} "
                             f"says {stated} (shapes {x.type.shape} and {_text(shape)})")


def _text(shape):
    """A shape as it is shown, without the sizes that are not known."""
    return tuple([n if type(n) is int else None for n in shape])


# ----- arrays -----

def tensor_with_axes(what, name, x, axes):
    """Return ``x`` as a variable that has as many axes as ``axes`` names.

    Raises
    ------
    TypeError
        If it has more or fewer.
    """
    x = as_tensor_variable(x)
    if x.type.ndim != len(axes):
        raise TypeError(f"{what}: {name} has {len(axes)} axes ({', '.join(axes)}), not "
                        f"{x.type.ndim} (its type is {x.type})")
    return x


def floats(what, arrays):
    """Return arrays, a dict by name, in the dtype to compute in, and the dtype of the result.

    float16 is computed in float32. An array of integers takes the dtype of a float beside it.

    Raises
    ------
    TypeError
        If no array is of floats, or one is complex.
    """
    dtype = promote(*[x.type.dtype for x in arrays.values()])
    if dtype not in FLOATS:
        kinds = ", ".join([f"{name} is {x.type.dtype}" for name, x in arrays.items()])
        hint = "" if KIND[dtype] == "c" else "; cast one of them to a float dtype"
        raise TypeError(f"{what}: floats are convolved, and {kinds}{hint}")
    work = "float32" if dtype == "float16" else dtype
    return *[to_dtype(x, work) for x in arrays.values()], dtype
