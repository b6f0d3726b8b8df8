"""What notebooks show of variables and functions: a picture, or text where that would not do."""
from html import escape

from cytensor._core import Variable, toposort
from cytensor.printing.dot import dot_text
from cytensor.printing.drawing import Style, draw, subject_of
from cytensor.printing.infix import pprint
from cytensor.printing.tree import debugprint

#: Ops from which a graph is too large for a picture, and from which it is too large for text.
MAX_DRAWN = 150
MAX_LISTED = 1000
#: Characters of an expression.
MAX_EXPRESSION = 300
_FITTING = "max-width: 100%; height: auto"


def svg(obj: object) -> str | None:
    """Return a picture of a variable or a function, or None where there can be none.

    Parameters
    ----------
    obj : Variable or compiled function

    Returns
    -------
    str or None
        None without Graphviz, and for a graph of more than ``MAX_DRAWN`` ops.
    """
    from cytensor.printing.rendering import can_render, render      # needs much: when it is asked
    if len(toposort(subject_of(obj).roots())) > MAX_DRAWN or not can_render():
        return None
    text = dot_text(draw(obj, Style(var_with_name_simple=True)))
    return render(text, "svg").decode()


def html(obj: object) -> str:
    """Return a heading and a picture, or the text of ``debugprint`` in its place.

    Parameters
    ----------
    obj : Variable or compiled function
    """
    picture = svg(obj)
    if picture is None:
        body = f"<pre>{escape(_text(obj))}</pre>"
    else:
        body = picture[picture.index("<svg"):].replace("<svg", f"<svg style='{_FITTING}'", 1)
    return f"<div>{_heading(obj)}<div>{body}</div></div>"


def _heading(obj):
    if isinstance(obj, Variable):
        name = f"{obj.name}: " if obj.name else ""
        return f"<p><b>{escape(name + str(obj.type))}</b><br><code>{_expression(obj)}</code></p>"
    rows = [_row(what, variables) for what, variables in _parts(obj)]
    return f"<p><b>{escape(repr(obj))}</b></p><table>{''.join(rows)}</table>"


def _expression(v):
    """The expression on one line, if it is short enough for one."""
    if v.owner is None:
        return ""
    text = pprint(v, depth=12) if len(toposort([v])) < MAX_EXPRESSION else "..."
    return escape(text if len(text) <= MAX_EXPRESSION else text[:MAX_EXPRESSION] + "...")


def _parts(function):
    """What a compiled function takes, gives and changes."""
    changes = function.changes
    results = function.graph[:len(function.graph) - len(changes)]
    yield "inputs", [given.variable for given in function.spec.inputs]
    yield "results", results
    yield "changes", [old for old, _ in changes]


def _row(what, variables):
    names = ", ".join([f"{v.name}: {v.type}" if v.name else str(v.type) for v in variables])
    return f"<tr><td>{what}</td><td><code>{escape(names)}</code></td></tr>" if names else ""


def _text(obj):
    count = len(toposort(subject_of(obj).roots()))
    if count > MAX_LISTED:
        return f"a graph of {count} ops"
    return debugprint(obj, file="str")


def show(obj: object, kind: str) -> str | None:
    """Return what a notebook shows of ``obj``, as ``"svg"`` or ``"html"``."""
    return {"svg": svg, "html": html}[kind](obj)
