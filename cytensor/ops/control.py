"""Control: `ifelse` computes only one of two branches; `Assert` and `Print` look at values."""
from cytensor._core import Op, TensorType, Variable, same_type, typed_apply
from cytensor.ops.custom import CustomOp
from cytensor.ops.objects import DisconnectedType
from cytensor.ops.registry import as_variable, is_weak, scalar_like


# ----- one of two branches -----

def _common_type(then, other):
    """The type of both branches: an axis may broadcast if it may in both."""
    a, b = then.type, other.type
    if same_type(a, b):
        return a
    if not isinstance(a, TensorType) or not isinstance(b, TensorType) \
            or a.dtype != b.dtype or a.ndim != b.ndim:
        raise TypeError(f"ifelse: the branches have different types, {a} and {b}")
    return TensorType(a.dtype, [n if n == m else None for n, m in zip(a.shape, b.shape)])


def _prepare_ifelse(op, inputs, params):
    condition, *branches = inputs
    condition = as_variable(condition)
    if condition.type.ndim != 0:
        raise TypeError(f"ifelse: the condition is a scalar, not {condition.type}")
    then, other = split_branches(branches)
    return [condition, *branches], tuple(map(_common_type, then, other))


def split_branches(values):
    """Return the two halves of a list: what belongs to either branch."""
    half = len(values) // 2
    return values[:half], values[half:]


ifelse_op = Op("ifelse", "ifelse", _prepare_ifelse, nout=0,
               doc="Return one of two lists of values; only that one is computed.")


def ifelse(condition, then_branch, else_branch, name=None):
    """Return one of two values, or lists of values, and compute only that one.

    What only the other branch needs is not run: it costs nothing, and may even be undefined.
    (``switch`` chooses element by element, and computes both.)

    Parameters
    ----------
    condition : 0-d
        0 stands for false.
    then_branch, else_branch : Variable, or list or tuple of Variable
        As many in both, and of the same types.
    name : str, optional
        A name for the results.

    Returns
    -------
    Variable, or list or tuple of Variable
        As ``then_branch``.

    Raises
    ------
    TypeError
        If two values have different types, or the condition is no scalar.
    ValueError
        If the branches have different lengths.

    Examples
    --------
    >>> import cytensor as ct, cytensor.tensor as T
    >>> x = T.dscalar("x")
    >>> f = ct.function([x], ifelse(x > 0, T.log(x), -x))
    >>> f(1.0), f(-2.0)
    (array(0.), array(2.))
    """
    is_list = isinstance(then_branch, (list, tuple))
    then = list(then_branch) if is_list else [then_branch]
    other = list(else_branch) if isinstance(else_branch, (list, tuple)) else [else_branch]
    if len(then) != len(other):
        raise ValueError(f"ifelse: {len(then)} values in one branch, {len(other)} in the other")
    pairs = [_as_pair(a, b) for a, b in zip(then, other)]
    results = ifelse_op(condition, *[a for a, _ in pairs], *[b for _, b in pairs])
    for i, result in enumerate(results if name else ()):
        result.name = name if len(results) == 1 else f"{name}{i}"
    return type(then_branch)(results) if is_list else results[0]


def _as_pair(a, b):
    """Two values as variables; a Python number takes the dtype of the other."""
    if is_weak(a) and isinstance(b, Variable):
        return scalar_like(a, b.type.dtype), b
    if is_weak(b) and isinstance(a, Variable):
        return a, scalar_like(b, a.type.dtype)
    return as_variable(a), as_variable(b)


# ----- looking at values -----

