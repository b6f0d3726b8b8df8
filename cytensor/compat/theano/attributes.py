"""Attributes that Theano's types, variables, nodes and ops have beyond cytensor's."""
import numpy as np

from cytensor._core import (
    Apply, Constant, Op, TensorType, Type, Variable, copy_apply, register_attributes,
    register_listed)
from cytensor.ops.registry import as_variable
from cytensor.ops.variable import TensorConstant, TensorVariable, register_truth



# ----- types -----

def _clone_type(type):
    def clone(dtype=None, broadcastable=None):
        shape = type.shape if broadcastable is None else [bool(b) for b in broadcastable]
        return TensorType(dtype or type.dtype, shape)
    return clone


def _value_zeros(type):
    return lambda shape: np.zeros(shape, dtype=type.dtype)


def _may_share_memory(type):
    def may_share_memory(a, b):
        arrays = isinstance(a, np.ndarray) and isinstance(b, np.ndarray)
        return arrays and np.may_share_memory(a, b)
    return may_share_memory


def _value_validity_msg(type):
    def message(value):
        try:
            type.filter(value, strict=True)
        except (TypeError, ValueError) as error:
            return str(error)
        return "value is valid"
    return message


_C_TYPES = {"float16": "npy_float16", "complex64": "theano_complex64",
            "complex128": "theano_complex128"}


def _dtype_specs(type):
    kind = np.dtype(type.dtype).kind
    python = {"b": bool, "f": float, "c": complex}.get(kind, int)
    c_type = _C_TYPES.get(type.dtype, f"npy_{type.dtype}")
    return lambda: (python, c_type, f"NPY_{type.dtype.upper()}")


# ----- variables -----

def _clone_variable(x):
    def clone():
        if isinstance(x, Constant):
            return x.type.make_constant(x.data, x.name)
        return x.type.make_variable(x.name)
    return clone


def _equals(x):
    def equals(other):
        if isinstance(other, (np.ndarray, int, float)):
            other = as_variable(other)
        return isinstance(other, Constant) and x.type == other.type and bool(
            np.array_equal(x.data, other.data))
    return equals


def _signature(x):
    from cytensor.compat.theano.basic import TensorConstantSignature
    return lambda: TensorConstantSignature((x.type, x.data))


def _parents_of_variable(x):
    return lambda: [] if x.owner is None else [x.owner]


# ----- nodes -----

class Listed(tuple):
    """The inputs or outputs of a node, which Theano has in a list: may be added to one."""

    __slots__ = ()

    def __add__(self, other):
        return [*self, *other] if isinstance(other, list) else tuple.__add__(self, other)

    def __radd__(self, other):
        return [*other, *self] if isinstance(other, list) else tuple.__add__(other, self)

    def __eq__(self, other):
        return tuple.__eq__(self, tuple(other) if isinstance(other, list) else other)

    def __ne__(self, other):
        return not self == other

    __hash__ = tuple.__hash__


def _clone_with_new_inputs(node):
    def clone_with_new_inputs(inputs, strict=True):
        inputs = [old.type.filter_variable(new) if strict and old.type != new.type else new
                  for old, new in zip(node.inputs, inputs)]
        return copy_apply(node, inputs)
    return clone_with_new_inputs


# ----- ops -----

def _make_node(op):
    return lambda *inputs, **params: op.apply(inputs, params)


_ATTRIBUTES = {
    Type: {"name": lambda type: None, "sparse_grad": lambda type: False,
           "may_share_memory": _may_share_memory, "value_validity_msg": _value_validity_msg,
           "context_name": lambda type: None},
    TensorType: {
        "clone": _clone_type, "numpy_dtype": lambda type: np.dtype(type.dtype),
        "value_zeros": _value_zeros, "dtype_specs": _dtype_specs,
        "to_scalar_type": lambda type: lambda: TensorType(type.dtype, ()),
        "Variable": lambda type: TensorVariable, "Constant": lambda type: TensorConstant,
        "get_shape_info": lambda type: np.shape,
        "get_size": lambda type: lambda shape: int(np.prod(shape)) * type.itemsize},
    Constant: {"equals": _equals, "signature": _signature, "merge_signature": _signature},
    Variable: {"clone": _clone_variable, "get_parents": _parents_of_variable,
               "auto_name": lambda x: f"auto_{id(x)}"},
    Apply: {"clone_with_new_inputs": _clone_with_new_inputs,
            "clone": lambda node: lambda: copy_apply(node, node.inputs),
            "nin": lambda node: len(node.inputs), "nout": lambda node: len(node.outputs),
            "default_output": lambda node: lambda: node.outputs[0],
            "get_parents": lambda node: lambda: list(node.inputs),
            "params_type": lambda node: None},
    Op: {"make_node": _make_node, "default_output": lambda op: None if op.nout > 1 else 0,
         "scalar_op": lambda op: op, "view_map": lambda op: {}, "destroy_map": lambda op: {},
         "inplace_pattern": lambda op: {}, "inplace": lambda op: False},
}


_COMPARISONS = {"lt", "le", "gt", "ge"}


def _is_there(x):
    """Whether ``bool(x)`` asks if there is a variable; ``a < b < c`` asks for a value."""
    return x.owner is None or x.owner.op.name not in _COMPARISONS


def add():
    """Let cytensor's objects have them."""
    register_truth(_is_there)
    for cls, functions in _ATTRIBUTES.items():
        register_attributes(cls, **functions)
    register_listed(Listed)


def remove():
    """Take them away."""
    register_truth(None)
    for cls, functions in _ATTRIBUTES.items():
        register_attributes(cls, **dict.fromkeys(functions))
    register_listed(None)
