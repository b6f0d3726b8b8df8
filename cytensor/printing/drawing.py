"""A graph as a drawing: boxes with labels and the arrows between them, not yet placed.

Ops are boxes of their own. So are inputs, results and variables with a name; other variables are
the arrow from the op that makes them to the one that takes them.
"""
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from cytensor._core import Apply, Constant, Variable, toposort
from cytensor._program import Program

#: For what a user should know and need not act upon.
logger = logging.getLogger(__name__)


@dataclass
class Box:
    """One node of a drawing.

    ``role`` is ``"op"``, or what a variable is: ``"input"``, ``"shared"``, ``"constant"``,
    ``"output"``, ``"both"`` an input and an output, ``"unused"``, or ``"value"``.
    """

    key: str
    role: str
    label: str
    subject: Variable | Apply


@dataclass
class Arrow:
    """One edge of a drawing. ``role`` is ``"value"``, ``"view"`` or ``"update"``."""

    tail: str
    head: str
    label: str = ""
    role: str = "value"


@dataclass
class Drawing:
    """Boxes and arrows.

    Attributes
    ----------
    boxes : dict
        By their keys.
    arrows : list of Arrow
    clusters : dict
        Names of groups, and the keys of the boxes in them.
    seconds : dict
        Keys of ops, and the time that each took, if it was measured.
    """

    boxes: dict[str, Box] = field(default_factory=dict)
    arrows: list[Arrow] = field(default_factory=list)
    clusters: dict[str, list[str]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass
class Style:
    """What the labels say. The fields are parameters of ``pydotprint``."""

    compact: bool = True
    with_ids: bool = False
    var_with_name_simple: bool = False
    max_label_size: int = 70
    cond_highlight: object = None


@dataclass
class Subject:
    """What is drawn: results, (variable, new value) pairs, and seconds by Apply."""

    outputs: list[Variable]
    changes: list[tuple[Variable, Variable]] = field(default_factory=list)
    seconds: dict[Apply, float] = field(default_factory=dict)

    def roots(self) -> list[Variable]:
        """The results and the new values."""
        return [*self.outputs, *[new for _, new in self.changes]]


@runtime_checkable
class Changing(Protocol):
    """What a compiled function has, so that it can be drawn."""

    graph: list[Variable]                           # results, then new values
    changes: list[tuple[Variable, Variable]]        # what a call changes, and its new value
    program: Program
    profile: object


def draw(fct: object, style: Style) -> Drawing:
    """Draw a variable, an Apply, a list of them, a compiled function, or a graph with outputs."""
    return _Artist(subject_of(fct), style).draw()


def subject_of(fct: object) -> Subject:
    """Find what there is to draw in what a user passed."""
    if isinstance(fct, Variable):
        return Subject([fct])
    if isinstance(fct, Apply):
        return Subject(list(fct.outputs))
    if isinstance(fct, (list, tuple)):
        return Subject([out for item in fct for out in subject_of(item).outputs])
    if isinstance(fct, Changing):
        changes = fct.changes
        results = fct.graph[:len(fct.graph) - len(changes)]
        return Subject(list(results), changes, _seconds(fct))
    if hasattr(fct, "outputs"):
        return Subject(list(fct.outputs))
    raise TypeError("a picture shows a variable, an Apply, a compiled function or a list of them, "
                    f"not {type(fct).__name__}")


def _seconds(fct):
    """The time of each step of a profiled function, at the op that the step is named after."""
    seconds = {}
    for (segment, number), (spent, *_) in getattr(fct.profile, "steps", {}).items():
        node = fct.program.segments[segment].steps[number].node
        if node is not None:
            seconds[node] = seconds.get(node, 0.0) + spent
    return seconds


def inner_graphs(fct: object) -> Iterator[tuple[int, Apply, list[Variable]]]:
    """Yield the place, the Apply and the inner results of each op that has a graph inside."""
    for place, node in enumerate(toposort(subject_of(fct).roots())):
        inner = inner_outputs(node)
        if inner:
            yield place, node, inner


def inner_outputs(node: Apply) -> list[Variable]:
    """Return the results of the graph inside a loop or an ``OpFromGraph``; [] for other ops."""
    body = node.params.get("body")
    return list(body.outputs if body is not None else getattr(node.op, "local_outputs", ()))


def op_name(node: Apply) -> str:
    """Return what an op is called; users' ops may have no name."""
    return node.op.name or str(node.op)


class _Artist:
    """Draws one graph."""

    def __init__(self, subject, style):
        self.subject = subject
        self.style = style
        self.order = toposort(subject.roots())
        self.used = {x for node in self.order for x in node.inputs}
        self.outputs = set(subject.roots())
        self.drawing = Drawing()
        self.keys = {}              # variable or Apply -> key of its box

    def draw(self):
        for place, node in enumerate(self.order):
            self._draw_op(place, node)
        for out in self.subject.outputs:
            self._box(out)
        for old, new in self.subject.changes:
            self._arrow(self._box(new), self._box(old), "UPDATE", "update")
        self.drawing.seconds = {self.keys[node]: spent for node, spent
                                in self.subject.seconds.items() if node in self.keys}
        if self.style.cond_highlight is not None:
            self._cluster_branches()
        return self.drawing

    # ----- ops -----

    def _draw_op(self, place, node):
        label = repr(node) + (f" id={place}" if self.style.with_ids else "")
        self._add(node, "op", label)
        for i, x in enumerate(node.inputs):
            self._draw_input(node, i, x)
        for i, out in enumerate(node.outputs):
            if self._has_box(out):
                number = str(i) if len(node.outputs) > 1 else ""
                shown = self._role(out) == "value" and self.style.compact
                self._arrow(self.keys[node], self._box(out),
                            _words(number, out.type if shown else ""))

    def _draw_input(self, node, i, x):
        number = str(i) if len(node.inputs) > 1 else ""
        role = "view" if node.kind == "view" and i == 0 else "value"
        if self._has_box(x):
            self._arrow(self._box(x), self.keys[node], number, role)
        else:
            self._arrow(self.keys[x.owner], self.keys[node], _words(number, x.type), role)

    def _arrow(self, tail, head, label, role="value"):
        self.drawing.arrows.append(Arrow(tail, head, self._cut(label), role))

    # ----- variables -----

    def _has_box(self, v):
        return (v.owner is None or v.name is not None or not self.style.compact
                or self._role(v) != "value")

    def _role(self, v):
        if v.owner is None:
            if isinstance(v, Constant):
                return "constant"
            if hasattr(v, "container"):
                return "shared"
            return "both" if v in self.outputs else "input"
        if v in self.outputs:
            return "output"
        return "value" if v in self.used else "unused"

    def _box(self, v):
        """Return the key of a variable's box, which is drawn if it was not."""
        if v not in self.keys:
            self._add(v, self._role(v), self._name(v))
        return self.keys[v]

    def _name(self, v):
        if v.name is not None:
            return v.name if self.style.var_with_name_simple else f"name={v.name} {v.type}"
        if isinstance(v, Constant):
            return f"val={str(v.value).partition(chr(10))[0]} {v.type}"
        return str(v.type)

    def _add(self, subject, role, label):
        key = f"n{len(self.keys)}"
        self.keys[subject] = key
        self.drawing.boxes[key] = Box(key, role, self._cut(label), subject)

    def _cut(self, label):
        limit = self.style.max_label_size
        return label if len(label) <= limit else label[:max(limit - 3, 0)] + "..."

    # ----- the branches of a lazy if -----

    def _cluster_branches(self):
        condition = self._find_condition()
        if condition is None:
            logger.warning("pydotprint: cond_highlight is set but there is no IfElse node in the "
                           "graph")
            return
        half = 1 + (len(condition.inputs) - 1) // 2
        left = set(toposort(condition.inputs[1:half]))
        right = set(toposort(condition.inputs[half:]))
        groups = {"Left": left - right, "Right": right - left, "Middle": left & right}
        self.drawing.clusters = {name: [self.keys[node] for node in self.order if node in nodes]
                                 for name, nodes in groups.items() if nodes}

    def _find_condition(self):
        """The ``ifelse`` that the user named: the Apply itself, its name, or True for any."""
        wanted = self.style.cond_highlight
        for node in self.order:
            names = [out.name for out in node.outputs]
            if node.op.name == "ifelse" and (wanted is True or wanted is node or wanted in names):
                return node
        return None


def _words(*words):
    return " ".join([str(word) for word in words if str(word)])
