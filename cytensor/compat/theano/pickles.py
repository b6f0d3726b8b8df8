"""Models on disk: ``theano.misc.pkl_utils``, a zip file with a pickle and its arrays beside it."""
import io
import pickle
import zipfile

import numpy as np

from cytensor import SharedVariable
from cytensor._cells import Cell

_PICKLE = "pkl"


class PersistentNdarrayID:
    """Puts arrays into a zip file of their own while the rest is pickled."""

    def __init__(self, zip_file):
        self.zip_file = zip_file
        self.count = 0
        self.seen = {}

    def name_of(self, obj):
        """Return the name of the file for an array."""
        name = f"array_{self.count}"
        self.count += 1
        return name

    def __call__(self, obj):
        """Return what stands for an array, or for the storage of one; None for anything else."""
        array = obj.copy() if isinstance(obj, Cell) else obj
        if type(array) is not np.ndarray or array.dtype.hasobject:
            return None
        if id(obj) not in self.seen:
            name = self.name_of(obj)
            with self.zip_file.open(name, "w") as file:
                np.lib.format.write_array(file, array, allow_pickle=False)
            self.seen[id(obj)] = obj, f"{'ndarray' if array is obj else 'storage'}.{name}"
        return self.seen[id(obj)][1]


PersistentGpuArrayID = PersistentCudaNdarrayID = PersistentNdarrayID


class PersistentSharedVariableID(PersistentNdarrayID):
    """The same; values of shared variables are stored under the variables' names.

    Parameters
    ----------
    zip_file : ZipFile
    allow_unnamed, allow_duplicates : bool
        Whether variables may have no name, or a name that another one has.

    Attributes
    ----------
    ndarray_names : dict
        The name for a value, by its ``id`` or by that of its storage.
    """

    def __init__(self, zip_file, allow_unnamed=True, allow_duplicates=True):
        super().__init__(zip_file)
        self.allow_unnamed, self.allow_duplicates = allow_unnamed, allow_duplicates
        self.ndarray_names = {}
        self.taken = set()

    def name_of(self, obj):
        """Return the variable's name for its value."""
        value = obj.value if isinstance(obj, Cell) else obj
        name = self.ndarray_names.get(id(value)) or self.ndarray_names.get(id(obj))
        return name or super().name_of(obj)

    def __call__(self, obj):
        """Note the name of a shared variable; return what stands for an array."""
        if isinstance(obj, SharedVariable):
            self._note(obj)
        return super().__call__(obj)

    def _note(self, variable):
        if id(variable.container) in self.ndarray_names:
            return
        name = variable.name
        if not name:
            if not self.allow_unnamed:
                raise ValueError(f"the shared variable {variable!r} has no name")
            return
        if name == _PICKLE:
            raise ValueError(f"a shared variable may not be named {_PICKLE!r}")
        if name in self.taken:
            if not self.allow_duplicates:
                raise ValueError(f"two shared variables are named {name!r}")
            name = f"{name}_{sum([n.startswith(name) for n in self.taken]) + 1}"
        self.taken.add(name)
        self.ndarray_names[id(variable.container)] = name


class PersistentNdarrayLoad:
    """Reads arrays back from the zip file."""

    def __init__(self, zip_file):
        self.zip_file = zip_file
        self.cache = {}

    def __call__(self, persid):
        """Return the array, or the storage of one, that an id stands for."""
        kind, _, name = persid.partition(".")
        if name not in self.cache:
            with self.zip_file.open(name) as file:
                array = np.lib.format.read_array(file, allow_pickle=False)
            self.cache[name] = Cell(array) if kind == "storage" else array
        return self.cache[name]


class StripPickler(pickle.Pickler):
    """A pickler; our variables carry no traces that could be left out."""

    def __init__(self, file, protocol=0, extra_tag_to_remove=None):
        super().__init__(file, protocol)


def dump(obj, file_handler, protocol=pickle.DEFAULT_PROTOCOL,
         persistent_id=PersistentSharedVariableID):
    """Write an object to a file, as a zip of a pickle and the arrays in it.

    Parameters
    ----------
    obj : object
    file_handler : file
        Open for writing in binary mode.
    protocol : int
    persistent_id : class
        Decides on the names of the arrays in the zip.
    """
    def write(file):
        pickler = pickle.Pickler(file, protocol)
        pickler.persistent_id = persistent_id(archive)
        pickler.dump(obj)

    with zipfile.ZipFile(file_handler, "w", zipfile.ZIP_DEFLATED, allowZip64=True) as archive:
        zipadd(write, archive, _PICKLE)


def zipadd(func, zip_file, name):
    """Add a file to an archive: what ``func(file)`` writes."""
    buffer = io.BytesIO()
    func(buffer)
    zip_file.writestr(name, buffer.getvalue())


def load(f, persistent_load=PersistentNdarrayLoad):
    """Read an object that ``dump`` wrote.

    Parameters
    ----------
    f : file
        Open for reading in binary mode.
    persistent_load : class
    """
    with zipfile.ZipFile(f, "r") as archive:
        unpickler = pickle.Unpickler(io.BytesIO(archive.read(_PICKLE)))
        unpickler.persistent_load = persistent_load(archive)
        return unpickler.load()
