"""Where compiled functions spend their time: ``function(..., profile=True)`` and its relatives."""
import atexit
import sys

from cytensor import config
from cytensor._watch import Profile
from cytensor.engine.modes import Mode, register_mode
from cytensor.printing.profiles import memory_lines, profile_lines, times_by

_at_exit = []           # profiles to print when the process ends


class Measured:
    """What was measured of one function: how it was compiled, and its steps."""

    def __init__(self, name, program, times):
        self.name = name
        self.program = program
        self.compiling = times
        self.watcher = Profile()

    def rows(self):
        """Yield (step, seconds, runs, bytes) of each step that has run."""
        for (segment, number), (seconds, runs, nbytes, _) in self.watcher.steps.items():
            yield self.program.segments[segment].steps[number], seconds, runs, nbytes


class ProfileStats:
    """Times of one compiled function, or of several that share it.

    Parameters
    ----------
    atexit_print : bool
        Whether to print the summary when the process ends.
    message : str, optional
        For the first line, in place of the function's name.
    flag_time_thunks, gpu_checks
        Accepted for Theano's sake.

    Attributes
    ----------
    functions : list of Measured
    compile_time, optimizer_time, linker_time : float
        Seconds that compiling took, and in it the rewrites and the lowering.
    fct_callcount : int
    fct_call_time, vm_call_time : float
        Seconds of all calls, and those in their steps.

    Examples
    --------
    >>> import cytensor as ct, cytensor.tensor as T
    >>> x = T.dvector("x")
    >>> stats = ct.ProfileStats(atexit_print=False)
    >>> f = ct.function([x], x + 1, profile=stats)
    >>> f([1, 2]), f([3, 4])
    (array([2., 3.]), array([4., 5.]))
    >>> stats.fct_callcount
    2
    """

    def __init__(self, atexit_print=True, flag_time_thunks=None, gpu_checks=True, message=None,
                 name=None):
        self.message = message
        self.name = name
        self.functions = []
        if atexit_print:
            _at_exit.append(self)

    def measure(self, name, program, times):
        """Return what watches a function.

        Parameters
        ----------
        name : str or None
        program : Program
        times : dict
            Seconds that compiling took: see ``compile_program``.
        """
        self.functions.append(Measured(name, program, times))
        return self.functions[-1].watcher

    def reset(self):
        """Forget what was measured of calls."""
        for measured in self.functions:
            measured.watcher.clear()

    # ----- figures, by Theano's names -----

    def _compiling(self, what):
        return sum([measured.compiling.get(what, 0.0) for measured in self.functions])

    @property
    def compile_time(self):
        return self._compiling("compile")

    @property
    def optimizer_time(self):
        return self._compiling("rewrite")

    @property
    def linker_time(self):
        return self._compiling("lower")

    @property
    def passes(self):
        """Seconds of each pass."""
        total = {}
        for measured in self.functions:
            for name, seconds in measured.compiling.get("passes", {}).items():
                total[name] = total.get(name, 0.0) + seconds
        return total

    @property
    def fct_callcount(self):
        return sum([measured.watcher.calls for measured in self.functions])

    calls = fct_callcount

    @property
    def fct_call_time(self):
        return sum([measured.watcher.total for measured in self.functions])

    total = fct_call_time

    @property
    def vm_call_time(self):
        return sum([seconds for _, seconds, _, _ in self.rows()])

    @property
    def steps(self):
        """(segment, step) -> (seconds, runs, bytes, ..), where one function is measured."""
        return self.functions[0].watcher.steps if len(self.functions) == 1 else {}

    @property
    def apply_time(self):
        """Node -> seconds. A fused group counts as its last node."""
        return self._by_node(1)

    @property
    def apply_callcount(self):
        """Node -> runs."""
        return self._by_node(2)

    def _by_node(self, field):
        total = {}
        for row in self.rows():
            total[row[0].node] = total.get(row[0].node, 0) + row[field]
        return total

    def class_time(self):
        """Return the seconds of each kind of op."""
        return {name: seconds for name, (seconds, _, _) in times_by("kind", self.rows()).items()}

    def class_callcount(self):
        """Return how often ops of each kind ran."""
        return {name: runs for name, (_, runs, _) in times_by("kind", self.rows()).items()}

    def op_time(self):
        """Return the seconds of each op; a fused group is one."""
        return {name: seconds for name, (seconds, _, _) in times_by("op", self.rows()).items()}

    def op_callcount(self):
        """Return how often each op ran."""
        return {name: runs for name, (_, runs, _) in times_by("op", self.rows()).items()}

    def rows(self):
        """Yield (step, seconds, runs, bytes) of all functions."""
        for measured in self.functions:
            yield from measured.rows()

    # ----- text -----

    def __str__(self):
        return "\n".join(self._lines(20, 20))

    def _lines(self, nops, nsteps):
        lines = profile_lines(self, nops, nsteps)
        if config.profile_memory:
            for measured in self.functions:
                lines += memory_lines(measured)
        return lines

    def summary(self, file=None, n_ops_to_print=20, n_apply_to_print=20, **ignored):
        """Print the times by kind of op, by op and by step, with the user's lines.

        Parameters
        ----------
        file : file object, optional
            By default standard output.
        n_ops_to_print, n_apply_to_print : int
            How many lines the tables have at most.
        """
        lines = self._lines(n_ops_to_print, n_apply_to_print)
        print("\n".join(lines), file=file or sys.stdout)

    def summary_memory(self, file=None, N=None):
        """Print what memory each function needs, whatever ``config.profile_memory`` says."""
        lines = [line for measured in self.functions for line in memory_lines(measured)]
        print("\n".join(lines), file=file or sys.stdout)


def as_stats(profile, name=None):
    """Return what a user passes as ``profile`` as a ``ProfileStats``, or None.

    Parameters
    ----------
    profile : bool, str, ProfileStats or None
        None asks the settings. A string is a message.
    """
    if profile is None:
        profile = config.profile or config.debug >= 2
    if isinstance(profile, ProfileStats):
        return profile
    if not profile:
        return None
    return ProfileStats(message=profile if isinstance(profile, str) else name)


class ProfileMode(Mode):
    """A mode whose functions are all measured, together.

    Parameters
    ----------
    *args, **kwargs
        As for ``Mode``.
    profile : ProfileStats, optional
        Which measures them. By default one that prints its summary when the process ends.

    Examples
    --------
    >>> import cytensor as ct, cytensor.tensor as T
    >>> mode = ct.ProfileMode(profile=ct.ProfileStats(atexit_print=False))
    >>> f = ct.function([], T.ones(3) + 1, mode=mode)
    >>> f()
    array([2., 2., 2.])
    >>> mode.profile.fct_callcount
    1
    """

    def __init__(self, *args, profile=None, **kwargs):
        super().__init__(*args, **kwargs)
        self.profile = profile or ProfileStats()

    def options(self):
        """Return the further arguments that make this mode."""
        return {"profile": self.profile}

    def print_summary(self, **options):
        """Print what was measured of the functions of this mode."""
        self.profile.summary(**options)


register_mode("ProfileMode", ProfileMode)
register_mode("PROFILE_MODE", ProfileMode)


@atexit.register
def _print_all():
    used = [stats for stats in _at_exit if stats.fct_callcount]
    for stats in used:
        stats.summary(sys.stderr)
    if len(used) > 1:
        print(f"all profiled functions: {sum([stats.fct_call_time for stats in used]):.3g} s in "
              "calls", file=sys.stderr)
