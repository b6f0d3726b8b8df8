"""Every setting of cytensor, one row each.

A setting has a value from its ``CYTENSOR_*`` environment variable or from its default, and may
be changed from code: ``cytensor.config.floatX = "float32"``.
"""
import os
import sys
import types


def _yes(text):
    return text.lower() not in ("", "0", "false")


#    name          default     how to read the environment's text, and what it is for
FLAGS = {
    "floatX": ("float64", str, "dtype of `matrix()`, `vector()` and the like without a prefix"),
    "cast_policy": ("weak", str, "dtype of Python numbers: weak (NumPy's), or Theano's custom or "
                                 "numpy+floatX"),
    "debug": (0, int, "1 device and choices, 2 times of every function at exit, 3 rules that "
                      "fired, 4 programs, 5 the graph after each pass"),
    "threads": (0, int, "threads of the CPU kernels; 0 takes the cores that this process may use"),
    "lapack_threads": (True, _yes, "whether OpenBLAS may use its own threads for one large matrix; "
                                   "the last digits then depend on how many it has"),
    "isa": ("", str, "instruction set of the CPU kernels (v2, v3, v4); empty takes the best"),
    "jit": ("background", str, "machine code of one's own for fused groups that cost much time: "
                        "background compiles it beside the calls, eager at the first call"),
    "mode": ("fast_run", str, "mode of `function` by default: fast_run, fast_compile, none, "
                              "DebugMode, NanGuardMode, MonitorMode or ProfileMode"),
    "optimizer": ("", str, "rewrites of the modes that name none: fast_run, fast_compile, merge, "
                           "None and so on; empty takes those of `mode`"),
    "optimizer_excluding": ("", str, "passes that the default mode leaves out, between colons"),
    "optimizer_including": ("", str, "passes that the default mode takes in, between colons"),
    "on_unused_input": ("raise", str, "raise, warn or ignore an input that no output needs"),
    "profile": (False, _yes, "measure every compiled function"),
    "profile_memory": (False, _yes, "show the memory of profiled functions, too"),
    "exception_verbosity": ("low", str, "low, or high: errors of a run show the graph and the "
                                        "memory"),
    "compute_test_value": ("off", str, "off, ignore, warn, raise or pdb: compute with the test "
                                       "values of inputs while the graph is built, and what to "
                                       "do where one is missing"),
    "conv": ("auto", str, "how convolutions are computed: direct, fft, or auto, which takes fft "
                          "where all sizes are known and it is clearly faster"),
    "cc": ("", str, "C compiler for kernels, with options if need be: `ccache gcc`, `zig cc`; "
                    "empty takes the first of cc, gcc and clang that works, none does without"),
    "cflags": ("", str, "further options for the C compiler; they come last, so they win"),
    "cache_dir": ("", str, "folder of compiled kernels; empty takes `cytensor` in "
                           "`$XDG_CACHE_HOME` or `~/.cache`"),
    "cache_limit": (1024, int, "how many MB of compiled kernels to keep; 0 keeps none on disk"),
    "print_test_value": (False, _yes, "`debugprint` shows test values"),
}

_CHOICES = {
    "floatX": ("float16", "float32", "float64"),
    "cast_policy": ("weak", "custom", "numpy+floatX"),
    "jit": ("background", "eager", "off"),
    "isa": ("", "v2", "v3", "v4", "neon", "base"),
    "mode": ("fast_run", "fast_compile", "none", "Mode", "DebugMode", "NanGuardMode",
             "MonitorMode", "ProfileMode"),
    "exception_verbosity": ("low", "high"),
    "conv": ("auto", "direct", "fft"),
    "compute_test_value": ("off", "ignore", "warn", "raise", "pdb"),
    "on_unused_input": ("raise", "warn", "ignore"),
}


def _is_mode(name, value):
    """Whether a mode is written in other letters, as Theano does."""
    return name == "mode" and value.lower().replace("_", "") in [
        choice.lower().replace("_", "") for choice in _CHOICES["mode"]]


def _checked(name, value):
    default = FLAGS[name][0]
    if not isinstance(value, type(default)):
        raise TypeError(f"config.{name} is {type(default).__name__}, not {value!r}")
    choices = _CHOICES.get(name)
    if choices and value not in choices and not _is_mode(name, value):
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
