"""``theano.config``: Theano's flags, of which some are settings of cytensor.

Values come from ``flags.txt``, then from a ``.theanorc`` file, then from the environment variable
``THEANO_FLAGS``, and then from code.
"""
import configparser
import contextlib
import logging
import os
import struct
from pathlib import Path

import cytensor

_log = logging.getLogger("theano")
_TRUE, _FALSE = ("True", "true", "1"), ("False", "false", "0")


# ----- the kinds of flags -----

class ConfigParam:
    """A flag: its default, and what a value must be."""

    def __init__(self, default, filter=None, allow_override=True):
        self.default = default
        self.filter = filter
        self.is_valid = None
        self.fullname = None

    def read(self, value):
        """Return a value, or its text, as the flag keeps it."""
        value = value if self.filter is None else self.filter(value)
        if self.is_valid is not None and not self.is_valid(value):
            raise ValueError(f"invalid value: {value!r}")
        return value


    # Programs get and set a flag by these methods of its record.

    def __get__(self, cls, owner=None, delete_key=False):
        return _get(self.fullname)

    def __set__(self, cls, value):
        _set(self.fullname, value)


class _Typed(ConfigParam):
    """A flag of one type, with an optional check."""

    def __init__(self, default, is_valid=None, allow_override=True):
        super().__init__(default, self.convert)
        self.is_valid = is_valid


class StrParam(_Typed):
    """A flag that is a text."""

    convert = str


class IntParam(_Typed):
    """A flag that is an int."""

    convert = int


class FloatParam(_Typed):
    """A flag that is a float."""

    convert = float


class BoolParam(_Typed):
    """A flag that is true or false."""

    @staticmethod
    def convert(value):
        """Read Theano's words for true and false."""
        if value in (True, 1, *_TRUE):
            return True
        if value in (False, 0, *_FALSE):
            return False
        raise ValueError(f"{value!r} is neither True nor False")


class EnumStr(ConfigParam):
    """A flag that is one of several texts; the first is the default."""

    def __init__(self, default, *options, convert=None, allow_override=True):
        super().__init__(default)
        self.all = (default, *options)
        self.is_valid = lambda value: value in self.all


_KINDS = {"str": StrParam, "int": IntParam, "float": FloatParam, "bool": BoolParam}


# ----- the table -----

def _read_table():
    """Return a dict of flags, and one of those that are settings of ours."""
    flags, settings = {}, {}
    for line in (Path(__file__).parent / "flags.txt").read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        name, kind, default, *ours = line.split()
        default = "" if default == '""' else default
        if kind in _KINDS:
            flags[name] = _KINDS[kind](default)
        else:
            flags[name] = EnumStr(default, *kind.split("|"))
        flags[name].fullname = name
        if ours:
            settings[name], = ours
    return flags, settings


_flags, SETTINGS = _read_table()
_config_var_list = list(_flags.values())
_values: dict = {}


def names():
    """Return the names of all flags, in the order of the table."""
    return list(_flags)


# ----- what a flag does -----

def _our_mode():
    """The name of our mode for Theano's flags mode, linker and optimizer."""
    mode = _values["mode"]
    if mode != "Mode":
        return mode.lower() if mode.upper() in ("FAST_RUN", "FAST_COMPILE") else mode
    return {"fast_compile": "fast_compile", "o1": "fast_compile", "merge": "none",
            "None": "none"}.get(_values["optimizer"], "fast_run")


def _set(name, value):
    try:
        value = _flags[name].read(value)
    except (ValueError, TypeError) as error:
        raise ValueError(f"theano.config.{name} may not be {value!r}: {error}") from None
    if name == "device" and value != "cpu":
        _log.info("device=%s: cytensor computes on the CPU", value)
        value = "cpu"
    _values[name] = value
    setting = SETTINGS.get(name)
    if setting in cytensor.config.FLAGS:
        setattr(cytensor.config, setting, _our_mode() if setting == "mode" else value)


def _get(name):
    setting = SETTINGS.get(name)
    if setting != "mode" and setting in cytensor.config.FLAGS:
        return getattr(cytensor.config, setting)
    if name not in _values:
        default = _flags[name].default
        _values[name] = _flags[name].read(default() if callable(default) else default)
    return _values[name]


