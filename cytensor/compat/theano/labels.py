"""What Theano prints for ops, nodes and constants: ``Elemwise{add,no_inplace}.0``."""
from cytensor._core import Constant, Op, TensorType, Variable

#: Elementwise ops that Theano calls by another name than cytensor.
_NAMES = {"abs": "abs_", "floor_div": "int_div", "reciprocal": "inv", "make_complex": "complex",
          "hard_sigmoid": "hard_sigmoid"}
_OTHERS = {"matmul": "dot", "softmax": "Softmax", "logsoftmax": "LogSoftmax", "join": "Join",
           "broadcast_to": "Alloc", "nonzero": "Nonzero", "relu": "relu"}


def _elementwise(op):
    if op.name in ("sigmoid", "softplus"):
        return op.name
    return f"Elemwise{{{_NAMES.get(op.name, op.name)},no_inplace}}"


def _axes(node):
    """The reduced axes as Theano gives them: none where all are."""
    axis = node.params["axis"]
    return None if len(axis) == node.inputs[0].type.ndim else axis


def _reduction(node):
    name, axis = node.op.name, _axes(node)
    inner = "" if axis is None else ", ".join(map(str, axis))
    dtype = node.outputs[0].type.dtype
    if name == "sum":
        listed = f"axis=[{inner}], " if inner else ""
        return f"Sum{{{listed}acc_dtype={dtype}}}"
    if name == "prod":
        return f"Prod{{axis={axis and list(axis)}, dtype='{dtype}', acc_dtype='{dtype}'}}"
    if name in ("all", "any"):
        return name.title() + (f"{{{inner}}}" if inner else "")
    scalar = {"max": "maximum", "min": "minimum"}.get(name, name)
    return f"Reduce{{{scalar}}}" + (f"{{{inner}}}" if inner else "")


def _index(node):
    """``int64, int64:int64:`` for a number and a slice."""
    words = []
    for kind, *parts in node.params["index"]:
        known = ["" if part is None else "int64" for part in parts]
        if kind == "slice":
            known[2] = "" if parts[2] in (None, 1) else "int64"
        words.append(":".join(known))
    return ", ".join(words)


def _inc_subtensor(node):
    return f"IncSubtensor{{{'Set' if node.params['set'] else 'Inc'};{_index(node)}}}"


#: Theano's names of the ops of pooling: of a maximum, and of sums.
_POOLS = {"max_pool": "Pool", "sum_pool": "Pool", "max_pool_grad": "MaxPoolGrad",
          "sum_unpool": "AveragePoolGrad", "max_pool_gather": "DownsampleFactorMaxGradGrad"}
_DIVIDED = {None: "sum", "items": "average_exc_pad", "window": "average_inc_pad"}


def _pool(node):
    p = node.params
    mode = _DIVIDED[p["divisor"]] if "divisor" in p else "max"
    return (f"{_POOLS[node.op.name]}{{ignore_border={p['ignore_border']}, mode='{mode}', "
            f"ndim={p['ndim']}}}")


def _order(node):
    return ",".join(["x" if axis < 0 else str(axis) for axis in node.params["order"]])


_FORMS = {
    "dimshuffle": lambda node: f"InplaceDimShuffle{{{_order(node)}}}",
    "reshape": lambda node: f"Reshape{{{node.outputs[0].type.ndim}}}",
    "shape_i": lambda node: f"Shape_i{{{node.params['axis']}}}",
    "make_vector": lambda node: f"MakeVector{{dtype='{node.outputs[0].type.dtype}'}}",
    "subtensor": lambda node: f"Subtensor{{{_index(node)}}}",
    "inc_subtensor": _inc_subtensor,
    "gather": lambda node: "AdvancedSubtensor1" if len(node.inputs) == 2 else "AdvancedSubtensor",
    "iota": lambda node: f"ARange{{dtype='{node.outputs[0].type.dtype}'}}",
    "argmax": lambda node: f"Argmax{{axis=({node.params['axis']},)}}",
    **dict.fromkeys(_POOLS, _pool),
}


def op_label(node):
    """Return what Theano prints for the op of a node, or None where it is what we print."""
    op = node.op
    if op.name == "cast":
        return f"Elemwise{{Cast{{{node.params['dtype']}}}}}"
    if op.kind == "elementwise":
        return _elementwise(op)
    if op.kind == "reduce":
        return _reduction(node)
    if op.name in _FORMS:
        return _FORMS[op.name](node)
    return _OTHERS.get(op.name)


def constant_label(x: Constant):
    """Return what Theano prints for a constant without a name."""
    if not isinstance(x.type, TensorType):
        return None
    data = x.data
    text = str(data)
    if data.ndim and data.size and (data == data.flat[0]).all():
        text = f"{data.shape} of {data.flat[0]!s}"
    if len(text) > 20:
        text = f"{text[:10]}..{text[-10:]}"
    return f"TensorConstant{{{text}}}"


def label(x):
    """Return what Theano prints for an op, a constant, a computed variable or a node.

    None stands for what cytensor prints.
    """
    if isinstance(x, Op):
        return _elementwise(x) if x.kind == "elementwise" else None
    if isinstance(x, Constant):
        return constant_label(x)
    node = x.owner if isinstance(x, Variable) else x
    text = op_label(node)
    return text if text is None or node is x else f"{text}.{x.index}"
