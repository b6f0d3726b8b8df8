"""What a question is, and where the questions are found: ``questions()`` of each ``test_*.py``."""
import importlib
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
#: Whose candidates may be asked. A candidate's name begins with its peer's, or else it is ours.
PEERS = ("numpy", "scipy", "numba", "numexpr", "jax", "pytensor", "torch")
OURS = "cytensor"


@dataclass
class Question:
    """Something that cytensor and its peers are asked.

    Attributes
    ----------
    name : str
    candidates : dict of str to function or Script
        The first one is ours. A function returns a ``turns.Candidate``, which is timed; a
        ``fresh.Script`` is run in processes of its own, and says itself what it measured.
    targets : dict of str to float
        For a peer, which part of its measure ours may be at most.
    limit : float, optional
        What ours may be at most, in ``unit``.
    unit : str
        What is measured, one of ``table.UNITS``.
    calls : int
        How many calls are compared: more than one where a call changes what the next one sees.
    rtol : float
        How far results may differ.
    check : function, optional
        Called with one candidate's results instead of comparing them with ours.
    label : str, optional
        The question's name in the chart, if it is to be there.
    """

    name: str
    candidates: dict
    targets: dict = field(default_factory=dict)
    limit: float | None = None
    unit: str = "s"
    calls: int = 1
    rtol: float = 1e-4
    check: Callable | None = None
    label: str = ""

    @property
    def ours(self):
        """The name of the candidate that stands for cytensor."""
        return next(iter(self.candidates))

    def __str__(self):
        return self.name


@dataclass
class Mean:
    """The geometric mean of what other questions found, against one peer."""

    name: str
    part: str                       # of the names of those questions
    peer: str
    target: float
    label: str = ""

    def question(self, answers):
        """The question that it comes to, and its measures; None if nothing was found."""
        ratios = [a.ratio(self.peer) for a in answers
                  if self.part in a.question.name and a.measure(self.peer)]
        if not ratios:
            return None
        mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
        name = f"{self.name}: geometric mean of {len(ratios)} ratios"
        return Question(name, dict.fromkeys((OURS, self.peer)), {self.peer: self.target},
                        unit="times", label=self.label), {OURS: [mean], self.peer: [1.0]}

    def __str__(self):
        return self.name


def peer_of(candidate):
    """Whose process runs a candidate.

    >>> peer_of("jax.jit of lax.scan"), peer_of("generated")
    ('jax', 'cytensor')
    """
    return next((peer for peer in PEERS if candidate.startswith(peer)), OURS)


def topics():
    """The names of the files that ask: ``test_call.py`` asks about ``call``."""
    return sorted(path.stem.removeprefix("test_") for path in HERE.glob("test_*.py"))


def of_topic(topic):
    """The questions of a file, in its order."""
    return list(_module(topic).questions())


def title(topic):
    """What a file asks, in a line."""
    return _module(topic).__doc__.splitlines()[0]


def _module(topic):
    return importlib.import_module(f"test_{topic}")
