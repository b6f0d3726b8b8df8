"""The names of ``theano.tensor.extra_ops``."""
# ruff: noqa: F401
from cytensor.ops.axes import squeeze
from cytensor.ops.counting import Unique, bincount, unique
from cytensor.ops.cumulative import cumprod, cumsum, diff
from cytensor.ops.diagonal import fill_diagonal, fill_diagonal_offset
from cytensor.ops.flat_index import ravel_multi_index, unravel_index
from cytensor.ops.rearrange import repeat
from cytensor.ops.select import compress
from cytensor.ops.softmax import to_one_hot
from cytensor.ops.sorting import searchsorted
from cytensor.ops.windows import bartlett
