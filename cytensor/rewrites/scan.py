"""Loops: equal ones become one, what nobody asks for is not computed, and bodies are rewritten.

`Loop.make` leaves out what it can, so that most of the work here is to take loops apart and to
put them together again.
"""
from cytensor._core import Constant, at_loc, placeholder, rebuild, renewed, replace, toposort
from cytensor.ops.scan import Body, Loop, after_steps, split_outputs
from cytensor.ops.subtensor import subtensor
from cytensor.ops.views import join_op
from cytensor.rewrites.intern import intern


def loops(outputs):
    """Merge loops that share their states, and drop what is not used of their results.

    Parameters
    ----------
    outputs : sequence of Variable

    Returns
    -------
    list of Variable
    """
    outputs = list(outputs)
    if not any([node.kind == "scan" for node in toposort(outputs)]):
        return outputs
    outputs = _merge(outputs)
    outputs = _use_buffers(outputs)
    return _drop_unused(outputs)


# ----- one loop for several -----

def _merge(outputs):
    """Merge scans with equal states: one with more rows takes the place of the others."""
    groups = {}
    for node in toposort(outputs):
        if node.kind == "scan":
            groups.setdefault(_states_key(node), []).append(node)
    mapping = {}
    for nodes in groups.values():
        while len(nodes) > 1:
            first, *nodes = nodes
            nodes = [node for node in nodes if not _merge_pair(first, node, mapping)]
    return replace(outputs, mapping) if mapping else outputs


def _states_key(node):
    """What scans that may be merged have in common."""
    form = node.params["form"]
    n, _, inits, _ = form.split_inputs(node.inputs)
    return (n, tuple(inits), form.lags, form.until, form.backwards, form.truncate, form.recompute,
            form.how)


def _merge_pair(first, second, mapping):
    """Note in ``mapping`` what takes the place of the outputs of two scans, if they can be one."""
    if any([x in mapping for node in (first, second) for x in node.outputs]) \
            or _depends(second, first) or _depends(first, second):
        return False
    a, b = [Loop.of(node.inputs, **node.params) for node in (first, second)]
    rows = _merge_bodies(a, b)
    if rows is None:
        return False
    keeps = [(s.keep, t.keep) for s, t in zip(a.states, b.states)]
    a.states = [s._replace(keep=any(k)) for s, k in zip(a.states, keeps)]
    with at_loc(first.loc):
        results = a.make()
    for which, node in enumerate((first, second)):
        old = split_outputs(node.outputs, node.params["form"])
        for buffer, new, state, k in zip(old.buffers, results.buffers, a.states, keeps):
            mapping[buffer] = new if k[which] or not any(k) else _window(a, new, state)
        mapping.update(zip(old.rows, [results.rows[i] for i in rows[which]]))
        if old.count is not None:
            mapping[old.count] = results.count
    return True


def _merge_bodies(a, b):
    """Add the rows of loop ``b`` to loop ``a``.

    Returns
    -------
    (list of int, list of int) or None
        Where the rows of either are now; None if the states, or the ends, are not equal.
    """
    _use_variables_of(a, b)
    found = intern([*a.results, *b.results])
    ours, theirs = found[:len(a.results)], found[len(a.results):]
    count, end = len(a.states), a.condition is not None
    if ours[:count] != theirs[:count] or (end and ours[-1] is not theirs[-1]):
        return None
    a.states = [s._replace(new=new) for s, new in zip(a.states, ours)]
    mine, others = ours[count:count + len(a.rows)], theirs[count:count + len(b.rows)]
    a.rows = mine + [row for row in dict.fromkeys(others) if row not in mine]
    a.condition = ours[-1] if end else None
    return list(range(len(mine))), [a.rows.index(row) for row in others]


def _depends(node, other):
    """Whether a node needs an output of another one."""
    return other in toposort(node.inputs)


