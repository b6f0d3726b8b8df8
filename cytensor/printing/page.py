"""``d3viz``: a graph as an interactive page, in one file that needs no network."""
import json
import os
from importlib import resources
from pathlib import Path

from cytensor._core import Apply, Constant, Variable
from cytensor.printing.dot import COLOR_CODES, DARK, color_of, dot_text
from cytensor.printing.drawing import Style, draw, inner_outputs, op_name
from cytensor.printing.profiles import source_line, time_text
from cytensor.printing.rendering import render
from cytensor.printing.tree import debugprint

_INCH = 72                          # Graphviz measures boxes in inches, places in points
#: Values longer than this are cut.
MAX_VALUE = 400


def d3viz(fct: object, outfile: str | os.PathLike, copy_deps: bool = True, compact: bool = True,
          with_ids: bool = False, var_with_name_simple: bool = True,
          max_label_size: int = 70) -> None:
    """Write a page on which a graph can be explored.

    A node that the mouse is on tells what it is: op, type, the user's line, and its time if the
    function was profiled. A click shows that beside the graph, and what the node depends on and
    what depends on it. Nodes and the whole graph can be dragged, the wheel zooms, and a field
    searches.

    Parameters
    ----------
    fct : Variable, Apply, compiled function, or list of these
    outfile : path
        Folders that do not exist are made.
    copy_deps : bool
        Accepted for Theano's sake: the page has nothing beside it.
    compact, with_ids, var_with_name_simple, max_label_size
        As in ``pydotprint``.

    Raises
    ------
    ImportError
        If Graphviz is missing: ``pip install 'cytensor[viz]'``.
    """
    drawing = draw(fct, Style(compact, with_ids, var_with_name_simple, max_label_size))
    content = json.dumps(_content(drawing)).replace("<", "\\u003c")
    template = resources.files(__package__).joinpath("viewer.html").read_text(encoding="utf-8")
    path = Path(outfile)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(template.replace("GRAPH", content, 1), encoding="utf-8")


def d3write(fct: object, path: str | os.PathLike, compact: bool = True, with_ids: bool = False,
            var_with_name_simple: bool = True, max_label_size: int = 70) -> None:
    """Write a graph as DOT text.

    Parameters
    ----------
    fct : Variable, Apply, compiled function, or list of these
    path : path
    compact, with_ids, var_with_name_simple, max_label_size
        As in ``pydotprint``.
    """
    style = Style(compact, with_ids, var_with_name_simple, max_label_size)
    Path(path).write_text(dot_text(draw(fct, style)), encoding="utf-8")


# ----- what the page is given -----

def _content(drawing):
    layout = json.loads(render(dot_text(drawing), "json"))
    width, height = [float(x) for x in layout["bb"].split(",")[2:]]
    placed = [item for item in layout.get("objects", ()) if "pos" in item]
    nodes = [_node(drawing, drawing.boxes[item["name"]], item, height) for item in placed]
    names = {item["_gvid"]: item["name"] for item in placed}
    edges = [_edge(item, names, height) for item in layout.get("edges", ())]
    return {"width": width, "height": height, "profiled": bool(drawing.seconds),
            "nodes": nodes, "edges": edges}


def _node(drawing, box, item, height):
    x, y = _point(item["pos"], height)
    fill = color_of(box, COLOR_CODES) or "white"
    longest = max(drawing.seconds.values(), default=0)
    seconds = drawing.seconds.get(box.key)
    return {"key": box.key, "op": box.role == "op", "label": box.label, "x": x, "y": y,
            "width": float(item["width"]) * _INCH, "height": float(item["height"]) * _INCH,
            "fill": fill, "ink": "white" if fill in DARK else "black",
            "share": (seconds or 0) / longest if longest else 0, "about": _about(box, seconds)}


def _about(box, seconds):
    """What the page tells about a box, in order."""
    about = (_about_op if isinstance(box.subject, Apply) else _about_variable)(box.subject)
    if box.role != "op":
        about["role"] = {"both": "input and output", "value": "a value"}.get(box.role, box.role)
    about["line"] = source_line(box.subject)
    if seconds is not None:
        about["time"] = time_text(seconds)
    return {what: text for what, text in about.items() if text}


def _about_op(node: Apply):
    inner = inner_outputs(node)
    return {"op": op_name(node),
            "parameters": _lines(f"{k} = {str(v)[:MAX_VALUE]}" for k, v in node.params.items()),
            "inputs": _lines(map(_short, node.inputs)),
            "outputs": _lines(str(out.type) for out in node.outputs),
            "inside": debugprint(inner, file="str") if inner else ""}


def _about_variable(v: Variable):
    about = {"name": v.name, "type": str(v.type)}
    if isinstance(v, Constant):
        about["value"] = str(v.value)[:MAX_VALUE]
    elif hasattr(v, "container"):
        about["shape now"] = str(getattr(v.container.value, "shape", ""))
    return about


def _short(v):
    name = repr(v) if v.owner is None else v.name or op_name(v.owner)
    return name if name == f"<{v.type}>" else f"{name}: {v.type}"


def _lines(words):
    return "\n".join(words)


def _edge(item, names, height):
    start, *curve = _path(item["pos"], height)
    label_x, label_y = _point(item["lp"], height) if "lp" in item else start
    return {"tail": names[item["tail"]], "head": names[item["head"]],
            "label": item.get("label", ""), "color": item.get("color", "#555"),
            "role": item.get("class", "value"),
            "path": f"M{_pair(start)} C{' '.join(map(_pair, curve))}",
            "labelX": label_x, "labelY": label_y}


def _path(spline, height):
    """The points of a spline; the tip of the arrow comes last, where Graphviz names it first."""
    words = spline.split()
    tip = [word[2:] for word in words if word.startswith("e,")]
    points = [_point(word, height) for word in words if "e" not in word.split(",")[0]]
    if tip:
        points[-1] = _point(tip[0], height)
    return points


def _point(text, height):
    """A place, counted downwards from the top, as pages count."""
    x, y = [float(part) for part in text.split(",")[:2]]
    return x, height - y


def _pair(point):
    return f"{point[0]:.1f},{point[1]:.1f}"
