"""cytensor: write an expression once; it is differentiated, simplified, fused and run."""
from cytensor import config, random, tensor
from cytensor._core import Apply, Constant, TensorType, Type, Variable
from cytensor.autodiff.absent import DisconnectedInputError, NullTypeGradError
from cytensor.autodiff.control import (
    disconnected_grad, grad_clip, grad_scale, undefined_grad, zero_grad)
from cytensor.autodiff.derived import hessian, hessian_vector_product, hvp, jacobian
from cytensor.autodiff.forward import Rop
from cytensor.autodiff.reverse import Lop, grad, subgraph_grad
from cytensor.autodiff.subgraphs import OpFromGraph
from cytensor.autodiff.verify import verify_grad
from cytensor.engine.debugmode import DebugMode
from cytensor.engine.guard import NanGuardMode
from cytensor.engine.modes import Mode
from cytensor.engine.monitor import MonitorMode
from cytensor.function import Function, MissingInputError, UnusedInputError, function
from cytensor.graph import clone
from cytensor.inputs import In, Out
from cytensor.loops import (
    foldl, foldr, map, reduce, scan, scan_checkpoints, until, while_loop)
from cytensor.ops.control import Assert, Print, assert_op, ifelse
from cytensor.ops.custom import Op, as_op
from cytensor.ops.objects import generic
from cytensor.printing import debugprint, pp, pprint
from cytensor.profiles import ProfileMode, ProfileStats
from cytensor.shared import SharedVariable, shared
from cytensor.test_values import get_test_value
from cytensor.threads import threads

__version__ = "0.1.0"

__all__ = [
    "Apply", "Assert", "Constant", "DebugMode", "DisconnectedInputError", "Function", "In", "Lop",
    "MissingInputError", "Mode", "MonitorMode", "NanGuardMode", "NullTypeGradError", "Op",
    "OpFromGraph", "Out", "Print", "ProfileMode", "ProfileStats", "Rop", "SharedVariable",
    "TensorType", "Type", "UnusedInputError", "Variable", "as_op", "assert_op", "config",
    "debugprint", "disconnected_grad", "foldl", "foldr", "function", "generic", "get_test_value",
    "grad", "grad_clip", "grad_scale", "hessian", "hessian_vector_product", "hvp", "ifelse",
    "jacobian", "map", "pp", "pprint", "random", "reduce", "scan", "scan_checkpoints", "shared",
    "subgraph_grad", "tensor", "threads", "undefined_grad", "until", "verify_grad", "while_loop",
    "zero_grad",
]
