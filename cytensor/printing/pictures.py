"""``pydotprint``: a graph as an image, in the colours that Theano's users know."""
import os
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from cytensor.printing.dot import dot_text
from cytensor.printing.drawing import Style, draw, inner_graphs, op_name
from cytensor.printing.rendering import Picture, render


def pydotprint(fct: object, outfile: str | os.PathLike | None = None, compact: bool = True,
               format: str = "png", with_ids: bool = False, high_contrast: bool = True,
               cond_highlight: object = None, colorCodes: Mapping[str, str] | None = None,
               max_label_size: int = 70, scan_graphs: bool = False,
               var_with_name_simple: bool = False, print_output_file: bool = True,
               return_image: bool = True) -> Picture | None:
    """Draw a graph.

    Ellipses are ops, boxes are variables: inputs green, shared variables cyan, constants pale
    green, results blue, and what nobody uses grey. A blue arrow leads to a view of what it comes
    from, or to the shared variable that is updated.

    Parameters
    ----------
    fct : Variable, Apply, compiled function, or list of these
        A function is drawn as its graph after the rewrites, with times if it was profiled.
    outfile : path, optional
        Where to write the image. The ending of ``format`` is added if it is not there.
    compact : bool
        Leave out boxes of variables that have no name.
    format : {"png", "svg", "pdf", "dot"}
        Or another one of Graphviz's. ``"dot"`` is the text that Graphviz reads.
    with_ids : bool
        Number the ops, in the order in which they are computed.
    high_contrast : bool
        Fill boxes with their colour, not only their border.
    cond_highlight : str, Apply or True, optional
        Frame the two branches of the ``ifelse`` of this name.
    colorCodes : dict, optional
        Colours by the names of ops or of their families: see ``printing.dot.COLOR_CODES``.
    max_label_size : int
        Characters of a label; longer ones are cut.
    scan_graphs : bool
        Write the graphs inside loops too, to files beside ``outfile``.
    var_with_name_simple : bool
        Label a variable that has a name by that name only, without its type.
    print_output_file : bool
        Say which file was written.
    return_image : bool
        Return the image. If False, ``outfile`` is by default ``cytensor.pydotprint`` in the
        working directory.

    Returns
    -------
    Picture or None
        The bytes of the image. A notebook shows it.

    Raises
    ------
    ImportError
        If Graphviz is missing: ``pip install 'cytensor[viz]'``.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> x = T.dscalar("x")
    >>> print(pydotprint(T.exp(x), format="dot", var_with_name_simple=True).decode())
    digraph cytensor {
      node [fontname="Helvetica"]; edge [fontname="Helvetica", fontsize="11"];
      n0 [label="exp", shape="ellipse", ...
      n1 [label="x", shape="box", ..., style="filled", fillcolor="limegreen"];
      n2 [label="TensorType(float64, scalar)", shape="box", ..., fillcolor="blue", ...];
      n1 -> n0;
      n0 -> n2;
    }
    <BLANKLINE>
    """
    def picture(subject, style):
        return render(dot_text(draw(subject, style), high_contrast, colorCodes), format)

    style = Style(compact, with_ids, var_with_name_simple, max_label_size, cond_highlight)
    image = picture(fct, style)
    if outfile is None and not return_image:
        outfile = "cytensor.pydotprint"
    if outfile is not None:
        path = _with_ending(outfile, format)
        path.write_bytes(image)
        if print_output_file:
            print("The output file is available at", path)
        if scan_graphs:
            for place, node, inner in inner_graphs(fct):
                name = re.sub(r"\W+", "_", op_name(node)).strip("_")
                inside = path.with_name(f"{path.stem}_{name}_{place}{path.suffix}")
                inside.write_bytes(picture(inner, replace(style, cond_highlight=None)))
    return image if return_image else None


def _with_ending(outfile, format):
    name = os.fspath(outfile)
    return Path(name if name.endswith(f".{format}") else f"{name}.{format}")
