"""Sizes: integers that are known now, or expressions of sizes that the run will know.

A size is a plain ``int`` where it is known and a ``Size`` where it is not. Size rules
(``Op.sizes``) compute with both alike: ``n + 1``, ``n * m``, ``smax(n, 0)``. While a graph is
built, unknown sizes are opaque, and what comes out as an ``int`` becomes part of the type. When a
program is made, they are the dimensions of its inputs, and what comes out becomes the integer
prologue that runs on each call.
"""


class Size:
    """An integer expression. Equal expressions made by one ``Sizes`` are one object."""

    __slots__ = ("op", "args", "home")

    def __init__(self, home, op, args):
        self.home = home
        self.op = op
        self.args = args

    def __add__(self, other):
        return self.home.make("add", self, other)

    def __radd__(self, other):
        return self.home.make("add", other, self)

    def __sub__(self, other):
        return self.home.make("sub", self, other)

    def __rsub__(self, other):
        return self.home.make("sub", other, self)

    def __mul__(self, other):
        return self.home.make("mul", self, other)

    def __rmul__(self, other):
        return self.home.make("mul", other, self)

    def __floordiv__(self, other):
        return self.home.make("floordiv", self, other)

    def __rfloordiv__(self, other):
        return self.home.make("floordiv", other, self)

    def __mod__(self, other):
        return self.home.make("mod", self, other)

    def __rmod__(self, other):
        return self.home.make("mod", other, self)

    def __neg__(self):
        return self.home.make("sub", 0, self)

    def __bool__(self):
        raise TypeError("the truth of a size is not known before the run")

    def __repr__(self):
        return f"{self.op}({', '.join(map(repr, self.args))})"


_FOLD = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "floordiv": lambda a, b: a // b if b else 0,
    "mod": lambda a, b: a % b if b else 0,
    "max": max,
    "min": min,
    "eq": lambda a, b: int(a == b),
    "lt": lambda a, b: int(a < b),
    "where": lambda c, a, b: a if c else b,
}


class Sizes:
    """Makes sizes, checks them, and knows the integer values of variables.

    This base class serves while a graph is built: what is not a constant is unknown.
    """

    def __init__(self):
        self._made = {}

    def make(self, op, *args):
        """Return the size ``op(*args)``, folded where it is known."""
        if not any(type(a) is Size for a in args):
            return _FOLD[op](*args)
        simple = _simplify(op, args)
        if simple is not None:
            return simple
        key = (op, *[a if type(a) is int else id(a) for a in args])
        size = self._made.get(key)
        if size is None:
            size = self._made[key] = Size(self, op, args)
        return size

    def max(self, a, b):
        """The larger of two sizes."""
        return self.make("max", a, b)

    def min(self, a, b):
        """The smaller of two sizes."""
        return self.make("min", a, b)

    def where(self, condition, a, b):
        """``a`` where ``condition`` is not 0, else ``b``."""
        return self.make("where", condition, a, b)

    def lt(self, a, b):
        """1 if ``a < b``, else 0."""
        return self.make("lt", a, b)

    def eq(self, a, b):
        """1 if the sizes are equal, else 0."""
        return self.make("eq", a, b)

    def unknown(self):
        """A size of which nothing is known."""
        return Size(self, "unknown", ())

    def value(self, variable):
        """The value of a 0-d integer variable, as a size."""
        data = getattr(variable, "data", None)
        return int(data) if data is not None else self.unknown()

    def try_values(self, variables, given):
        """The values of 0-d integer variables that follow from ``given``, or None."""
        return tuple([self.value(v) for v in variables])

    def equal(self, a, b, message):
        """Check that two sizes are equal, now or when the run knows them; return one of them.

        ``message`` is a template of the error, filled with ``{a}`` and ``{b}``.
        """
        if type(a) is int and type(b) is int:
            if a != b:
                raise ValueError(message.format(a=a, b=b))
            return a
        return a if type(a) is int else b if type(b) is int else a

    def assume(self, a, b):
        """Take two sizes to be equal; a call for which they are not runs another program."""
        return self.equal(a, b, "the sizes {a} and {b} were taken to be equal")

    def check(self, condition, message, a=0, b=0, error=ValueError):
        """Check that a condition (a size) is not 0, now or when the run knows it."""
        if type(condition) is int and not condition:
            raise error(message.format(a=a, b=b))

    def product(self, sizes):
        """The product of several sizes."""
        total = 1
        for size in sizes:
            total = total * size
        return total

    def static(self, variable):
        """The sizes of a variable as its type knows them."""
        return tuple([self.unknown() if n is None else n for n in variable.type.shape])


def _simplify(op, args):
    """Return what ``op(*args)`` is for sure, or None."""
    a, b = args[0], args[1]
    if op == "add":
        if type(a) is int and a == 0:
            return b
        if type(b) is int and b == 0:
            return a
        if type(b) is Size and b.op == "sub" and type(b.args[0]) is int and b.args[0] == 0:
            return a - b.args[1]
    elif op == "sub":
        if type(b) is int and b == 0:
            return a
        if a is b:
            return 0
        if type(a) is Size and a.op == "add" and a.args[1] is b:        # (n + m) - m
            return a.args[0]
        if type(a) is Size and a.op == "add" and a.args[0] is b:
            return a.args[1]
        return _fold_constant(a, b, -1)
    elif op == "mul":
        for one, other in ((a, b), (b, a)):
            if type(one) is int and one in (0, 1):
                return other if one else 0
    elif op == "floordiv":
        if type(b) is int and b == 1:
            return a
        if type(a) is Size and a.op == "mul":
            for i in (0, 1):                                            # (n * m) // m
                if a.args[i] is b or (type(b) is int and type(a.args[i]) is int
                                      and a.args[i] == b):
                    return a.args[1 - i]
    elif op in ("max", "min") and a is b:
        return a
    elif op == "eq" and a is b:
        return 1
    elif op == "where":
        if type(a) is int:
            return b if a else args[2]
        if b is args[2]:
            return b
    return _fold_constant(a, b, 1) if op == "add" else None


def _fold_constant(a, b, sign):
    """(n + 2) + 3 is n + 5: chains of constants stay short, and so equal sizes stay equal."""
    if type(a) is Size and type(b) is int and a.op in ("add", "sub") \
            and type(a.args[1]) is int:
        inner = a.args[1] if a.op == "add" else -a.args[1]
        total = inner + sign * b
        return a.args[0] + total if total >= 0 else a.args[0] - (-total)
    return None


def output_shapes(S, node, shapes):
    """Return the shape of each output of a node; None where no rule knows it."""
    op = node.op
    rule = op.traits.get("node_sizes")
    if rule is not None:
        return rule(S, node, shapes)
    if op.sizes is None:
        return [None] * len(node.outputs)
    found = op.sizes(S, shapes, node.inputs, **node.params)
    return [found] if op.nout == 1 else found


STATIC = Sizes()