class Assert(CustomOp):
    """An op that returns its first input, if the others are true.

    Parameters
    ----------
    msg : str
        That of the AssertionError.

    Examples
    --------
    >>> import cytensor as ct, cytensor.tensor as T
    >>> x = T.dvector("x")
    >>> f = ct.function([x], Assert("x is not positive")(x, T.all(x > 0)).sum())
    >>> f([1, 2])
    array(3.)
    """

    __props__ = ("msg",)
    reads_only = True

    def __init__(self, msg="a condition of Assert does not hold"):
        self.msg = msg
        self.view_map = {0: [0]}

    def make_node(self, value, *conditions):
        """Make a node that checks the conditions."""
        value = as_variable(value)
        conditions = [as_variable(c) for c in conditions]
        for c in conditions:
            if c.type.ndim != 0:
                raise TypeError(f"Assert: a condition is a scalar, not {c.type}")
        return typed_apply(self, [value, *conditions], [value.type])

    def perform(self, node, inputs, output_storage):
        """Check, and hand the value on."""
        value, *conditions = inputs
        if not all(conditions):
            raise AssertionError(self.msg)
        output_storage[0][0] = value

    def infer_shape(self, node, input_shapes):
        """Return the shape of the value."""
        return [input_shapes[0]]

    def connection_pattern(self, node):
        """Return that only the value counts."""
        return [[i == 0] for i in range(len(node.inputs))]

    def grad(self, inputs, output_gradients):
        """Return the gradient as it comes."""
        return [output_gradients[0], *[DisconnectedType()() for _ in inputs[1:]]]

    def R_op(self, inputs, eval_points):
        """Return the direction as it comes."""
        return [eval_points[0]]


assert_op = Assert()


def _print_attributes(op, value):
    for name in op.attrs:
        found = getattr(value, name)
        print(op.message, name, "=", found() if callable(found) else found)


class Print(CustomOp):
    """An op that returns its input, and prints it each time it is computed.

    Parameters
    ----------
    message : str
        What is printed before the value.
    attrs : sequence of str
        Attributes of the value to print; methods are called.
    global_fn : callable, optional
        ``global_fn(op, value)`` is called in place of printing.

    Examples
    --------
    >>> import cytensor as ct, cytensor.tensor as T
    >>> x = T.dvector("x")
    >>> f = ct.function([x], Print("x is", attrs=["shape"])(x).sum())
    >>> f([1, 2])
    x is shape = (2,)
    array(3.)
    """

    __props__ = ("message", "attrs", "global_fn")

    def __init__(self, message="", attrs=("__str__",), global_fn=_print_attributes):
        self.message, self.attrs, self.global_fn = message, tuple(attrs), global_fn
        self.view_map = {0: [0]}

    def make_node(self, x):
        """Make a node that prints ``x``."""
        x = as_variable(x)
        return typed_apply(self, [x], [x.type])

    def perform(self, node, inputs, output_storage):
        """Print, and hand the value on."""
        output_storage[0][0] = inputs[0]
        self.global_fn(self, inputs[0])

    def infer_shape(self, node, input_shapes):
        """Return the shape of the value."""
        return input_shapes

    def grad(self, inputs, output_gradients):
        """Return the gradient as it comes."""
        return output_gradients

    def R_op(self, inputs, eval_points):
        """Return the direction as it comes."""
        return eval_points


class PdbBreakpoint(CustomOp):
    """An op that returns its inputs, and stops in the debugger where a condition holds.

    Parameters
    ----------
    name : str
        What the debugger shows.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> x, y = T.dscalars("x", "y")
    >>> x, y = PdbBreakpoint("x is large")(x > 100, x, y)
    """

    __props__ = ("name",)

    def __init__(self, name):
        self.name = name

    def make_node(self, condition, *monitored):
        """Make a node that watches some values."""
        condition, *monitored = [as_variable(x) for x in (condition, *monitored)]
        if condition.type.ndim != 0:
            raise TypeError(f"PdbBreakpoint: the condition is a scalar, not {condition.type}")
        return typed_apply(self, [condition, *monitored], [x.type for x in monitored])

    def perform(self, node, inputs, output_storage):
        """Stop where the condition holds, and hand the values on."""
        condition, *monitored = inputs
        if condition:
            print(f"breakpoint {self.name!r}: the values are in the list `monitored`")
            breakpoint()
        for cell, value in zip(output_storage, monitored):
            cell[0] = value

    def infer_shape(self, node, input_shapes):
        """Return the shapes of the values."""
        return input_shapes[1:]

    def connection_pattern(self, node):
        """Return that each value counts for itself alone."""
        count = len(node.outputs)
        return [[i == k for k in range(count)] for i in range(-1, count)]

    def grad(self, inputs, output_gradients):
        """Return the gradients as they come."""
        return [DisconnectedType()(), *output_gradients]

    def R_op(self, inputs, eval_points):
        """Return the directions as they come."""
        return eval_points[1:]
