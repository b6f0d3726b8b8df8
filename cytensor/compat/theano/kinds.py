"""Theano's classes of ops: to ask what an op is, and to make one from its parameters.

``isinstance(x.owner.op, Elemwise)`` compares cytensor's names and kinds of ops. Calling a class
gives a function that applies the op: ``Reshape(2)(x, shape)``.
"""
from cytensor import tensor as T
from cytensor._core import Op
from cytensor.ops.views import shape_i_op


class _Kind(type):
    """A class whose instances are cytensor's ops of some names or kinds."""

    def __instancecheck__(cls, op):
        if type.__instancecheck__(cls, op):
            return True
        return isinstance(op, Op) and (op.name in cls.names or op.kind in cls.kinds)


def kind(name, names="", make=None, kinds=()):
    """Make a class of ops.

    Parameters
    ----------
    name : str
        What Theano calls it.
    names : str
        The names of the ops of ours that belong to it.
    make : callable, optional
        What calling the class does: it returns a function that applies the op.
    kinds : sequence of str
        Kinds of ops of which all belong to it.
    """
    def __new__(cls, *args, **kwargs):
        if make is None:
            raise TypeError(f"cytensor cannot make an op from Theano's class {name}; use the "
                            "function of the same purpose")
        return make(*args, **kwargs)

    return _Kind(name, (), {
        "names": frozenset(names.split()), "kinds": frozenset(kinds), "__new__": __new__,
        "__module__": __name__, "__doc__": f"Theano's class {name} of ops."})


# ----- what an op of a class computes -----

def _reduction(function):
    def make(axis=None, dtype=None, acc_dtype=None, **kwargs):
        if dtype is None:
            return lambda x: function(x, axis=axis)
        return lambda x: function(x, axis=axis, dtype=dtype)
    return make


_REDUCTIONS = {"add": T.sum, "mul": T.prod, "maximum": T.max, "minimum": T.min, "or_": T.any,
               "and_": T.all}


def _careduce(scalar_op, axis=None, *args, **kwargs):
    name = getattr(scalar_op, "name", None)
    if name not in _REDUCTIONS:
        raise TypeError(f"no reduction with the op {scalar_op!r}")
    if name in ("or_", "and_"):
        return lambda x: (T.any if name == "or_" else T.all)(x, axis=axis)
    return lambda x: _REDUCTIONS[name](x, axis=axis)


def _dimshuffle(input_broadcastable, new_order, inplace=True):
    ndim = len(input_broadcastable)
    for axis in new_order:
        if axis != "x" and not 0 <= axis < ndim:
            raise ValueError(f"new_order {tuple(new_order)} names no axis of {ndim}")
        if axis != "x" and list(new_order).count(axis) > 1:
            raise ValueError("The same input dimension may not appear twice in the list of output "
                             f"dimensions: {tuple(new_order)}")
    for axis, is_one in enumerate(input_broadcastable):
        if axis not in new_order and not is_one:
            raise ValueError("You cannot drop a non-broadcastable dimension.",
                             (input_broadcastable, new_order))

    def apply(x):
        x = T.as_tensor_variable(x)
        if x.ndim != ndim:
            raise TypeError(f"the op permutes arrays of {ndim} axes, {x!r} has {x.ndim}")
        return x.dimshuffle(*new_order)
    return apply


def _rebroadcast(*axes):
    def apply(x):
        ones = [axis for axis, is_one in axes if is_one]
        others = [axis for axis, is_one in axes if not is_one]
        x = T.addbroadcast(x, *ones) if ones else T.as_tensor_variable(x)
        return T.unbroadcast(x, *others) if others else x
    return apply


def _on_axis(function):
    def make(axis=None, **fixed):
        return lambda *args, **kwargs: function(*args, axis=axis, **fixed, **kwargs)
    return make


def _plain(function):
    return lambda *args, **kwargs: function


def _cumulate(axis=None, mode="add"):
    return lambda x: (T.cumsum if mode == "add" else T.cumprod)(x, axis=axis)


def _in_dtype(function):
    return lambda dtype=None: lambda *args: function(*args, dtype=dtype)


