"""Which op made a bad number: a step that does several things is run once more, op by op."""
from typing import NamedTuple

import numpy as np

from cytensor._core import toposort
from cytensor.engine.loops import Run
from cytensor.engine.nodewise import Values


class Bad(NamedTuple):
    """A node with a bad result: what is bad about it, its inputs' values, and where it runs."""

    node: object
    text: str
    inputs: list
    place: str


class _Stop(Exception):
    """Ends a loop at the step that makes a bad number."""

    def __init__(self, bad):
        super().__init__(bad.text)
        self.bad = bad


def trace_step(segment, step, operands, registers, describe):
    """Return the first bad result inside of a step, or None.

    Parameters
    ----------
    segment : Segment
    step : Step
    operands : list
        What the step has worked on, results first.
    registers : list of int
        The integers of the segment.
    describe : callable
        ``describe(value)`` says what is bad about a value, or returns None.

    Returns
    -------
    Bad or None
    """
    inputs = operands[len(step.outs):]
    if _is_loop(step.node):
        return _trace_loop(step.node, inputs, describe)
    if len(step.nodes) < 2:
        return None
    known = dict(zip(step.variables[len(step.outs):], inputs))
    outputs = [out for node in step.nodes for out in node.outputs]
    for node in toposort(outputs, known):
        for x, size in _sizes_in(node, lambda v: segment.shape(v, registers)):
            if type(size) is int:
                known.setdefault(x, np.array(size))
    return _first_bad(outputs, known, describe)


def _sizes_in(node, shape):
    """The sizes among what a node reads or makes: they may come from outside of the group."""
    out, name = node.outputs[0], node.op.name
    if name == "shape_i":
        return [(out, shape(node.inputs[0])[node.params["axis"]])]
    if name in ("broadcast_to", "reshape"):
        return list(zip(node.inputs[1:], shape(out)))
    if name == "assume_size":
        return [(node.inputs[1], shape(out)[node.params["axis"]])]
    return [(node.inputs[2], shape(out)[-1])] if name == "unpick" else []


def _is_loop(node):
    return node is not None and getattr(node, "op", None) is not None and node.op.name == "scan"


def _first_bad(outputs, known, describe):
    """Compute variables op by op, up to the first bad one."""
    values = Values(known)
    for node in toposort(outputs, known):
        for out in node.outputs:
            text = describe(values[out])
            if text:
                inputs = [values[x] for x in node.inputs]
                inner = _trace_loop(node, inputs, describe) if _is_loop(node) else None
                return inner or Bad(node, text, inputs, "")
    return None


def _trace_loop(node, arrays, describe):
    """Run a scan step by step, up to the first bad result of its body."""
    body = node.params["body"]

    def step(*values):
        known = dict(zip(body.inputs, values))
        bad = _first_bad(body.outputs, known, describe)
        if bad is not None:
            raise _Stop(bad)
        found = Values(known)
        return [found[out] for out in body.outputs]

    try:
        Run(arrays, **node.params).run(step)
    except _Stop as stop:
        return stop.bad._replace(place="".join([f"\n  {note}" for note in stop.__notes__]))
    return None
