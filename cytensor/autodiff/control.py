"""Identities that change only the gradient: clip it, scale it, stop it.

Once derivatives are taken they mean nothing any more, and lowering leaves them out.
"""
from cytensor._core import Variable
from cytensor.autodiff.absent import DisconnectedType, grad_undefined
from cytensor.ops.elementwise import clip, mul
from cytensor.ops.registry import dtype_of, structured


def _identity(name, vjp, doc, **traits):
    return structured(name, dtype_of(0), lambda S, shapes, inputs, **params: shapes[0], vjp,
                      kind="composite", expand=lambda x, **params: x, doc=doc, **traits)


grad_clip_op = _identity(
    "grad_clip", lambda g, out, x, *, low, high: (clip(g, low, high),),
    "The same value; its gradient is limited to a range.")
grad_scale_op = _identity(
    "grad_scale", lambda g, out, x, *, multiplier: (mul(g, multiplier),),
    "The same value; its gradient is multiplied by a number.")
zero_grad_op = _identity(
    "zero_grad", lambda g, out, x: (0,), "The same value; its gradient is zero.")
disconnected_grad_op = _identity(
    "disconnected_grad", lambda g, out, x: (DisconnectedType()(),),
    "The same value; it does not count as depending on anything.")
undefined_grad_op = _identity(
    "undefined_grad", lambda g, out, x: (grad_undefined(undefined_grad_op, 0, x),),
    "The same value; to ask for its gradient is an error, even if that is multiplied by zero.",
    undefined=True)


def grad_clip(x: Variable, lower_bound: float, upper_bound: float) -> Variable:
    """Return ``x``, and limit each element of its gradient to a range.

    Parameters
    ----------
    x : Variable
    lower_bound, upper_bound : float

    Returns
    -------
    Variable

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> x = T.scalar("x")
    >>> g = T.grad(T.grad_clip(x, -1, 1) ** 2, x)       # -1 or 1, where |x| is 0.5 or more
    """
    return grad_clip_op(x, low=lower_bound, high=upper_bound)


def grad_scale(x: Variable, multiplier: float) -> Variable:
    """Return ``x``, and multiply its gradient by a number.

    Parameters
    ----------
    x : Variable
    multiplier : float

    Returns
    -------
    Variable

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> x = T.scalar("x")
    >>> g = T.grad(T.grad_scale(x, 0.1) ** 2, x)        # 0.2 x
    """
    return grad_scale_op(x, multiplier=multiplier)


def zero_grad(x: Variable) -> Variable:
    """Return ``x``, with a gradient of zero.

    Parameters
    ----------
    x : Variable

    Returns
    -------
    Variable

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> x = T.scalar("x")
    >>> g = T.grad(x * T.zero_grad(x), x)               # x, not 2 x
    """
    return zero_grad_op(x)


consider_constant = zero_grad


def disconnected_grad(x: Variable) -> Variable:
    """Return ``x`` as something that depends on nothing.

    It differs from `zero_grad` where ``x`` is the only way to a variable: then ``grad`` raises
    ``DisconnectedInputError``.

    Parameters
    ----------
    x : Variable

    Returns
    -------
    Variable

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> x = T.scalar("x")
    >>> g = T.grad(x * T.disconnected_grad(x), x)       # x, not 2 x
    """
    return disconnected_grad_op(x)


def undefined_grad(x: Variable) -> Variable:
    """Return ``x``, with a gradient that it is an error to ask for.

    Parameters
    ----------
    x : Variable

    Returns
    -------
    Variable

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> x = T.scalar("x")
    >>> T.grad(T.undefined_grad(x), x)  # doctest: +IGNORE_EXCEPTION_DETAIL
    Traceback (most recent call last):
    NullTypeGradError: grad: no gradient with respect to x: ... is undefined
    """
    return undefined_grad_op(x)
