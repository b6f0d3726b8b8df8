"""Drawings as text in Graphviz's DOT language."""
from collections.abc import Mapping

from cytensor._core import Apply
from cytensor.printing.drawing import Arrow, Box, Drawing, op_name
from cytensor.printing.profiles import source_line

#: Colours of ops by their name or family, and of results. As in Theano, which names the families.
COLOR_CODES = {
    "Scan": "yellow", "Shape": "brown", "IfElse": "magenta", "Elemwise": "#FFAABB",
    "Subtensor": "#FFAAFF", "Alloc": "#FFAA22", "Output": "blue",
}
ROLE_COLORS = {
    "input": "limegreen", "shared": "cyan", "both": "cyan", "constant": "palegreen",
    "unused": "grey",
}
_FAMILIES = {
    "elementwise": "Elemwise", "shape": "Shape", "inc": "Subtensor", "iota": "Alloc",
    "subtensor": "Subtensor", "gather": "Subtensor", "scatter_add": "Subtensor",
    "scatter_set": "Subtensor", "broadcast_to": "Alloc", "ifelse": "IfElse", "scan": "Scan",
}
_DEFAULTS = 'node [fontname="Helvetica"]; edge [fontname="Helvetica", fontsize="11"];'
#: Fills on which black text is hard to read.
DARK = {"blue", "brown"}


def dot_text(drawing: Drawing, high_contrast: bool = True,
             colors: Mapping[str, str] | None = None) -> str:
    """Return a drawing in the DOT language.

    Parameters
    ----------
    drawing : Drawing
    high_contrast : bool
        Whether colours fill a box, or only its border.
    colors : dict, optional
        In place of ``COLOR_CODES``.

    Returns
    -------
    str
        Each element of the drawing on a line of its own.
    """
    colors = COLOR_CODES if colors is None else colors
    lines = [_DEFAULTS, *[_node(box, high_contrast, colors) for box in drawing.boxes.values()]]
    for name, keys in drawing.clusters.items():
        lines.append(f"subgraph {_quote('cluster_' + name)} {{ label={_quote(name)}; "
                     f"{' '.join([f'{key};' for key in keys])} }}")
    lines += [_edge(arrow, colors) for arrow in drawing.arrows]
    body = "".join([f"  {line}\n" for line in lines])
    return f"digraph cytensor {{\n{body}}}\n"


def color_of(box: Box, colors: Mapping[str, str]) -> str | None:
    """Return the colour of a box, or None where it has no special one."""
    if not isinstance(box.subject, Apply):
        return colors.get("Output", "blue") if box.role == "output" else ROLE_COLORS.get(box.role)
    node = box.subject
    name = op_name(node)
    families = [_FAMILIES.get(word, "") for word in (name, node.kind)]
    names = [name, type(node.op).__name__, *families]
    return next((colors[name] for name in names if name in colors), None)


def _node(box, high_contrast, colors):
    attributes = {"label": box.label, "shape": "ellipse" if box.role == "op" else "box",
                  "tooltip": source_line(box.subject) or box.label}
    color = color_of(box, colors)
    if color is not None and high_contrast:
        attributes |= {"style": "filled", "fillcolor": color}
        if color in DARK:
            attributes["fontcolor"] = "white"
    elif color is not None:
        attributes["color"] = color
    return f"{box.key} {_attributes(attributes)};"


def _edge(arrow: Arrow, colors):
    attributes = {"label": arrow.label} if arrow.label else {}
    if arrow.role != "value":
        attributes |= {"color": colors.get("Output", "blue"), "class": arrow.role}
    if arrow.role == "update":
        attributes["constraint"] = "false"      # inputs stay on top
    return f"{arrow.tail} -> {arrow.head} {_attributes(attributes)}".rstrip() + ";"


def _attributes(attributes):
    inside = ", ".join([f"{name}={_quote(text)}" for name, text in attributes.items()])
    return f"[{inside}]" if inside else ""


def _quote(text):
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
