"""Copies of graphs with some parts exchanged: `clone`."""
from cytensor._core import Constant, Variable, leaves, placeholder, replace as exchange
from cytensor.fgraph import equivalents
from cytensor.inputs import as_type_of


def clone(output, replace=None, strict=True, share_inputs=True, copy_inputs=None):
    """Return a copy of a graph, in which some variables may be replaced.

    Parameters
    ----------
    output : Variable or list of Variable
    replace : dict or list of pairs, optional
        Variables, and what to put in their place: all at once, so that what is put in is not
        looked into.
    strict : bool
        Whether what is put in must have the type of what it replaces.
    share_inputs : bool
        Whether the copy has the same inputs. New shared variables have the old storage.
    copy_inputs : bool, optional
        The same as ``share_inputs``.

    Returns
    -------
    Variable or list of Variable
        As ``output``.

    Raises
    ------
    TypeError
        If a type differs.

    Examples
    --------
    >>> import cytensor as ct, cytensor.tensor as T
    >>> x, y = T.dscalars("x", "y")
    >>> z = ct.clone(x ** 2 + 1, replace={x: y + 1})
    >>> ct.function([y], z)(2)
    array(10.)
    """
    is_list = isinstance(output, (list, tuple))
    outputs = list(output) if is_list else [output]
    share_inputs = share_inputs if copy_inputs is None else copy_inputs
    mapping = {old: as_type_of(old, new, "a replacement") if strict else new
               for old, new in _pairs(replace)}
    memo = equivalents(leaves(outputs, mapping), outputs, copy_inputs=False)
    copies = exchange([memo[v] for v in outputs], {memo.get(v, v): new
                                                  for v, new in mapping.items()})
    if not share_inputs:
        given = [v for v in leaves(copies) if not isinstance(v, Constant)]
        copies = exchange(copies, {v: _new_input(v) for v in given})
    return copies if is_list else copies[0]


def _pairs(mapping):
    if mapping is None:
        return []
    pairs = mapping.items() if hasattr(mapping, "items") else mapping
    if not isinstance(mapping, (dict, list, tuple)) or not all(
            [isinstance(old, Variable) for old, _ in pairs]):
        raise ValueError(f"clone: replace is a dict or a list of pairs of variables, not "
                         f"{mapping!r}")
    return list(pairs)


def _new_input(variable):
    return variable.clone() if hasattr(variable, "container") else placeholder(variable)
