"""cytensor: write an expression once; it is differentiated, simplified, fused and run."""
from cytensor import config, tensor
from cytensor._core import Apply, Constant, Op, TensorType, Variable
from cytensor.autodiff.absent import DisconnectedInputError, NullTypeGradError
from cytensor.autodiff.control import (
    disconnected_grad, grad_clip, grad_scale, undefined_grad, zero_grad)
from cytensor.autodiff.derived import hessian, hessian_vector_product, hvp, jacobian
from cytensor.autodiff.forward import Rop
from cytensor.autodiff.reverse import Lop, grad, subgraph_grad
from cytensor.autodiff.verify import verify_grad
from cytensor.engine.modes import Mode
from cytensor.function import Function, MissingInputError, UnusedInputError, function
from cytensor.inputs import In, Out
from cytensor.printing import debugprint, pp, pprint
from cytensor.shared import SharedVariable, shared

__version__ = "0.1.0"

__all__ = [
    "Apply", "Constant", "DisconnectedInputError", "Function", "In", "Lop", "MissingInputError",
    "Mode", "NullTypeGradError", "Op", "Out", "Rop", "SharedVariable", "TensorType",
    "UnusedInputError", "Variable", "config", "debugprint", "disconnected_grad", "function",
    "grad", "grad_clip", "grad_scale", "hessian", "hessian_vector_product", "hvp", "jacobian",
    "pp", "pprint", "shared", "subgraph_grad", "tensor", "undefined_grad", "verify_grad",
    "zero_grad",
]
