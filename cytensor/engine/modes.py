"""Modes: which passes run, in which order, and how the program runs then.

A mode has a name, under which ``function`` and ``config.mode`` find it. Those that only choose
passes are of the class ``Mode``; others look on while a function runs, or run it differently.
"""
from importlib import import_module

from cytensor import config
from cytensor.engine import passes

#: Theano's linkers. All mean the same here.
predefined_linkers = ("py", "c", "c|py", "c|py_nogc", "vm", "cvm", "vm_nogc", "cvm_nogc")

#: Names of choices of passes: the order that each takes, and what it leaves out.
predefined_optimizers = {
    "fast_run": ("fast_run", ()), "fast_compile": ("fast_compile", ()), "none": ("none", ()),
    "merge": ("merge", ()), "stabilize": ("stabilize", ()), "fast_run_stable": ("fast_run", ()),
    "o0": ("none", ()), "o1": ("fast_compile", ()), "o2": ("fast_compile", ()),
    "o3": ("fast_run", ("inplace",)), "o4": ("fast_run", ()), "unsafe": ("fast_run", ("inplace",)),
}

#: Theano's names of passes and switches, where we have something like them.
_THEANOS = {
    "canonicalize": "smaller", "stabilize": "safer", "specialize": "faster", "merge": "intern",
    "constant_folding": "fold", "BlasOpt": "updates", "elemwise_fusion": "fusion",
    "local_elemwise_fusion": "fusion", "inplace_opt": "inplace",
    "inplace_elemwise_opt": "inplace", "inplace_elemwise_optimizer": "inplace",
}
#: What lowering does beyond passes: groups of several ops, and updates in place.
_SWITCHES = ("fusion", "inplace")


class Mode:
    """A choice of passes.

    Parameters
    ----------
    linker : str, optional
        The name of an optimizer. Or one of Theano's linkers: they mean nothing here.
    optimizer : str, optional
        ``"fast_run"`` (all passes), ``"fast_compile"`` (few), ``"merge"`` (equal nodes become
        one), ``"none"`` or None (no rewrites), or another of ``predefined_optimizers``. By
        default ``config.optimizer``.
    excluding, including : sequence of str
        Passes to leave out, and to take in. Without ``"fusion"`` each op runs by itself; without
        ``"inplace"`` no shared variable is overwritten before a call has succeeded.
    registered : sequence of Pass
        Passes of your own: see ``register``.

    Attributes
    ----------
    names : tuple of str
        The passes, in order.
    fused, inplace : bool

    Examples
    --------
    >>> "safer" in Mode("fast_compile").excluding("safer").names
    False
    """

    def __init__(self, linker=None, optimizer="default", excluding=(), including=(),
                 registered=()):
        if optimizer == "default" and linker is not None and linker not in predefined_linkers:
            linker, optimizer = None, linker
        if hasattr(optimizer, "parts"):             # rewrites of Theano's
            registered = (*registered, *passes.as_passes(optimizer))
            optimizer = "merge"
        self.linker = self.provided_linker = _linker(linker)
        self.optimizer = self.provided_optimizer = _optimizer(optimizer)
        self.left_out, self.taken_in = tuple(excluding), tuple(including)
        self.registered = tuple(registered)
        for name in (*self.left_out, *self.taken_in):
            if not _is_known(name):
                raise ValueError(f"there is no pass {name!r}; there are "
                                 f"{', '.join(sorted({*passes.KNOWN, *_SWITCHES}))}")
        order, without = predefined_optimizers[self.optimizer]
        out = {*without, *self.left_out}
        self.fused, self.inplace = "fusion" not in out, "inplace" not in out
        self.names = passes.choose(order, out, self.taken_in)

    @property
    def name(self):
        """That of the optimizer."""
        return self.optimizer

    # ----- other modes -----

    def excluding(self, *names):
        """Return this mode without some passes. A name of Theano's that we lack is passed over."""
        names = _known(names)
        return self.clone(excluding=(*self.left_out, *names),
                          including=[p for p in self.taken_in if p not in names])

    def including(self, *names):
        """Return this mode with further passes, or with those of another optimizer as well."""
        optimizer = self.optimizer
        for name in names:
            if name in predefined_optimizers and len(_passes_of(name)) > len(_passes_of(optimizer)):
                optimizer = name
        names = _known([name for name in names if name not in predefined_optimizers])
        return self.clone(optimizer=optimizer, including=(*self.taken_in, *names),
                          excluding=[p for p in self.left_out if p not in names])

    def requiring(self, *names):
        """Return this mode: for Theano's sake."""
        _known(names)
        return self

    def register(self, *rewrites):
        """Return this mode with rewrites of your own, which run before composites are expanded.

        Parameters
        ----------
        *rewrites : Pass, Rule, list of Rule, or callable
            A callable takes the outputs of a graph and returns new ones. A pair with a number
            is taken, too: what has a smaller number comes first.
        """
        placed = [item if isinstance(item, tuple) and len(item) == 2 else (item, 0.0)
                  for item in rewrites]
        new = [step for rewrite, _ in sorted(placed, key=lambda pair: pair[1])
               for step in passes.as_passes(rewrite)]
        return self.clone(registered=(*self.registered, *new))

    def options(self):
        """Return the further arguments that make this mode, as a dict."""
        return {}

    def clone(self, link_kwargs=None, **changes):
        """Return a mode of this class with some arguments changed."""
        arguments = {"linker": self.linker, "optimizer": self.optimizer,
                     "excluding": self.left_out, "including": self.taken_in,
                     "registered": self.registered, **self.options(), **changes}
        return type(self)(**arguments)

    def __reduce__(self):
        return _load_mode, (type(self), {
            "linker": self.linker, "optimizer": self.optimizer, "excluding": self.left_out,
            "including": self.taken_in, "registered": self.registered, **self.options()})

    def __repr__(self):
        return f"{type(self).__name__}({self.optimizer!r}, excluding={self.left_out!r})"

    def __str__(self):
        return (f"{type(self).__name__}(linker = {self.provided_linker}, "
                f"optimizer = {self.provided_optimizer})")

    # ----- what happens when a function runs -----

    @property
    def looks_on(self):
        """Whether more than passes is chosen: something that happens while a function runs."""
        kind = type(self)
        return kind.watchers is not Mode.watchers or kind.runner is not Mode.runner

    def watchers(self):
        """Return a list of ``Watcher``: who looks on while a function of this mode runs."""
        return []

    def runner(self, job, program, graph):
        """Return what runs in place of the program, or None.

        Parameters
        ----------
        job : Job
            What was to be compiled.
        program : Program
        graph : list of Variable
            What came of it.

        Returns
        -------
        callable
            ``runner(arguments, shared values) -> (results, [(shared variable's number, value)])``
        """
        return