def _use_variables_of(a, b):
    """Let loop ``b`` use the inner variables of ``a`` for what they have in common."""
    mapping = {}
    for s, t in zip(a.states, b.states):
        mapping.update(zip(t.taps, s.taps))
    known = {array: row for row, array in a.seqs}
    for row, array in b.seqs:
        if array in known:
            mapping[row] = known[array]
        elif row in {r for r, _ in a.seqs}:
            mapping[row] = placeholder(row)
            a.seqs.append((mapping[row], array))
        else:
            a.seqs.append((row, array))
    outside = {x: inner for inner, x in a.consts.items()}
    for inner, x in b.consts.items():
        if x in outside:
            mapping[inner] = outside[x]
        elif inner in a.consts:
            mapping[inner] = placeholder(inner)
            a.consts[mapping[inner]] = x
        else:
            a.consts[inner] = x
    b.exchange(mapping)


def _window(loop, buffer, state):
    """The last values of a state, the latest last, from a buffer that keeps all."""
    if loop.backwards:
        return buffer[:state.most][::-1]
    return buffer[loop.n:]


# ----- initial values in front of the others -----

def _use_buffers(outputs):
    """Where the initial values of a state are joined to the new ones: they are so already."""
    mapping = {}
    for node in toposort(outputs):
        if node.op is join_op and node.params["axis"] == 0 and len(node.inputs) == 2:
            buffer = _buffer_of(*node.inputs)
            if buffer is not None and buffer.type.shape[1:] == node.out.type.shape[1:]:
                mapping[node.out] = buffer
    return replace(outputs, mapping) if mapping else outputs


def _buffer_of(first, made):
    """The buffer of which these are the initial values and the new ones, or None."""
    part = made.owner
    if part is None or part.op is not subtensor or part.inputs[0].owner is None \
            or part.inputs[0].owner.kind != "scan":
        return None
    buffer = part.inputs[0]
    form = buffer.owner.params["form"]
    if buffer.index >= len(form.lags) or not form.keeps[buffer.index] or form.backwards:
        return None
    whole = part.params["index"] == (("slice", max(form.lags[buffer.index]), None, None),)
    init = form.split_inputs(buffer.owner.inputs)[2][buffer.index]
    return buffer if whole and first is init and not form.until else None


# ----- what is not used -----

def _drop_unused(outputs):
    """Leave out outputs that nothing reads, and keep only the last values where that is all."""
    nodes = toposort(outputs)
    users = {}
    for node in nodes:
        for x in node.inputs:
            users.setdefault(x, []).append(node)
    wanted = set(outputs)

    def change(node, now):
        if node.outputs[0] in now:          # a read of what is not kept any more
            return node.outputs
        if node.kind != "scan":
            return None
        copy = renewed(node, now)
        now.update(_smaller(node, copy, users, wanted))
        return copy.outputs

    return rebuild(outputs, change, nodes=nodes)


def _smaller(node, copy, users, wanted):
    """What takes the place of variables if a scan computes no more than is used."""
    form = node.params["form"]
    used = [out in users or out in wanted for out in node.outputs]
    lasts = [_last_values(out, i, form, users, wanted) for i, out in
             enumerate(node.outputs[:len(form.lags)])]
    consts = form.split_inputs(copy.inputs)[3]
    body = copy.params["body"]
    plain = (len(set(consts)) == len(consts) and _reads_all(body, form)
             and not any([isinstance(x, Constant) for x in consts]))
    if all(used) and not any(lasts) and plain:
        return {}
    loop = Loop.of(copy.inputs, copy.params["body"], form)
    states = _needed_states(loop, used)
    rows = [i for i in range(form.rows) if used[len(form.lags) + i]]
    loop.rows = [loop.rows[i] for i in rows]
    loop.states = [s._replace(keep=s.keep and used[i] and not lasts[i])
                   for i, s in enumerate(loop.states) if i in states]
    if not loop.states and not loop.rows and loop.condition is None:
        return {}
    with at_loc(node.loc):
        results = loop.make()
    old = split_outputs(node.outputs, form)
    found = dict(zip([old.rows[i] for i in rows], results.rows))
    if old.count is not None:
        found[old.count] = results.count
    for i, buffer, state in zip(sorted(states), results.buffers, loop.states):
        found[old.buffers[i]] = buffer
        if lasts[i]:
            found.update(_last_rows(lasts[i], buffer, state, loop))
    return found


