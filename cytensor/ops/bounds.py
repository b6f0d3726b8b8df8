"""Indices that the run checks: those that may not count from the end."""
from cytensor.ops.registry import structured, to_dtype
from cytensor.ops.views import as_size, no_gradients

#: Whose error it is; the kernel has the texts, in this order.
_WHOSE = ("ravel_multi_index", "unravel_index", "choose", "crossentropy")


def _check_inputs(inputs, params):
    if params["what"] not in _WHOSE:
        raise ValueError(f"bounded: what is one of {', '.join(_WHOSE)}, not {params['what']!r}")
    x, n = inputs
    return [to_dtype(x, "int64"), as_size(n)]


bounded_op = structured(
    "bounded", lambda x, n, *, what: "int64", lambda S, shapes, inputs, *, what: shapes[0],
    lambda g, out, x, n, *, what: no_gradients(2), coerce=_check_inputs,
    iparams=lambda *, what: (_WHOSE.index(what),),
    doc="Indices, all of which must be in 0 .. n - 1.")
