"""Which loops may run for some rows of a batch at a time: no row of theirs depends on another.

All threads then run all steps, each for some of the rows, and never meet between two steps.
"""
from cytensor._core import Constant, TensorType, copy_apply, new_variable, toposort
from cytensor.ops.registry import constant
from cytensor.ops.scan import Body
from cytensor.ops.subtensor import WHOLE as WHOLE_AXIS
from cytensor.ops.views import shape_i_op, spread

# What a variable of the body is: rows of the batch along its first axis, the same for all rows, or
# the number of rows.
ROWS, WHOLE, COUNT = "rows", "whole", "count"


class _Depends(Exception):
    """A row depends on others, or may do so."""


class _HasRows(Exception):
    """A constant has rows, after all."""


def batch_of(body, form):
    """Find out whether the rows of a loop are independent.

    Parameters
    ----------
    body : Body
    form : Form

    Returns
    -------
    tuple of (Body, list of int)
        The body for any number of rows; and for each output and each input of the scan the axis
        that the batch is, or -1. None and None where a row may depend on others.
    """
    _, taps, _ = form.split_body(body)
    if form.until or not taps or not all([x.type.ndim for values in taps for x in values]):
        return None, None
    marks = _first_marks(body, form)
    static = {x.type.shape[0] for x in body.inputs if marks[x] == ROWS} - {None}
    if len(static) > 1 or 1 in static:
        return None, None
    size = static.pop() if static else None
    nodes = toposort(body.outputs, body.inputs)
    marks.update(dict.fromkeys(_repeated_rows(nodes, size), ROWS))
    marks = _all_marks(marks, nodes, size)
    if marks is None or any([marks.get(x) != ROWS for x in body.outputs]):
        return None, None
    axes = _axes(body, form, marks)
    return body if size is None else _opened(body, nodes, marks), axes


def _first_marks(body, form):
    """Take sequences and states to have rows, and constants to have none."""
    slices, taps, consts = form.split_body(body)
    marks = dict.fromkeys(consts, WHOLE)
    for x in (*slices, *[x for values in taps for x in values]):
        one = x.type.ndim == 0 or (x in slices and x.type.shape[0] == 1)
        marks[x] = WHOLE if one else ROWS
    return marks


def _repeated_rows(nodes, size):
    """The constants inside that have one row as often as the batch has rows."""
    found = {x for node in nodes for x in node.inputs if isinstance(x, Constant)}
    return [x for x in found if x.type.ndim > 0 and x.type.shape[0] == size
            and (x.data == x.data[:1]).all()]


def _all_marks(first, nodes, size):
    """Mark all variables of a body, or return None."""
    while True:
        marks = dict(first)
        try:
            for node in nodes:
                marks.update(dict.fromkeys(node.outputs, _mark(node, marks, size)))
            return marks
        except _HasRows as error:
            first[error.args[0]] = ROWS
        except _Depends:
            return None


def _axes(body, form, marks):
    """The axis of the batch in what the scan returns and takes."""
    count = len(form.lags) + form.rows
    slices, taps, consts = form.split_body(body)
    axes = [1] * count + [-1]
    axes += [1 if marks[x] == ROWS else -1 for x in slices]
    axes += [1] * len(taps)
    return axes + [0 if marks[x] == ROWS else -1 for x in consts]


# ----- what a node makes of rows -----

def _mark(node, marks, size):
    """Return what the outputs of a node are."""
    rule = _RULES.get(node.op.name, _RULES.get(node.op.kind, _of_no_rows))
    return rule(node, [marks.get(x, WHOLE) for x in node.inputs], marks, size)


def _need(condition):
    if not condition:
        raise _Depends


def _need_rows(x, kind, marks):
    """What stands beside rows has rows, too: a constant from outside may."""
    if kind == WHOLE and x in marks and x.owner is None:
        raise _HasRows(x)
    _need(kind == ROWS)


def _of_no_rows(node, kinds, marks, size):
    _need(all([kind == WHOLE for kind in kinds]))
    return WHOLE


def _elementwise(node, kinds, marks, size):
    ndim = node.outputs[0].type.ndim
    _need(COUNT not in kinds)
    if ROWS not in kinds:
        return WHOLE
    for x, kind in zip(node.inputs, kinds):
        if kind == ROWS:
            _need(x.type.ndim == ndim)
        elif x.type.ndim == ndim and x.type.shape[0] != 1:
            _need_rows(x, kind, marks)
    return ROWS


