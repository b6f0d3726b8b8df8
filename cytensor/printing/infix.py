"""Expressions as one line of text, in the notation in which they were written.

Each op has a *form*: its text as a list of pieces, strings and the variables between them. A form
never looks into its inputs, so a graph of any depth is printed by one stack, in linear time. What
is long and used more than once is printed once, under a letter.
"""
from cytensor._core import Apply, Variable, toposort
from cytensor.printing.labels import letters

#: Characters from which a value that is used several times gets a letter.
LONG = 120

_INFIX = {
    "add": "+", "sub": "-", "mul": "*", "true_div": "/", "floor_div": "//", "mod": "%",
    "pow": "**", "matmul": "@", "eq": "==", "neq": "!=", "lt": "<", "le": "<=", "gt": ">",
    "ge": ">=", "and_": "&", "or_": "|", "xor": "^", "left_shift": "<<", "right_shift": ">>",
}
_PREFIX = {"neg": "-", "invert": "~"}


def pprint(x: Variable, depth: int | None = None) -> str:
    """Return the expression that computes ``x`` as one line of text.

    Parameters
    ----------
    x : Variable
    depth : int, optional
        How many ops to follow; deeper ones are printed as ``...``.

    Returns
    -------
    str
        A long value that is used more than once is written once: as a letter, explained after
        the word *where*.

    Examples
    --------
    >>> import cytensor.tensor as T
    >>> n = T.lscalar("n")
    >>> pprint(T.exp(n + 1))
    'exp(cast(float64)((n + TensorConstant{1})))'
    """
    if not isinstance(x, Variable):
        raise TypeError(f"pprint prints a variable, not {type(x).__name__}")
    forms = {node: _form(node) for node in toposort([x])}
    if depth is not None:
        return _emit([x], forms, {}, depth)
    letters_of = _name_long_values(x, forms)
    text = _emit([x], forms, letters_of)
    where = [f"{letter} = {_emit(_pieces(v, forms), forms, letters_of)}"
             for v, letter in letters_of.items()]
    return f"{text} where {', '.join(where)}" if where else text


pp = pprint


def _emit(pieces, forms, letters_of, depth=float("inf")):
    """Put the pieces together, from left to right."""
    text = []
    stack = [(piece, 0) for piece in reversed(pieces)]
    while stack:
        piece, level = stack.pop()
        if type(piece) is str:
            text.append(piece)
        elif piece in letters_of:
            text.append(letters_of[piece])
        elif piece.owner is None:
            text.append(repr(piece))
        elif level >= depth:
            text.append("...")
        else:
            stack.extend((inner, level + 1) for inner in reversed(_pieces(piece, forms)))
    return "".join(text)


def _pieces(variable, forms):
    """The form of the variable's op, and which of its outputs is meant."""
    node = variable.owner
    return forms[node] if node.op.nout == 1 else [*forms[node], f".{variable.index}"]


def _name_long_values(x, forms):
    """Give a letter to each value that is long and used more than once."""
    uses = _count_uses(forms)
    names = letters()
    length, letters_of = {}, {}
    for node in forms:                              # inputs first, as toposort lists them
        size = sum(_length(piece, length) for piece in forms[node])
        for out in node.outputs:
            length[out] = size
            if size >= LONG and uses.get(out, 0) > 1:
                letters_of[out] = next(names)
                length[out] = 1
    return letters_of


def _length(piece, length):
    if type(piece) is str:
        return len(piece)
    return length[piece] if piece.owner is not None else len(repr(piece))


def _count_uses(forms):
    uses = {}
    for form in forms.values():
        for piece in form:
            if type(piece) is not str:
                uses[piece] = uses.get(piece, 0) + 1
    return uses


# ----- forms -----

def _form(node: Apply):
    """The text of one application, with its inputs left as variables."""
    name = node.op.name
    if name in _INFIX:
        x, y = node.inputs
        return ["(", x, f" {_INFIX[name]} ", y, ")"]
    if name in _PREFIX:
        return ["(" + _PREFIX[name], node.inputs[0], ")"]
    form = _SPECIAL.get(name, _call)
    return form(node, *node.inputs, **node.params)


def _call(node, *inputs, **params):
    """``exp(x)``, ``sum(x, axis=(0,), keepdims=False)``."""
    keywords = [f"{key}={value!r}" for key, value in params.items()]
    return [f"{node.op.name}(", *_comma([*inputs, *keywords]), ")"]


def _comma(items):
    """The items with ``", "`` between them."""
    pieces = []
    for item in items:
        pieces += [", ", item]
    return pieces[1:]


def _cast(node, x, *, dtype):
    return [f"cast({dtype})(", x, ")"]


def _dimshuffle(node, x, *, order):
    if tuple(order) == tuple(reversed(range(x.type.ndim))):
        return [x, ".T"] if len(order) > 1 else [x]
    axes = ", ".join(["'x'" if axis < 0 else str(axis) for axis in order])
    return [x, f".dimshuffle({axes})"]


def _method(name):
    """``x.reshape(n, m)``: the first input is what the others are asked of."""
    return lambda node, x, *inputs, **params: [x, f".{name}(", *_comma(inputs), ")"]


def _shape_i(node, x, *, axis):
    return [x, f".shape[{axis}]"]


def _subtensor(node, x, *values, index):
    return [x, "[", *_index(index, values), "]"]


def _inc_subtensor(node, x, y, *values, index, set):
    name = "set_subtensor" if set else "inc_subtensor"
    return [f"{name}(", x, "[", *_index(index, values), "], ", y, ")"]


def _index(index, values):
    """``1:n, i`` from the items of a basic index."""
    pieces = []
    for kind, *parts in index:
        parts = [_part(part, values) for part in parts]
        pieces += [", ", *(parts if kind == "at" else _slice(*parts))]
    return pieces[1:]


def _slice(start, stop, step):
    return [start, ":", stop, *([":", step] if step not in ("", "1") else [])]


def _part(part, values):
    if part is None:
        return ""
    return values[part[1]] if isinstance(part, tuple) else str(part)


_SPECIAL = {
    "cast": _cast, "dimshuffle": _dimshuffle, "shape_i": _shape_i, "subtensor": _subtensor,
    "inc_subtensor": _inc_subtensor, "reshape": _method("reshape"),
    "broadcast_to": _method("broadcast_to"),
}
