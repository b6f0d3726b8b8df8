"""Modules under foreign names, whose contents are looked up in tables when they are used."""
import importlib
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType

from cytensor.compat.tables import load

#: Each family that can be stood in for, and what its users call it.
FAMILIES = {"theano": "Theano", "pylearn2": "pylearn2"}
_finders: dict = {}


class Names(ModuleType):
    """A module whose names come from a table."""

    __slots__ = ()

    def __getattr__(self, name):
        finder = _finders.get(self.__name__.partition(".")[0])
        if finder is None or name in ("__path__", "__wrapped__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        if name == "__all__":
            return [key for key in dir(self) if not key.startswith("_") and hasattr(self, key)]
        value = finder.find(self.__name__, name)
        self.__dict__[name] = value
        return value

    def __setattr__(self, name, value):
        # A name that is in the table, such as the function theano.compile.function, is not hidden
        # by the module of the same name when that is imported.
        if not (isinstance(value, Names) and name in _table_of(self)):
            super().__setattr__(name, value)

    def __dir__(self):
        return sorted({*super().__dir__(), *_table_of(self), *_modules_below(self)})


def _table_of(module):
    finder = _finders.get(module.__name__.partition(".")[0])
    return finder.tables[module.__name__].entries if finder else {}


def _modules_below(module):
    finder = _finders.get(module.__name__.partition(".")[0])
    below = module.__name__ + "."
    return [name[len(below):] for name in (finder.tables if finder else ())
            if name.startswith(below) and "." not in name[len(below):]]


class Finder:
    """Finds the modules of one family: a loader for the import system."""

    def __init__(self, family):
        self.family = family
        self.tables = load(family)

    def find_spec(self, fullname, path=None, target=None):
        """Say how a module is imported, if it is one of the family."""
        if fullname in self.tables:
            return ModuleSpec(fullname, self, origin=str(self.tables[fullname].path),
                              is_package=True)
        if fullname.startswith(self.family + "."):
            raise ModuleNotFoundError(f"cytensor has no {FAMILIES[self.family]} module "
                                      f"{fullname}", name=fullname)
        return None

    def create_module(self, spec):
        """Make the empty module."""
        return Names(spec.name, f"{FAMILIES[self.family]}'s {spec.name}, on cytensor.")

    def exec_module(self, module):
        """Let it say where its names come from."""
        module.__file__ = module.__spec__.origin

    def find(self, module, name):
        """Return what a name of a module stands for, or the module of that name below it."""
        table, below = self.tables[module], f"{module}.{name}"
        if name in table.entries:
            return table.find(name)
        if below in self.tables:
            return importlib.import_module(below)
        raise AttributeError(f"cytensor has no {FAMILIES[self.family]} name {below}")


def install(family: str = "theano") -> None:
    """Let ``import theano`` find cytensor, with Theano's names and rules.

    The process then has Theano's rules everywhere: Python numbers are cast by their values, and
    variables print as they do there. With "pylearn2", its names for cuda-convnet are found, and no
    rule changes. Nothing is installed unless this is called.

    Parameters
    ----------
    family : {"theano", "pylearn2"}

    Raises
    ------
    ValueError
        If cytensor does not know the family.
    RuntimeError
        If the real one is imported already.

    Examples
    --------
    >>> import cytensor.compat
    >>> cytensor.compat.install("theano")
    >>> import theano.tensor as T
    >>> T.exp(T.fvector("x")).type
    TensorType(float32, vector)
    >>> cytensor.compat.uninstall("theano")
    """
    if family not in FAMILIES:
        raise ValueError(f"cytensor.compat knows {', '.join(FAMILIES)}, not {family!r}")
    if family in _finders:
        return
    if family in sys.modules:
        raise RuntimeError(f"the real {FAMILIES[family]} is imported already, from "
                           f"{getattr(sys.modules[family], '__file__', '?')}; install cytensor's "
                           f"names before `import {family}`")
    _finders[family] = Finder(family)
    sys.meta_path.insert(0, _finders[family])
    importlib.import_module(f"cytensor.compat.{family}").activate()


def uninstall(family: str = "theano") -> None:
    """Undo ``install``: the names are gone from ``sys.modules``, and cytensor's rules are back.

    Parameters
    ----------
    family : {"theano", "pylearn2"}
    """
    finder = _finders.pop(family, None)
    if finder is None:
        return
    sys.meta_path.remove(finder)
    for name in [name for name in sys.modules
                 if name == family or name.startswith(family + ".")]:
        if isinstance(sys.modules[name], Names):
            del sys.modules[name]
    importlib.import_module(f"cytensor.compat.{family}").deactivate()
