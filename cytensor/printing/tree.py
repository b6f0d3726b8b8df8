"""Graphs as indented text: one line for each node, its inputs below it."""
import sys
from typing import Protocol, TextIO, runtime_checkable

from cytensor import config
from cytensor._core import Apply, Variable
from cytensor._program import Program
from cytensor.printing.labels import labeller
from cytensor.printing.steps import program_lines

#: Levels that are drawn with one bar each; deeper ones are numbered, so that lines stay short.
MAX_BARS = 60


@runtime_checkable
class Compiled(Protocol):
    """What a compiled function has, so that ``debugprint`` can show it."""

    graph: list[Variable]       # after the rewrites
    program: Program


def debugprint(obj: object, depth: int = -1, print_type: bool = False,
               file: TextIO | str | None = None, ids: str = "CHAR", stop_on_name: bool = False,
               done: dict | None = None) -> TextIO | str | None:
    """Draw a graph, or a compiled function, as indented text.

    Parameters
    ----------
    obj : Variable, Apply, compiled function, program, or list of these
        A function is drawn as its graph after the rewrites and the steps of its program.
    depth : int
        How many levels to draw; -1 for all.
    print_type : bool
        Whether to print the type of each variable.
    file : file object or "str", optional
        Where to write: by default standard output; ``"str"`` returns the text.
    ids : str
        Labels of the nodes: ``"CHAR"``, ``"int"``, ``"id"`` or ``""``.
    stop_on_name : bool
        Whether to leave out what is below a variable that has a name.
    done : dict, optional
        Labels of what was drawn before. A node in it is not drawn again.

    Returns
    -------
    str, file object or None
        The text for ``"str"``, else ``file``.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> x = T.dscalar("x")
    >>> debugprint(T.exp(x * x))
    exp [id A]
     |mul [id B]
       |x [id C]
       |x [id C]
    """
    tree = _Tree(depth, print_type, labeller(ids), stop_on_name, {} if done is None else done)
    tree.add(obj)
    return _write("".join(line + "\n" for line in tree.lines), file)


def _write(text, file):
    if isinstance(file, str):
        if file != "str":
            raise ValueError(f"file is a file object or 'str', not {file!r}")
        return text
    (sys.stdout if file is None else file).write(text)
    return file


class _Tree:
    """The lines drawn so far, and the labels of the nodes in them."""

    def __init__(self, depth, print_type, label, stop_on_name, done):
        self.depth = depth
        self.print_type = print_type
        self.label = label
        self.stop_on_name = stop_on_name
        self.done = done
        self.lines = []

    def add(self, obj):
        """Draw whatever ``debugprint`` takes."""
        if isinstance(obj, (list, tuple)):
            for item in obj:
                self.add(item)
        elif isinstance(obj, Variable):
            self._draw(obj)
        elif isinstance(obj, Apply):
            self._draw(obj.outputs[0])
        elif isinstance(obj, Program):
            self.lines += ["steps:", *program_lines(obj)]
        elif isinstance(obj, Compiled):
            self.add(obj.graph)
            self.add(obj.program)
        else:
            raise TypeError("debugprint draws a variable, an Apply, a compiled function or a "
                            f"list of them, not {type(obj).__name__}")

    def _draw(self, root):
        stack = [(root, 0, "", "")]
        while stack:
            variable, level, prefix, below = stack.pop()
            known = self._line(variable, prefix)
            if self._is_leaf(variable) or level + 1 == self.depth:
                continue
            level += 1
            if known:
                self.lines.append(_bars(level, below) + "...")
            else:
                stack.extend(_children(variable.owner, level, below))

    def _is_leaf(self, variable):
        return variable.owner is None or (self.stop_on_name and variable.name is not None)

    def _line(self, variable, prefix):
        """Write one line, and tell whether its node was drawn before."""
        node = variable if variable.owner is None else variable.owner
        known = node in self.done
        if not known:
            self.done[node] = self.label(node)
        text = prefix + _head(variable) + self.done[node]
        if self.print_type:
            text += f" <{variable.type}>"
        if config.print_test_value and hasattr(variable.tag, "test_value"):
            text += f" = {variable.tag.test_value!r}"
        self.lines.append(text)
        return known


def _children(node, level, below):
    """The stack entries of a node's inputs: the first one comes out first."""
    prefix = _bars(level, below)
    inner = (below, below) if level > MAX_BARS else (below + " |", below + "  ")
    last = len(node.inputs) - 1
    return [(x, level, prefix, inner[i == last])
            for i, x in reversed(list(enumerate(node.inputs)))]


def _bars(level, below):
    """What stands before a line of some level, given the bars of the levels above."""
    return below + " |" if level <= MAX_BARS else f" ({level})|"


def _head(variable):
    """The op with its parameters and the variable's name, or the leaf."""
    node = variable.owner
    if node is None:
        return repr(variable)
    text = repr(node) if node.op.nout == 1 else f"{node!r}.{variable.index}"
    return text if variable.name is None else f"{text} '{variable.name}'"
