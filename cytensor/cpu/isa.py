"""Choose the instruction set, and find the tile kernels that were compiled for it."""
import importlib
from importlib.util import find_spec

from cytensor import config
from cytensor.cpu._isa import supported

_loaded = {}        # module name -> its kernels


def available():
    """Return the instruction sets that this CPU has and this build knows, best first.

    Returns
    -------
    tuple of str

    Examples
    --------
    >>> name() in available()
    True
    """
    return tuple([isa for isa in supported if find_spec(f"cytensor.cpu._kernels_{isa}")])


def name():
    """Return the instruction set in use: ``config.isa``, or the best available one.

    Returns
    -------
    str

    Raises
    ------
    RuntimeError
        If there are no kernels for it.

    Examples
    --------
    >>> name() == (config.isa or available()[0])
    True
    """
    choices = available()
    wanted = config.isa or (choices[0] if choices else "")
    if wanted not in choices:
        raise RuntimeError(f"no kernels for the instruction set {wanted!r}: this CPU and this "
                           f"build have {', '.join(choices) or 'none'}")
    return wanted


def kernels():
    """Return the addresses of the tile kernels of the instruction set in use.

    Returns
    -------
    dict
        ``(kind, name, dtype code, to) -> address``. ``kind`` is ``"m"`` for a ``ct_map``, ``"f"``
        for a ``ct_fold``, ``"a"`` for a ``ct_accumulate``; ``to`` is the dtype code of the
        result of a cast, and -1 otherwise. Two ops in one pass have names such as
        ``"add(mul(x,y),z)"``.

    Examples
    --------
    >>> ("m", "add", 10, -1) in kernels()
    True
    """
    return _load(f"_kernels_{name()}")


def module():
    """Return the module of the tile kernels of the instruction set in use."""
    return importlib.import_module(f"cytensor.cpu._kernels_{name()}")


def kernels_special():
    """Return the addresses of the kernels over SciPy's special functions.

    They load ``scipy.special``, so ask only where an op has the trait ``special``.

    Returns
    -------
    dict
        As from `kernels`.

    Examples
    --------
    >>> ("m", "gamma", 11, -1) in kernels_special()
    True
    """
    return _load("_special")


def _load(module):
    if module not in _loaded:
        entries = importlib.import_module(f"cytensor.cpu.{module}").entries()
        _loaded[module] = {tuple(key): address for *key, address in entries}
    return _loaded[module]
