"""Labels that tell the nodes of a printed graph apart."""
import itertools
import string


def letters():
    """Yield A, B, .. Z, AA, AB, .. without an end.

    Examples
    --------
    >>> list(itertools.islice(letters(), 24, 28))
    ['Y', 'Z', 'AA', 'AB']
    """
    for length in itertools.count(1):
        for word in itertools.product(string.ascii_uppercase, repeat=length):
            yield "".join(word)


def labeller(ids):
    """Return a function that gives a node its label, in the way that ``ids`` names.

    Parameters
    ----------
    ids : str
        ``"CHAR"`` for letters, ``"int"`` for numbers, ``"id"`` for Python's identity and ``""``
        for no labels.
    """
    if ids == "CHAR":
        names = letters()
        return lambda node: f" [id {next(names)}]"
    if ids == "int":
        numbers = itertools.count()
        return lambda node: f" [id {next(numbers)}]"
    if ids == "id":
        return lambda node: f" [id {id(node)}]"
    if ids == "":
        return lambda node: ""
    raise ValueError(f"ids is 'CHAR', 'int', 'id' or '', not {ids!r}")
