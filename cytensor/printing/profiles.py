"""What profiled functions spent their time on, as tables."""
import linecache


def profile_lines(stats, nops=20, nsteps=20):
    """Return the lines of the tables: kinds of ops, ops and steps by time, with the user's lines.

    Parameters
    ----------
    stats : ProfileStats
    nops, nsteps : int
        How many lines the tables have at most.
    """
    rows = list(stats.rows())
    inside = sum([seconds for _, seconds, _, _ in rows])
    lines = [*_head(stats, inside), *_compile_lines(stats)]
    if not rows:
        return lines
    for what in ("kind", "op"):
        lines += _table(times_by(what, rows).items(), inside, what, nops)
    steps = [(_name(step), (seconds, runs, nbytes)) for step, seconds, runs, nbytes in rows]
    return [*lines, *_table(steps, inside, "step", nsteps)]


def _head(stats, inside):
    calls = max(stats.fct_callcount, 1)
    names = [measured.name or "a compiled function" for measured in stats.functions]
    return [f"{stats.message or ', '.join(names)}: {stats.fct_callcount} calls, "
            f"{time_text(stats.fct_call_time / calls)} each, "
            f"of which {time_text(inside / calls)} in its steps"]


def _compile_lines(stats):
    passes = sorted(stats.passes.items(), key=lambda item: -item[1])
    named = ", ".join([f"{name} {time_text(seconds)}" for name, seconds in passes])
    return [f"compiled in {time_text(stats.compile_time)}: rewrites "
            f"{time_text(stats.optimizer_time)} ({named}), lowering "
            f"{time_text(stats.linker_time)}"]


def times_by(what, rows):
    """Add up the times of steps by the kind of their op, or by their op.

    Parameters
    ----------
    what : {"kind", "op"}
    rows : iterable of (step, seconds, runs, bytes)

    Returns
    -------
    dict of str to (seconds, runs, bytes)
    """
    total = {}
    for step, *figures in rows:
        name = _kind(step) if what == "kind" else step.label or "copy"
        total[name] = tuple(map(sum, zip(total.get(name, (0, 0, 0)), figures)))
    return total


def _kind(step):
    if len(step.nodes) > 1:
        return "fused group"
    op = getattr(step.node, "op", None)
    return op.kind if op is not None and step.label == op.name else "copy"


def _name(step):
    line = source_line(step.node)
    return f"{step.label or 'copy'}{line and '  # ' + line}"


def _table(rows, inside, what, most):
    """The rows of a table by time; what is left out is counted."""
    rows = sorted(rows, key=lambda row: -row[1][0])
    lines = [f"{'share':>6} {'per run':>9} {'runs':>7} {'bytes':>9} {'GB/s':>6}  {what}"]
    lines += [_row(name, *figures, inside) for name, figures in rows[:most]]
    if len(rows) > most:
        lines.append(f"       and {len(rows) - most} more")
    return lines


def _row(name, seconds, runs, nbytes, inside):
    rate = nbytes / seconds / 1e9 if seconds else 0.0
    return (f"{seconds / inside if inside else 0:6.1%} {time_text(seconds / runs):>9} {runs:7} "
            f"{_bytes(nbytes / runs):>9} {rate:6.1f}  {name}")


def memory_lines(measured):
    """Return the lines that say what memory the calls of a function needed.

    Parameters
    ----------
    measured : Measured
    """
    memory = measured.watcher.memory.values()
    arena, results = [sum(column) for column in zip(*memory)] if memory else (0, 0)
    lines = [f"memory of {measured.name or 'a compiled function'}: {_bytes(arena)} for what a "
             f"call needs in between, at most; {_bytes(results)} are written in all"]
    rows = sorted(measured.watcher.steps.items(), key=lambda row: -row[1][3] / row[1][1])
    for (segment, number), (_, runs, _, written) in rows:
        step = measured.program.segments[segment].steps[number]
        lines.append(f"  {_bytes(written / runs):>9} per run  {_name(step)}")
    return lines


def source_line(node):
    """Return the user's line that a node stands for, with its place; "" where it has none."""
    loc = getattr(node, "loc", None)
    if not loc:
        return ""
    return f"{loc[0].rpartition('/')[2]}:{loc[1]} {linecache.getline(*loc).strip()}".rstrip()


def time_text(seconds):
    """Return a time with three digits and its unit."""
    for unit, scale in (("s", 1), ("ms", 1e3), ("us", 1e6)):
        if seconds * scale >= 1:
            return f"{seconds * scale:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def _bytes(n):
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n >= scale:
            return f"{n / scale:.3g} {unit}"
    return f"{n:.0f} B"
