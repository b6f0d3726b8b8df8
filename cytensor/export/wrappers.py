"""Exported functions under other signatures: those that SciPy's routines call."""

_CALLS = {                  # signature -> its parameters
    "double (int, double *)": "int n, double *x",
    "double (int, double *, void *)": "int n, double *x, void *data",
    "double (double *, void *)": "double *x, void *data",
    "double (double, void *)": "double x, void *data",
    "int (double *, intptr_t, double *, void *)":
        "double *x, intptr_t n, double *value, void *data",
    "int (double *, npy_intp, double *, void *)":
        "double *x, intptr_t n, double *value, void *data",
}


def natural(source):
    """Return the signature that a function has by itself."""
    if source.is_number:
        inputs = [_type(text) for p in source.inputs for text in p.declared()] or ["void"]
        return f"{_type(source.outputs[0].declared()[0]).rstrip(' *')} ({', '.join(inputs)})"
    types = [_type(text) for p in (*source.inputs, *source.outputs) for text in p.declared()]
    return f"int ({', '.join([*types, 'void *'])})"


def _type(declaration):
    head, star, _ = declaration.rpartition("*")
    text = head + star if star else declaration.rpartition(" ")[0]
    return text.removeprefix("const ").strip()


def wrapper(source, signature, symbol):
    """Return a function of another signature that calls an exported one.

    Raises
    ------
    ValueError
        If the function does not fit the signature.
    """
    text = " ".join(signature.split())
    if text.startswith("double (double") and "*" not in text:
        count = text.count("double") - 1
        parameters = ", ".join([f"double x{k}" for k in range(count)])
        values = [f"x{k}" for k in range(count)]
    elif text in _CALLS:
        parameters = _CALLS[text]
        values = ["x"] if "double x," in parameters else None
    else:
        raise ValueError(f"there is no signature {signature!r}; there are "
                         f"'double (double, ..)', {', '.join([repr(s) for s in _CALLS])}")
    body = _body(source, values, signature)
    return _written(symbol, parameters, body)


def _written(symbol, parameters, body):
    returns_code = "double *value" in parameters
    unused = [name for name in ("n", "data") if f" {name}" in parameters.replace("*", "")
              and f"{name}_" not in body]
    lines = [f"(void){name};" for name in unused]
    end = ["*value = result;", "return result == result;"] if returns_code else ["return result;"]
    rows = "\n".join([f"    {line}" for line in [*lines, *body.split("\n"), *end]])
    kind = "int" if returns_code else "double"
    return f"{kind} {symbol}({parameters});\n{kind} {symbol}({parameters})\n{{\n{rows}\n}}\n"


def _body(source, values, signature):
    """The lines that leave the result in ``result``."""
    arguments = _numbers(source, values) or _vector(source, values)
    out = source.outputs[0]
    if arguments is None or len(source.outputs) != 1 or out.shape != () or out.dtype.kind == "c":
        raise ValueError(f"a function of {', '.join([p.described() for p in source.inputs])} "
                         f"that returns {', '.join([p.described() for p in source.outputs])} "
                         f"is no {signature!r}")
    call = ", ".join(arguments)
    if source.is_number:
        return f"const double result = {source.name}({call});"
    return (f"{_shape(source)}{out.dtype.storage} out;\n"
            f"const double result = {source.name}({call}, &out, NULL) ? NAN : out;")


def _shape(source):
    return "const int64_t n_[1] = {n};\n" if source.inputs and source.inputs[0].has_shape else ""


def _numbers(source, values):
    """The arguments of a function of numbers; None if it is none."""
    inputs = source.inputs
    if not all([p.is_number and p.dtype.kind != "c" for p in inputs]):
        return None
    if values is None:
        values = [f"x[{k}]" for k in range(len(inputs))]
    if len(values) != len(inputs):
        return None
    return [f"({p.dtype.storage}){value}" for p, value in zip(inputs, values)]


def _vector(source, values):
    """The arguments of a function of one vector; None if it is none."""
    if values is not None or len(source.inputs) != 1:
        return None
    x, = source.inputs
    if len(x.shape) != 1 or x.dtype.short != "f64":
        return None
    return ["x", "n_"] if x.has_shape else ["x"]
