"""Loops: the body of a scan as a program, so that a plan can run it."""
from cytensor._core import TensorType
from cytensor._loopblocks import Loop
from cytensor._loops import scalar_names
from cytensor._program import OBJECT_DTYPE
from cytensor.lowering.batch import batch_of


def lower_loop(node, device, lower, fused):
    """Return what runs a scan, or None if its steps are calls of a function.

    Parameters
    ----------
    node : Apply
    device : object
    lower : callable
        Makes the program of the body: ``lower(outputs, updates, inputs, cells, device, fused,
        inplace)``.
    fused : bool
        Whether several ops may run as one step, where the mode of the loop does not say it.
    """
    body, form = node.params["body"], node.params["form"]
    values = (*node.inputs, *body.inputs, *body.outputs)
    if form.how.by_calls or not all([isinstance(v.type, TensorType) for v in values]):
        return None
    fused = fused if form.how.mode is None else form.how.mode.fused
    opened, axes = batch_of(body, form) if fused else (None, None)
    body = opened or body
    slices, taps, consts = form.split_body(body)
    news, rows, condition = form.split_results(body)
    cells = [lags == (1,) and not keep for lags, keep in zip(form.lags, form.keeps)]
    plain = [i for i, cell in enumerate(cells) if not cell]
    outputs = [*[news[i] for i in plain], *rows, *([] if condition is None else [condition])]
    updates = [(taps[i][0], news[i]) for i, cell in enumerate(cells) if cell]
    inputs = [*slices, *[tap for i in plain for tap in taps[i]], *consts]
    # Writing over an old value has to wait until all have read it: a second place is cheaper.
    program = lower(outputs, updates, inputs, [tap for tap, _ in updates], device, fused=fused,
                    inplace=False)
    known = _values_to_know(program, len(inputs) - len(consts))
    if known is None:
        return None
    program.segments[0].know(known)
    program.segments[0].in_loop = True
    return Loop(program, node, cells, _codes(device), known, axes)


_found = {}         # device -> the instructions that do the work of its tile kernels


def _codes(device):
    """The instructions for work on single numbers, by the addresses of tile kernels."""
    if device not in _found:
        _found[device] = {device.map_kernel(name, dtype): op for name, dtype, op in scalar_names()
                          if device.has_map(name, dtype)}
    return _found[device]


def _values_to_know(program, first):
    """The constants, by number among the inputs, whose values give the sizes of a step.

    ``first`` is the number of the first constant. None if not all sizes are known before the loop.
    """
    if len(program.segments) > 1 or any([dtype == OBJECT_DTYPE for dtype, _ in program.outputs]):
        return None
    known = sorted(program.segments[0].loads_of_sizes())
    return known if all([first <= i < program.ninputs for i in known]) else None
