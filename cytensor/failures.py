"""What an error of a running program says: the op, what it worked on, and the user's line."""
import linecache

import numpy as np

from cytensor import config
from cytensor._core import Apply, Constant

_SMALL = 10             # elements; larger values are not shown


def where(node):
    """Say on which line of the user's a node was made."""
    loc = getattr(node, "loc", None)
    if not loc:
        return ""
    line = linecache.getline(*loc).strip()
    return f"\n  in {node!r}, made at {loc[0]}:{loc[1]}" + (f"\n    {line}" if line else "")


def node_text(node, shapes=None):
    """Describe a node whose sizes do not fit.

    Parameters
    ----------
    node : Apply or Variable
        An input whose size is not that of its type has no node.
    shapes : list of tuple, optional
        Of its inputs.
    """
    if not isinstance(node, Apply):
        return where(node)
    lines = _apply_lines(node)
    if shapes is not None:
        lines.append(f"Inputs shapes: {_list(shapes)}")
    return "\n".join([where(node), *lines, *_more(node, (), ())])


def step_text(step, node, operands, variables, arrays):
    """Describe a step that failed.

    Parameters
    ----------
    step : Step
    node : Apply
        Of its nodes, the one that failed, as far as that is known.
    operands : list
        The arrays and objects that it works on, results first.
    variables, arrays : sequence
        What the call began with.
    """
    inputs = operands[max(len(step.outs), 1):]
    lines = _apply_lines(node) if len(step.nodes) < 2 else _group_lines(step)
    lines += [f"Inputs shapes: {_list([_shape(x) for x in inputs])}",
              f"Inputs dtypes: {_list([_dtype(x) for x in inputs])}",
              f"Inputs strides: {_list([getattr(x, 'strides', 'none') for x in inputs])}",
              f"Inputs values: {_list([_value(x) for x in inputs])}"]
    return "\n".join([where(node), *lines, *_more(node, variables, arrays)])


def loop_text(loops):
    """Describe a step of a loop that failed.

    Parameters
    ----------
    loops : list of (object, int, int)
        What runs a loop, the number of its step, and the step of its body; the outermost first.
    """
    lines = []
    for loop, number, _ in loops:
        lines.append(f"\n  in step {number} of {loop.node.params['form'].name or 'a scan'}"
                     f"{where(loop.node)}")
    loop, _, at = loops[-1]
    step = loop.step_at(at)
    if step is not None and step.node is not None:
        lines += [where(step.node), *[f"\n{line}" for line in _apply_lines(step.node)],
                  f"\nInputs shapes: {_list(loop.shapes_at(at))}"]
    return "".join(lines)


def _apply_lines(node):
    """The op on its inputs, and their types."""
    if not isinstance(node, Apply):
        return []
    return [f"Apply node that caused the error: {node!r}({', '.join(map(repr, node.inputs))})",
            f"Inputs types: {_list([x.type for x in node.inputs])}"]


def _group_lines(step):
    """The ops of a fused group, with their lines, and the types of what it reads."""
    inputs = step.variables[len(step.outs):]
    return [f"Apply nodes that ran together: {step.label}",
            *[f"  {node.op.name:12} {node.loc[0]}:{node.loc[1]}" for node in step.nodes
              if node.loc],
            f"Inputs: {_list(inputs)}",
            f"Inputs types: {_list([x.type for x in inputs])}"]


def _list(items):
    return f"[{', '.join(map(str, items))}]"


def _shape(x):
    return getattr(x, "shape", "no shape")


def _dtype(x):
    return x.dtype if isinstance(x, np.ndarray) else type(x).__name__


def _value(x):
    if not isinstance(x, np.ndarray):
        return repr(x)
    return repr(x) if x.size <= _SMALL else "not shown"


# ----- more, if wished -----

def _more(node, variables, arrays):
    """The graph of the node and the memory of the call, or how to get them."""
    if config.exception_verbosity != "high" or not isinstance(node, Apply):
        return _HINTS
    from cytensor.printing import debugprint
    text = debugprint(node.outputs[0], print_type=True, file="str")
    return ["", "Debugprint of the apply node:", text, *_memory_lines(variables, arrays)]


_HINTS = [
    "HINT: fewer rewrites keep the nodes as you wrote them: mode='fast_compile', or "
    "config.optimizer = 'None' for none at all; mode=Mode().excluding('fusion') runs each op by "
    "itself.",
    "HINT: config.exception_verbosity = 'high' adds the graph of this node and the memory of the "
    "call."]


def _memory_lines(variables, arrays):
    """What the call holds: arguments, shared values and constants."""
    rows = [(_kind(v), v, x) for v, x in zip(variables, arrays) if x is not None]
    if not rows:
        return []
    lines = [f"  {v!r}: {kind}, {_dtype(x)}, shape {_shape(x)}, {_bytes(x):,} bytes"
             for kind, v, x in rows]
    total = sum([_bytes(x) for _, _, x in rows])
    return ["Storage map footprint:", *lines, f"  in all: {total:,} bytes"]


def _kind(variable):
    if isinstance(variable, Constant):
        return "constant"
    if hasattr(variable, "container"):
        return "shared value"
    return "argument" if variable.owner is None else "value of an earlier segment"


def _bytes(x):
    return getattr(x, "nbytes", 0)
