"""The tables of names: one text file per module that is stood in for.

A line that begins at the margin names a module: one of ours, or another one that is stood in
for. The indented lines below it list its names, with commas between them; ``theirs = ours`` where
the two differ, ``*`` for all of them, and ``.`` for the module itself. What stands further down
wins.

    cytensor.tensor
        exp, log
        inv = reciprocal
    theano.tensor.basic
        *
"""
from importlib import import_module
from pathlib import Path


class Table:
    """The names of one module, and where each is found.

    Parameters
    ----------
    path : Path
        The text file; its name is the module's.
    tables : dict
        All tables by module, for the names that one takes from another.
    """

    def __init__(self, path, tables):
        self.path = path
        self.module = path.stem
        self._tables = tables
        self._entries = None

    @property
    def entries(self):
        """A dict from each name to (module, name there)."""
        if self._entries is None:
            self._entries = {}
            for module, words in read(self.path):
                self._add(module, words)
        return self._entries

    def _add(self, module, words):
        for word in words:
            theirs, _, ours = [part.strip() for part in word.partition("=")]
            if theirs == "*":
                self._entries.update({name: (module, name) for name in self._all_of(module)})
            else:
                self._entries[theirs] = (module, ours or theirs)

    def _all_of(self, module):
        if module in self._tables:
            return [name for name in self._tables[module].entries if not name.startswith("__")]
        return import_module(module).__all__

    def find(self, name):
        """Return what the name stands for.

        Raises
        ------
        KeyError
            If the table has no such name.
        AttributeError
            If it leads to nothing.
        """
        module, ours = self.entries[name]
        if module in self._tables:
            found = import_module(module)
            return found if ours == "." else getattr(found, ours)
        try:
            found = import_module(module)
        except ModuleNotFoundError as error:
            raise AttributeError(f"{self.module}.{name} needs {module}: {error}") from None
        for part in ours.split("."):
            found = getattr(found, part)
        return found


def read(path):
    """Yield (module, list of words) for each indented line of a table."""
    module = None
    for line in path.read_text(encoding="utf-8").splitlines():
        text = line.partition("#")[0].rstrip()
        if not text.strip():
            continue
        if text[0].isspace():
            yield module, [word.strip() for word in text.split(",") if word.strip()]
        else:
            module = text


def load(family):
    """Return the tables of a family, by module.

    Parameters
    ----------
    family : str
        The top module that they stand in for, such as ``"theano"``.
    """
    tables: dict = {}
    for path in sorted((Path(__file__).parent / family / "tables").glob("*.txt")):
        tables[path.stem] = Table(path, tables)
    return tables
