"""The sizes of every value of a graph, as expressions of the sizes and integers of its inputs."""
from numpy import can_cast, iinfo

from cytensor._core import Constant, TensorType
from cytensor._program import AssumptionError
from cytensor.ops.sizes import Size, Sizes, output_shapes

#: For ops whose last inputs are only sizes: the position of the first such input.
SIZE_ARGS = {"reshape": 1, "broadcast_to": 1, "subtensor": 1, "iota": 0, "unpick": 2,
             "nonzero": 1, "nonzero_count": 1, "inc_subtensor": 2, "shape_i": 0,
             "assume_size": 1, "window_numbers": 0, "random_draw": 1, "random_permutation": 1,
             "random_mask": 2, "random_choose": 2, "random_mrg": 1, "mrg_choice": 2,
             "after_steps": 1, "conv_grad_inputs": 2, "conv_grad_filters": 2}

_INTEGER = ("bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64")
_ARITHMETIC = {"add": "add", "sub": "sub", "mul": "mul", "floor_div": "floordiv", "mod": "mod",
               "maximum": "max", "minimum": "min", "eq": "eq", "lt": "lt", "switch": "where"}
_GROWING = ("add", "sub", "mul", "floor_div", "neg")    # the result may not fit into the dtype


class SizeSolver(Sizes):
    """Computes with sizes while a program is made.

    Leaves are ``dim(variable, axis)`` and ``load(variable)``: a size of an array, and the value of
    an integer scalar, that the run finds in memory. ``late(variable, axis)`` is a size of an array
    that a step in Python makes.

    Attributes
    ----------
    checks : list of (condition, message, a, b, error, node)
        What must hold for a call to be possible.
    """

    def __init__(self, given):
        super().__init__()
        self._given = set(given)
        self._shapes = {}
        self._values = {}
        self._same = {}             # a size -> an equal one that stands for it
        self._age = {}              # a size -> how many were met before it
        self.late = set()           # arrays whose sizes only the step that makes them knows
        self.checks = []
        self.node = None            # whose rule is running: for the checks

    def leaf(self, op, variable, index):
        """Return a size that a call finds in memory."""
        key = (op, variable, index)
        size = self._made.get(key)
        if size is None:
            size = self._made[key] = Size(self, op, (variable, index))
            self._age[size] = len(self._age)
        return size

    def make(self, op, *args):
        """Return the size ``op(*args)``, folded where it is known."""
        size = super().make(op, *args)
        if type(size) is Size:
            self._age.setdefault(size, len(self._age))
        return size

    # ----- equalities and checks -----

    def canonical(self, size):
        """Return the one size that stands for all that are known to equal ``size``."""
        while type(size) is Size and size in self._same:
            size = self._same[size]
        return size

    def assume(self, a, b):
        """Note that a program for these sizes only serves if they are equal."""
        if type(a) is int and type(b) is int and a != b:
            raise AssumptionError
        return self.equal(a, b, "", AssumptionError)

    def equal(self, a, b, message, error=ValueError):
        """Note that two sizes must be equal; return the one that stands for both.

        It is a number, or the one that was met first: so none is a part of what it stands for,
        nor is it computed by a node that comes after one that needs it.
        """
        a, b = self.canonical(a), self.canonical(b)
        if a is b or (type(a) is int and type(b) is int):
            return super().equal(a, b, message)
        self.checks.append((self.eq(a, b), message, a, b, error, self.node))
        if type(a) is int or (type(b) is Size and self._age[a] < self._age[b]):
            a, b = b, a
        self._same[a] = b
        return b

    def check(self, condition, message, a=0, b=0, error=ValueError):
        """Note that a condition must hold."""
        if type(condition) is int:
            super().check(condition, message, a, b, error)
        else:
            self.checks.append((condition, message, a, b, error, self.node))

    # ----- shapes -----

    def shape(self, variable):
        """Return the sizes of a variable, one per axis."""
        found = self._shapes.get(variable)
        if found is None:
            found = self._shapes[variable] = self._leaf_shape(variable)
        return found

    def _leaf_shape(self, variable):
        if not isinstance(variable.type, TensorType):
            return ()
        if isinstance(variable, Constant):
            return tuple(variable.data.shape)
        out = []
        for axis, known in enumerate(variable.type.shape):
            dim = self.leaf("dim", variable, axis)
            if known is not None:
                self.checks.append((self.eq(dim, known), f"{variable!r} has size {{a}} on axis "
                                    f"{axis}, but its type says {{b}}", dim, known, TypeError,
                                    variable))
            out.append(dim if known is None else known)
        return tuple(out)

    def infer(self, node):
        """Work out the sizes of a node's outputs from those of its inputs."""
        self.node = node
        if node.kind == "elementwise":
            shapes = (self._broadcast(node),)
        else:
            shapes = output_shapes(self, node, [self.shape(x) for x in node.inputs])
            if node.kind == "scan":
                shapes = [None if any(map(_is_unknown, shape)) else shape for shape in shapes]
        for out, shape in zip(node.outputs, shapes):
            if isinstance(out.type, TensorType):
                self._shapes[out] = self._known_first(out, shape or self._late_shape(out))
        self.node = None

    def _known_first(self, out, shape):
        return tuple([m if n is None else n for n, m in zip(out.type.shape, shape)])

    def _late_shape(self, out):
        """The sizes of an array of which no rule knows them."""
        if None in out.type.shape:
            self.late.add(out)
        return [self.leaf("late", out, axis) for axis in range(out.type.ndim)]

    def _broadcast(self, node):
        shapes = [self.shape(x) for x in node.inputs]
        first = shapes[0]
        if len(shapes) == 1 or all([s is first for s in shapes]):
            return first
        ndim = max([len(s) for s in shapes])
        return tuple([self._common(node, [s[axis] for s in shapes if len(s) >= -axis], axis)
                      for axis in range(-ndim, 0)])

    def _common(self, node, sizes, axis):
        common = 1
        for n in sizes:
            if n is common or (type(n) is int and n == 1):
                continue
            if type(common) is int and common == 1:
                common = n
            else:
                common = self.equal(common, n, f"{node.name}: sizes {{a}} and {{b}} differ on "
                                    f"axis {axis} (an axis broadcasts only where its size is "
                                    "known to be 1: see x.dimshuffle, patternbroadcast)")
        return common

    # ----- values of integer scalars -----

    def value(self, variable):
        """Return the value of a 0-d integer variable as a size."""
        found = self._values.get(variable)
        if found is None:
            for node in _integer_nodes(variable, self._values, self._given):
                self._values[node.outputs[0]] = self._value_of(node)
            found = self._values.get(variable)
            if found is None:
                found = self._values[variable] = self._leaf_value(variable)
        return found

    def try_values(self, variables, given):
        """The values of variables that are plain arithmetic on ``given`` and its sizes, or None."""
        stack = list(variables)
        while stack:
            v = stack.pop()
            if isinstance(v, Constant) or v in given:
                continue
            if not _is_integer_node(v, self._given):
                return None
            if v.owner.name != "shape_i":
                stack.extend(v.owner.inputs)
            elif v.owner.inputs[0] not in given:
                return None
        return super().try_values(variables, given)

    def _leaf_value(self, variable):
        if isinstance(variable, Constant):
            return int(variable.data)
        return self.leaf("load", variable, 0)

    def _value_of(self, node):
        name = node.name
        if name == "shape_i":
            return self.shape(node.inputs[0])[node.params["axis"]]
        args = [self.value(x) for x in node.inputs]
        before, dtype = node.inputs[-1].type.dtype, node.outputs[0].type.dtype
        if name == "cast":
            return args[0] if can_cast(before, dtype) else self._fitted(args[0], dtype)
        if name == "add" and dtype == "bool":
            return self.max(*args)
        value = 0 - args[0] if name == "neg" else self.make(_ARITHMETIC[name], *args)
        return self._fitted(value, dtype) if name in _GROWING else value

    def _fitted(self, value, dtype):
        """Cut off the bits that a dtype does not have: the prologue computes in int64."""
        if dtype == "int64":
            return value
        if dtype == "bool":
            return 1 - self.eq(value, 0)
        limits = iinfo(dtype)
        span = int(limits.max) - int(limits.min) + 1
        return (value - int(limits.min)) % span + int(limits.min)