def _linker(name):
    if name is None:
        return "cvm"
    if name not in predefined_linkers:
        raise ValueError(f"a linker is one of {', '.join(predefined_linkers)}, not {name!r}")
    return name


def _optimizer(name):
    if name is not None and not isinstance(name, str):      # an object that stands for one
        name = str(getattr(name, "name", None)).lower().removeprefix("opt_")
        name = name if name in predefined_optimizers else "default"
    if name == "default":
        name = config.optimizer or "fast_run"
    key = "none" if name is None else name.lower()
    if key not in predefined_optimizers:
        raise ValueError(f"a mode is one of {', '.join(predefined_optimizers)}, not {name!r}")
    return key


def _passes_of(optimizer):
    return passes.ORDER[predefined_optimizers[optimizer][0]]


def _is_known(name):
    return name in passes.KNOWN or name in _SWITCHES


def _known(names):
    """The passes and switches that some names stand for; others are passed over."""
    found = []
    for name in names:
        name = _THEANOS.get(name, name)
        if _is_known(name):
            found.append(name)
        elif config.debug >= 1:
            print(f"cytensor: there is no rewrite {name!r}: nothing to leave out or take in")
    return found


def _load_mode(cls, arguments):
    return cls(**arguments)


# ----- modes by name -----

FAST_RUN = Mode("fast_run")
FAST_COMPILE = Mode("fast_compile")
predefined_modes = {"FAST_RUN": FAST_RUN, "FAST_COMPILE": FAST_COMPILE}

#: Modes that do more than choose passes: where their classes are.
_CLASSES = {
    "debugmode": "debugmode.DebugMode",
    "nanguardmode": "guard.NanGuardMode", "monitormode": "monitor.MonitorMode", "mode": Mode,
}


def register_mode(name, mode):
    """Give a mode, or a class of modes, a name.

    Raises
    ------
    ValueError
        If the name is taken.
    """
    if name.lower() in _CLASSES or name in predefined_modes:
        raise ValueError(f"there is a mode {name!r} already")
    if isinstance(mode, type):
        _CLASSES[name.lower()] = mode
    else:
        predefined_modes[name] = mode


def get_mode(mode=None):
    """Return ``mode``, a name in any case, or None (the default) as a ``Mode``.

    Examples
    --------
    >>> get_mode("FAST_COMPILE")
    Mode('fast_compile', excluding=())
    """
    if mode is None:
        return get_default_mode()
    if not isinstance(mode, str):
        return mode
    for name, found in predefined_modes.items():
        if name.lower() == mode.lower():
            return found
    made = _CLASSES.get(mode.lower())
    if made is None:
        return Mode(optimizer=mode)
    return _class_of(made)()


as_mode = get_mode


def get_default_mode():
    """Return the mode that the settings ask for."""
    mode = get_mode(config.mode)
    if config.optimizer and config.mode == "fast_run":
        mode = mode.clone(optimizer=_optimizer(config.optimizer))
    if config.optimizer_excluding:
        mode = mode.excluding(*config.optimizer_excluding.split(":"))
    if config.optimizer_including:
        mode = mode.including(*config.optimizer_including.split(":"))
    return mode


def _class_of(place):
    if isinstance(place, type):
        return place
    module, name = place.split(".")
    return getattr(import_module(f"cytensor.engine.{module}"), name)