class Flags:
    """``theano.config``, or a section of it such as ``theano.config.gcc``."""

    def __init__(self, prefix=""):
        object.__setattr__(self, "_prefix", prefix)

    def __getattr__(self, name):
        full = self._prefix + name
        if full in _flags:
            return _get(full)
        if any([flag.startswith(full + ".") for flag in _flags]):
            return Flags(full + ".")
        raise AttributeError(f"cytensor has no Theano flag {full}")

    def __setattr__(self, name, value):
        full = self._prefix + name
        if full in _flags:
            _set(full, value)
        else:
            object.__setattr__(self, name, value)

    def __str__(self):
        return "\n".join([f"{name} = {_get(name)!r}" for name in _flags
                          if name.startswith(self._prefix)])

    def change_flags(self, *args, **kwargs):
        """See the function ``change_flags``."""
        return change_flags(*args, **kwargs)


config = Flags()
TheanoConfigParser = Flags


class change_flags(contextlib.ContextDecorator):
    """Give flags other values inside a ``with`` block, or while a function runs.

    Parameters
    ----------
    args : dict or list of pairs
        Names, of sections too, and values.
    **kwargs
        More of them.

    Examples
    --------
    >>> from cytensor.compat.theano.flags import change_flags, config
    >>> with change_flags(floatX="float32"):
    ...     print(config.floatX)
    float32
    """

    def __init__(self, args=(), **kwargs):
        self.new = {**dict(args), **kwargs}
        for name in self.new:
            if name not in _flags:
                raise AttributeError(f"cytensor has no Theano flag {name}")
        self.old = []

    def _recreate_cm(self):
        return type(self)(self.new)

    def __enter__(self):
        old = {name: _get(name) for name in self.new}
        self.old.append(old)
        try:
            for name, value in self.new.items():
                _set(name, value)
        except Exception:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc):
        for name, value in self.old.pop().items():
            _set(name, value)


def AddConfigVar(name, doc, configparam, in_c_key=True, root=config):
    """Add a flag.

    Parameters
    ----------
    name : str
        With dots, if it is in a section.
    doc : str
    configparam : ConfigParam
    in_c_key : bool
        Whether code in C depends on it: no effect.
    root : Flags

    Raises
    ------
    ValueError
        If neither files nor the environment give it a value, and the default is invalid.
    """
    if name in _flags:
        raise AttributeError(f"the Theano flag {name} exists already")
    if name in THEANO_FLAGS_DICT:
        _given[name] = THEANO_FLAGS_DICT.pop(name)
    if name not in _given and not callable(configparam.default):
        configparam.read(configparam.default)
    configparam.doc, configparam.fullname = doc, name
    _flags[name] = configparam
    _config_var_list.append(configparam)
    if name in _given:
        _set(name, _given[name])


# ----- where values come from -----

def parse_config_string(text, issue_warnings=True):
    """Return the flags that ``"floatX=float32,warn.round=False"`` sets, as a dict of texts."""
    given = {}
    for part in text.split(","):
        name, equals, value = part.partition("=")
        if equals:
            given[name.strip()] = value.strip()
        elif part.strip() and issue_warnings:
            _log.warning("THEANO_FLAGS: %r is not of the form name=value", part)
    return given


def _from_files():
    """The flags that ``.theanorc`` sets; sections other than ``global`` are prefixes."""
    paths = os.environ.get("THEANORC", "~/.theanorc").split(os.pathsep)
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str            # type: ignore[assignment,method-assign]
    parser.read([Path(path).expanduser() for path in paths])
    return {(name if section == "global" else f"{section}.{name}"): value
            for section in parser.sections() for name, value in parser.items(section)}


THEANO_FLAGS_DICT: dict = {}
_given: dict = {}


def start():
    """Give flags the values that files and the environment have for them.

    Settings of cytensor of which neither says anything stay as they are, but for the casting
    policy.
    """
    THEANO_FLAGS_DICT.update(parse_config_string(os.environ.get("THEANO_FLAGS", "")))
    _given.update({**_from_files(), **THEANO_FLAGS_DICT})
    _values.update({name: flag.read(flag.default) for name, flag in _flags.items()
                    if name not in _given and not callable(flag.default)})
    for name in _flags:
        if name in _given or name == "cast_policy":
            _set(name, _given[name] if name in _given else _values[name])


def local_bitwidth():
    """Return the bits of a pointer."""
    return struct.calcsize("P") * 8


def python_int_bitwidth():
    """Return the bits of a C long, which NumPy's default integer has."""
    return struct.calcsize("l") * 8
