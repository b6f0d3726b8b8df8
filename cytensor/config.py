"""Every setting of cytensor, one row each.

A setting has a value from its ``CYTENSOR_*`` environment variable or from its default, and may
be changed from code: ``cytensor.config.floatX = "float32"``.
"""
import os
import sys
import types

#    name          default     how to read the environment's text, and what it is for
FLAGS = {
    "floatX": ("float64", str, "dtype of `matrix()`, `vector()` and the like without a prefix"),
    "debug": (0, int, "1 device and choices, 2 times of every function at exit, 3 rules that "
                      "fired, 4 programs, 5 the graph after each pass"),
    "threads": (0, int, "threads of the CPU kernels; 0 takes the cores that this process may use"),
    "isa": ("", str, "instruction set of the CPU kernels (v2, v3, v4); empty takes the best"),
    "mode": ("fast_run", str, "passes of `function` by default: fast_run, fast_compile or none"),
    "on_unused_input": ("raise", str, "raise, warn or ignore an input that no output needs"),
    "profile": (False, lambda text: text not in ("", "0"), "measure every compiled function"),
}

_CHOICES = {
    "floatX": ("float16", "float32", "float64"),
    "isa": ("", "v2", "v3", "v4", "neon", "base"),
    "mode": ("fast_run", "fast_compile", "none"),
    "on_unused_input": ("raise", "warn", "ignore"),
}


def _checked(name, value):
    default = FLAGS[name][0]
    if not isinstance(value, type(default)):
        raise TypeError(f"config.{name} is {type(default).__name__}, not {value!r}")
    choices = _CHOICES.get(name)
    if choices and value not in choices:
        raise ValueError(f"config.{name} is one of {', '.join(map(repr, choices))}, "
                         f"not {value!r}")
    return value


def _initial(name):
    default, read, _ = FLAGS[name]
    text = os.environ.get("CYTENSOR_" + name.upper())
    if text is None:
        return default
    try:
        return _checked(name, read(text))
    except ValueError as error:
        raise ValueError(f"environment variable CYTENSOR_{name.upper()}={text!r}: "
                         f"{error}") from None


_listeners: dict = {}           # setting -> functions to call with a new value


def on_change(name, listener):
    """Call ``listener(value)`` now, and whenever the setting ``name`` is given a value."""
    _listeners.setdefault(name, []).append(listener)
    listener(globals()[name])


class _Config(types.ModuleType):
    """The module itself, so that an unknown or impossible setting is an error."""

    def __setattr__(self, name, value):
        if name in FLAGS:
            value = _checked(name, value)
        elif not name.startswith("__"):
            raise AttributeError(f"cytensor has no setting {name!r}; "
                                 f"it has {', '.join(FLAGS)}")
        super().__setattr__(name, value)
        for listener in _listeners.get(name, ()):
            listener(value)


for _name in FLAGS:
    globals()[_name] = _initial(_name)
sys.modules[__name__].__class__ = _Config