def _is_unknown(size):
    """Whether a size depends on the data of a step of a loop."""
    return type(size) is not int and (size.op == "unknown" or any(
        [_is_unknown(a) for a in size.args if type(a) is type(size)]))


def _is_integer_node(variable, given):
    """Whether the prologue can compute a variable's value by itself."""
    node = variable.owner
    if node is None or variable in given or variable.type.ndim != 0:
        return False
    if node.name == "shape_i":
        return True
    if node.name not in _ARITHMETIC and node.name not in ("neg", "cast"):
        return False
    return variable.type.dtype in _INTEGER and all(
        [x.type.dtype in _INTEGER and x.type.ndim == 0 for x in node.inputs])


def _integer_nodes(variable, known, given):
    """The nodes of integer arithmetic below a variable, each after those it needs."""
    order, stack, done = [], [variable], set()
    while stack:
        v = stack[-1]
        if v in done or v in known or not _is_integer_node(v, given):
            stack.pop()
            continue
        inputs = [] if v.owner.name == "shape_i" else v.owner.inputs
        waiting = [x for x in inputs
                   if x not in done and x not in known and _is_integer_node(x, given)]
        if waiting:
            stack.extend(waiting)
        else:
            done.add(v)
            order.append(v.owner)
            stack.pop()
    return order