def _reads_all(body, form):
    """Whether a body reads all of its sequences and constants."""
    read = set(body.outputs)
    for node in toposort(body.outputs, body.inputs):
        read.update(node.inputs)
    slices, _, consts = form.split_body(body)
    return read.issuperset(slices) and read.issuperset(consts)


def _needed_states(loop, used):
    """The states that outputs in use depend on, by number."""
    needed = {i for i in range(len(loop.states)) if used[i]}
    rows = [row for row, u in zip(loop.rows, used[len(loop.states):]) if u]
    rows += [] if loop.condition is None else [loop.condition]
    while True:
        roots = [*rows, *[loop.states[i].new for i in needed]]
        reached = set(roots)
        for node in toposort(roots, loop.moving):
            reached.update(node.inputs)
        more = {i for i, s in enumerate(loop.states) if not reached.isdisjoint(s.taps)} - needed
        if not more:
            return needed
        needed |= more


def _last_values(buffer, i, form, users, wanted):
    """The reads of a kept buffer, if all of them are of its last value: else nothing.

    They are ``buffer[most:][-1]``: returns these nodes.
    """
    if not form.keeps[i] or form.backwards or form.until or buffer in wanted:
        return []
    most, found = max(form.lags[i]), []
    for part in users.get(buffer, ()):
        if part.op is not subtensor or part.params["index"] != (("slice", most, None, None),) \
                or part.outputs[0] in wanted:
            return []
        for read in users.get(part.outputs[0], ()):
            if read.op is not subtensor or read.params["index"][0] != ("at", -1):
                return []
            found.append(read)
    return found


def _last_rows(reads, buffer, state, loop):
    """What stands for the reads of the last value, where only the last values are kept."""
    last = after_steps(buffer, loop.n)
    found = {}
    for read in reads:
        index = (("at", state.most - 1), *read.params["index"][1:])
        found[read.outputs[0]] = subtensor(last, *read.inputs[1:], index=index)
        found[read.inputs[0]] = read.inputs[0]      # nothing reads it any more
    return found


# ----- bodies -----

def rewrite_bodies(outputs, rewrite, mode_of):
    """Rewrite the bodies of all scans.

    Parameters
    ----------
    outputs : sequence of Variable
    rewrite : callable
        ``rewrite(outputs, mode) -> outputs``: the passes for a body.
    mode_of : callable
        ``mode_of(how)``: the mode of a body that is to be compiled so. A body that the passes of a
        mode, by their ``names``, have made stays as it is.

    Returns
    -------
    list of Variable
    """
    nodes = toposort(outputs)
    if not any([node.kind == "scan" for node in nodes]):
        return list(outputs)

    def change(node, now):
        if node.kind != "scan":
            return None
        mode = mode_of(node.params["form"].how)
        settled = node.params["body"].settled == mode.names
        return None if settled else _with_better_body(renewed(node, now), rewrite, mode)

    return rebuild(list(outputs), change, nodes=nodes)


def _with_better_body(node, rewrite, mode):
    body, form = node.params["body"], node.params["form"]
    better = Body(body.inputs, rewrite(list(body.outputs), mode))
    with at_loc(node.loc):
        results = Loop.of(node.inputs, better, form).make()
    out = results.buffers[0] if results.buffers else results.rows[0] if results.rows \
        else results.count
    out.owner.params["body"].settled = mode.names
    return out.owner.outputs