def _shape_i(node, kinds, marks, size):
    return COUNT if kinds[0] == ROWS and node.params["axis"] == 0 else WHOLE


def _is_count(x, kind, size):
    """Whether a size is that of the batch."""
    return kind == COUNT or (size is not None and isinstance(x, Constant) and int(x.data) == size)


def _broadcast_to(node, kinds, marks, size):
    x, *sizes = node.inputs
    _need(COUNT not in kinds[2:])
    counts = sizes and _is_count(sizes[0], kinds[1], size)
    if kinds[0] == ROWS:
        _need(counts and x.type.ndim == len(sizes))
        return ROWS
    new = x.type.ndim < len(sizes) or x.type.shape[0] == 1
    _need(new or kinds[1] != COUNT)
    return ROWS if counts and new else WHOLE


def _reshape(node, kinds, marks, size):
    _need(COUNT not in kinds[2:])
    if kinds[0] == ROWS:
        _need(len(kinds) > 1 and _is_count(node.inputs[1], kinds[1], size))
        return ROWS
    _need(COUNT not in kinds)
    return WHOLE


def _dimshuffle(node, kinds, marks, size):
    _need(kinds[0] == WHOLE or (node.params["order"] and node.params["order"][0] == 0))
    return kinds[0]


def _part(node, kinds, marks, size):
    """Of an array, or written into one: the first axis is taken whole."""
    index = node.params["index"]
    reads = 2 if node.op.name == "inc_subtensor" else 1
    _need(all([kind == WHOLE for kind in kinds[reads:]]))
    if ROWS not in kinds:
        return _of_no_rows(node, kinds, marks, size)
    _need(not index or index[0] == WHOLE_AXIS)
    for x, kind in zip(node.inputs[:reads], kinds):
        _need_rows(x, kind, marks)
        _need(x.type.ndim == node.inputs[0].type.ndim)
    return ROWS


def _reduce(node, kinds, marks, size):
    _need(kinds[0] == WHOLE or 0 not in node.params["axis"])
    return kinds[0]


def _matmul(node, kinds, marks, size):
    if ROWS not in kinds:
        return _of_no_rows(node, kinds, marks, size)
    if node.outputs[0].type.ndim == 2:
        _need(kinds == [ROWS, WHOLE])
        return ROWS
    for x, kind in zip(node.inputs, kinds):
        _need(kind == ROWS or (kind == WHOLE and x.type.shape[0] == 1))
    return ROWS


def _join(node, kinds, marks, size):
    if ROWS not in kinds:
        return _of_no_rows(node, kinds, marks, size)
    _need(node.params["axis"] != 0)
    for x, kind in zip(node.inputs, kinds):
        _need_rows(x, kind, marks)
    return ROWS


_RULES = {
    "elementwise": _elementwise, "reduce": _reduce, "shape_i": _shape_i,
    "broadcast_to": _broadcast_to, "reshape": _reshape, "dimshuffle": _dimshuffle,
    "subtensor": _part, "inc_subtensor": _part, "matmul": _matmul, "join": _join,
}


# ----- any number of rows -----

def _opened(body, nodes, marks):
    """Return the body as one whose types leave the number of rows open."""
    inputs = [new_variable(_open_type(x.type), x.name) if marks[x] == ROWS else x
              for x in body.inputs]
    now = dict(zip(body.inputs, inputs))
    count = shape_i_op(next(y for x, y in zip(body.inputs, inputs) if marks[x] == ROWS), axis=0)
    for x in marks:
        if isinstance(x, Constant) and marks[x] == ROWS:
            now[x] = spread(constant(x.data[:1]), [count, *x.type.shape[1:]])
    for node in nodes:
        found = [now.get(x, x) for x in node.inputs]
        if node.op.name in ("broadcast_to", "reshape") and marks[node.outputs[0]] == ROWS:
            found[1] = count
            now.update(zip(node.outputs, node.op.reapply(node, found).outputs))
        elif any([a is not b for a, b in zip(found, node.inputs)]):
            now.update(zip(node.outputs, copy_apply(node, found).outputs))
    return Body(inputs, [now.get(x, x) for x in body.outputs])


def _open_type(type):
    return TensorType(type.dtype, (None, *type.shape[1:]))
