"""What a profiled function spent its time on, as a table."""
import linecache


def profile_lines(profile, program, name=None):
    """Return the lines of the table: steps by time, with the user's lines.

    Parameters
    ----------
    profile : Profile
    program : Program
    name : str, optional
        Of the function.
    """
    calls = max(profile.calls, 1)
    inside = sum([seconds for seconds, _, _ in profile.steps.values()])
    head = [f"{name or 'a compiled function'}: {profile.calls} calls, "
            f"{_time(profile.total / calls)} each, of which {_time(inside / calls)} in its steps"]
    if not profile.steps:
        return head
    rows = [_row(place, entry, inside, program) for place, entry in profile.steps.items()]
    rows.sort(key=lambda row: -row[0])
    return [*head, f"{'share':>6} {'per run':>9} {'runs':>7} {'bytes':>9} {'GB/s':>6}  step",
            *[text for _, text in rows]]


def _row(place, entry, inside, program):
    seconds, runs, nbytes = entry
    segment, number = place
    step = program.segments[segment].steps[number]
    rate = nbytes / seconds / 1e9 if seconds else 0.0
    text = (f"{seconds / inside if inside else 0:6.1%} {_time(seconds / runs):>9} {runs:7} "
            f"{_bytes(nbytes / runs):>9} {rate:6.1f}  {step.label or 'copy'}{_line(step.node)}")
    return seconds, text


def _line(node):
    loc = getattr(node, "loc", None)
    if not loc:
        return ""
    source = linecache.getline(*loc).strip()
    return f"  # {loc[0].rpartition('/')[2]}:{loc[1]} {source}".rstrip()


def _time(seconds):
    for unit, scale in (("s", 1), ("ms", 1e3), ("us", 1e6)):
        if seconds * scale >= 1:
            return f"{seconds * scale:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def _bytes(n):
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n >= scale:
            return f"{n / scale:.3g} {unit}"
    return f"{n:.0f} B"