def _nnet(name):
    """A function of ours under a name of ``theano.tensor.nnet``."""
    from cytensor.compat.theano import nnet
    return getattr(nnet, name)


def _beside():
    from cytensor.compat.theano.dependence import beside
    return beside


def _if_else(n_outs, as_view=False, gpu=False, name=None):
    from cytensor import ifelse

    def apply(condition, *branches):
        one = n_outs == 1
        return ifelse(condition, branches[0] if one else list(branches[:n_outs]),
                      branches[-1] if one else list(branches[n_outs:]), name)
    return apply


_NAMES = {
    "All": ("all", _reduction(T.all)), "Any": ("any", _reduction(T.any)),
    "Sum": ("sum", _reduction(T.sum)), "Prod": ("prod", _reduction(T.prod)),
    "CAReduce": ("sum prod max min all any", _careduce),
    "CAReduceDtype": ("sum prod", _careduce),
    "MulWithoutZeros": ("",), "ProdWithoutZeros": ("",),
    "MaxAndArgmax": ("max argmax", lambda axis: lambda x: T.max_and_argmax(x, axis)),
    "Argmax": ("argmax", _on_axis(T.argmax)), "Mean": ("", _on_axis(T.mean)),
    "DimShuffle": ("dimshuffle", _dimshuffle),
    "Reshape": ("reshape", lambda ndim, name=None: lambda x, shape: T.reshape(x, shape, ndim)),
    "Flatten": ("reshape", lambda outdim=1: lambda x: T.flatten(x, outdim)),
    "Scan": ("scan",), "Assert": ("assert",), "IfElse": ("ifelse", _if_else),
    "Rebroadcast": ("broadcast_to unbroadcast", _rebroadcast),
    "SpecifyShape": ("broadcast_to", lambda: T.specify_shape),
    "Shape": ("make_vector", lambda: T.shape),
    "Shape_i": ("shape_i", lambda i: lambda x: shape_i_op(T.as_tensor_variable(x), axis=i)),
    "MakeVector": ("make_vector", lambda dtype="int64": lambda *xs: T.cast(T.stack(xs), dtype)),
    "ViewOp": ("beside", _beside), "DeepCopyOp": ("beside", _beside),
    "Alloc": ("broadcast_to", lambda: T.alloc),
    "AllocEmpty": ("broadcast_to", lambda dtype: lambda *shape: T.zeros(shape, dtype)),
    "ARange": ("iota", _in_dtype(T.arange)), "Eye": ("", _in_dtype(T.eye)),
    "Tri": ("", _in_dtype(T.tri)), "Tile": ("", lambda ndim: T.tile),
    "Join": ("join", lambda view=-1: T.join),
    "Split": ("subtensor", lambda n: lambda x, axis, sizes: T.split(x, sizes, n, axis)),
    "Dot": ("matmul", lambda: T.dot), "Dot22": ("matmul", lambda: T.dot),
    "Gemm": ("gemm",), "Gemv": ("gemm matmul",), "Ger": ("gemm matmul",),
    "BatchedDot": ("matmul", lambda: T.batched_dot),
    "Choose": ("", lambda mode="raise": lambda a, choices: T.choose(a, choices, mode=mode)),
    "Nonzero": ("nonzero", lambda: T.nonzero),
    "ExtractDiag": ("diagonal", lambda offset=0, axis1=0, axis2=1, view=False:
                    lambda x: T.diagonal(x, offset, axis1, axis2)),
    "AllocDiag": ("", lambda *args, **kwargs: lambda x: T.alloc_diag(x, *args, **kwargs)),
    "Default": ("",), "PermuteRowElements": ("",),
    "ScalarFromTensor": ("",), "TensorFromScalar": ("",),
    # indexing
    "Subtensor": ("subtensor",), "IncSubtensor": ("inc_subtensor",),
    "AdvancedSubtensor": ("gather",), "AdvancedSubtensor1": ("gather",),
    "AdvancedBooleanSubtensor": ("gather",), "BaseAdvancedSubtensor": ("gather",),
    "AdvancedIncSubtensor": ("scatter_add scatter_set",),
    "AdvancedIncSubtensor1": ("scatter_add scatter_set",),
    "AdvancedBooleanIncSubtensor": ("scatter_add scatter_set",),
    "BaseAdvancedIncSubtensor": ("scatter_add scatter_set",),
    # sorting and counting
    "SortOp": ("sort", lambda kind="quicksort", order=None:
               lambda x, axis=-1: T.sort(x, axis, kind, order)),
    "ArgSortOp": ("argsort", lambda kind="quicksort", order=None:
                  lambda x, axis=-1: T.argsort(x, axis, kind, order)),
    "TopKOp": ("argtopk", None),
    "Bartlett": ("bartlett",), "CpuContiguous": ("dimshuffle",),
    "CumOp": ("cumsum cumprod", _cumulate),
    "CumsumOp": ("cumsum", lambda axis=None: _cumulate(axis, "add")),
    "CumprodOp": ("cumprod", lambda axis=None: _cumulate(axis, "mul")),
    "DiffOp": ("", lambda n=1, axis=-1: lambda x: T.diff(x, n, axis)),
    "FillDiagonal": ("scatter_set", lambda: T.fill_diagonal),
    "FillDiagonalOffset": ("scatter_set", lambda: T.fill_diagonal_offset),
    "RavelMultiIndex": ("bounded", lambda mode="raise", order="C":
                        lambda index, dims: T.ravel_multi_index(index, dims, mode, order)),
    "UnravelIndex": ("", lambda order="C": lambda i, dims: T.unravel_index(i, dims, order)),
    "Unique": ("starts", T.extra_ops.Unique),
    "RepeatOp": ("repeat", lambda axis=None: lambda x, repeats: T.repeat(x, repeats, axis)),
    "SearchsortedOp": ("searchsorted", lambda side="left":
                       lambda x, v, sorter=None: T.searchsorted(x, v, side, sorter)),
    # neural networks
    "Softmax": ("softmax", lambda: _nnet("softmax")),
    "LogSoftmax": ("logsoftmax", lambda: _nnet("logsoftmax")),
    "SoftmaxWithBias": ("", lambda: _nnet("softmax_with_bias")),
    "SoftmaxGrad": ("", lambda: _nnet("softmax_grad")),
    "CrossentropyCategorical1Hot": ("pick", lambda: T.nnet.crossentropy_categorical_1hot),
    "CrossentropyCategorical1HotGrad": ("", lambda: _nnet("crossentropy_categorical_1hot_grad")),
    "CrossentropySoftmax1HotWithBiasDx":
        ("", lambda: _nnet("crossentropy_softmax_1hot_with_bias_dx")),
    "CrossentropySoftmaxArgmax1HotWithBias":
        ("", lambda: _nnet("crossentropy_softmax_argmax_1hot_with_bias")),
    "Prepend_scalar_to_each_row": ("", lambda: _nnet("prepend_scalar_to_each_row")),
    "Prepend_scalar_constant_to_each_row":
        ("", lambda val=0: lambda x: _nnet("prepend_scalar_to_each_row")(val, x)),
    "Images2Neibs": ("", lambda mode="valid": lambda x, shape, step=None:
                     T.nnet.neighbours.images2neibs(x, shape, step, mode)),
    "AbstractBatchNormTrain": ("",), "AbstractBatchNormInference": ("",),
    "AbstractBatchNormTrainGrad": ("",),
    "ScalarSigmoid": ("sigmoid",), "ScalarSoftplus": ("softplus",),
    "UltraFastScalarSigmoid": ("ultra_fast_sigmoid",),
    # gradients
    "ConsiderConstant": ("disconnected_grad",), "DisconnectedGrad": ("disconnected_grad",),
    "GradClip": ("grad_clip",), "GradScale": ("grad_scale",), "ZeroGrad": ("zero_grad",),
    "UndefinedGrad": ("undefined_grad",),
}
globals().update({name: kind(name, *row) for name, row in _NAMES.items()})


# ----- elementwise ops -----

def _elementwise(scalar_op, inplace_pattern=None, name=None, nfunc_spec=None, openmp=None):
    """Apply an op of scalars to arrays: here they are the same ops."""
    return scalar_op


Elemwise = kind("Elemwise", "", _elementwise, ("elementwise",))
