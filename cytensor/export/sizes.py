"""Sizes in C: numbers where they are known, else expressions over names."""
import re

_SUM = re.compile(r" [-+<>=?&|]+ ")


def wrapped(size):
    """Return a size as a factor."""
    text = str(size)
    return f"({text})" if _SUM.search(text) else text


def times(a, b):
    """Return the product of two sizes."""
    if type(a) is int and type(b) is int:
        return a * b
    if a == 0 or b == 0:
        return 0
    if a == 1 or b == 1:
        return b if a == 1 else a
    if type(b) is int:          # numbers first
        a, b = b, a
    return f"{wrapped(a)} * {wrapped(b)}"


def plus(a, b):
    """Return the sum of two sizes."""
    if type(a) is int and type(b) is int:
        return a + b
    if a == 0 or b == 0:
        return b if a == 0 else a
    return f"{a} + {b}"


def product(sizes):
    """Return the product of many."""
    total = 1
    for size in sizes:
        total = times(total, size)
    return total


def packed(dims):
    """Return the strides of an array in C order, in elements."""
    strides, step = [], 1
    for n in reversed(dims):
        strides.append(step)
        step = times(step, n)
    return tuple(reversed(strides))


def follows(outer, inner, size):
    """Whether a stride is that of an inner axis of some size: two axes can be one."""
    return outer == times(inner, size) and (size != 0 or outer == inner)


def arithmetic(op, a, b, c):
    """Return what an instruction of a prologue computes of numbers, or its expression.

    ``op`` is the name of a ``SizeOp`` without its prefix.
    """
    if type(a) is int and type(b) is int and (op != "where" or type(c) is int):
        return _NUMBERS[op](a, b, c)
    if op == "add":
        return plus(a, b)
    if op == "mul":
        return times(a, b)
    if op == "sub" and b == 0:
        return a
    if op == "where" and type(a) is int:
        return b if a else c
    return _TEXTS[op].format(a=wrapped(a), b=wrapped(b), c=wrapped(c))


_NUMBERS = {
    "add": lambda a, b, c: a + b, "sub": lambda a, b, c: a - b, "mul": lambda a, b, c: a * b,
    "floordiv": lambda a, b, c: a // b if b else 0, "mod": lambda a, b, c: a % b if b else 0,
    "max": lambda a, b, c: max(a, b), "min": lambda a, b, c: min(a, b),
    "eq": lambda a, b, c: int(a == b), "lt": lambda a, b, c: int(a < b),
    "where": lambda a, b, c: b if a else c,
}
_TEXTS = {
    "sub": "{a} - {b}", "floordiv": "ct_floor_quotient({a}, {b})",
    "mod": "ct_floor_rest({a}, {b})", "max": "ct_larger({a}, {b})",
    "min": "ct_smaller({a}, {b})", "eq": "{a} == {b}", "lt": "{a} < {b}",
    "where": "{a} ? {b} : {c}",
}
