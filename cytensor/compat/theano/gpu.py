"""What programs ask of Theano's GPU modules: under Theano's names there is no GPU."""
from cytensor.compat.theano.basic import cpu_contiguous
from cytensor.compat.theano.types import Absent
from cytensor.tensor import (
    alloc as gpu_alloc, as_tensor_variable, join as gpu_join, zeros as gpu_alloc_empty)

__all__ = ["gpu_alloc", "gpu_alloc_empty", "gpu_join"]
cuda_available = cuda_enabled = pygpu_activated = False
cuda_ndarray = None
gpu_contiguous = cpu_contiguous
gpu_from_host = host_from_gpu = as_cuda_ndarray_variable = as_gpuarray_variable = \
    as_tensor_variable


class ContextNotDefined(ValueError):
    """There is no GPU context of that name."""


class CudaNdarray(Absent):
    """Theano's class of arrays on the GPU: nothing is one."""


class CudaNdarrayType(Absent):
    """The type of arrays on the GPU: nothing has it."""


class CudaNdarrayVariable(Absent):
    """A variable on the GPU: there are none."""


class GpuOp(Absent):
    """An op on the GPU: there are none."""


CudaNdarrayConstant = CudaNdarraySharedVariable = CudaNdarrayVariable
GpuArrayType = CudaNdarrayType
GpuArrayVariable = GpuArrayConstant = GpuArraySharedVariable = CudaNdarrayVariable


def dnn_available(context_name=None):
    """Whether cuDNN can be used: no."""
    return False


dnn_available.msg = "cytensor computes on the CPU under Theano's names"
dnn_present = dnn_available


def set_cuda_disabled():
    """Do nothing: there is no GPU."""


def use(device, *args, **kwargs):
    """Refuse to compute on a GPU."""
    if str(device) != "cpu":
        raise ImportError(f"cytensor computes on the CPU under Theano's names, not on {device}")


def get_context(name):
    """Raise ``ContextNotDefined``: there are no contexts."""
    raise ContextNotDefined(f"there is no GPU context {name!r}")


def reg_context(name, context):
    """Raise ``ContextNotDefined``: there are no contexts."""
    get_context(name)


def list_contexts():
    """Return the names of the GPU contexts: none."""
    return []


def infer_context_name(*variables):
    """Raise ``ContextNotDefined``: there are no contexts."""
    get_context(None)


def float32_shared_constructor(value, *args, **kwargs):
    """Decline: values are kept on the CPU."""
    raise TypeError("there is no GPU under Theano's names")


shared_constructor = float32_shared_constructor
