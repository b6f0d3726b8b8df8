"""Programs as text: one line for each step, and the tiles of each fused group below it."""
import os

from cytensor._program import Home, Program, Segment, Step, Value, ValueKind


def program_lines(program: Program) -> list[str]:
    """Return the steps of a compiled program as lines of text.

    Each step shows what it writes, what it reads, and the user's line that it stands for.
    """
    lines = []
    for number, segment in enumerate(program.segments):
        if len(program.segments) > 1:
            lines.append(f"segment {number}:")
        for step in segment.steps:
            lines += _step_lines(program, segment, step)
    return lines


def _step_lines(program: Program, segment: Segment, step: Step) -> list[str]:
    outs, ins = [", ".join([_name(program, segment.values[i], i) for i in numbers])
                 for numbers in (step.outs, step.ins)]
    head = f"{outs} <- {step.label or 'view'}({ins})"
    lines = [f"  {head:70}{_place(step)}".rstrip()]
    if step.spec is not None:
        lines += [f"      {line}" for line in step.tile_lines()]
    return lines


def _name(program: Program, value: Value, number: int) -> str:
    """What a step calls the value: where it comes from, or where it goes."""
    if value.kind == ValueKind.ARRAY:
        return f"{program.arrays[value.index][0]} {value.index}"
    if value.kind == ValueKind.REGISTER:
        return f"size {value.index}"
    if value.home == Home.IN_OUTPUT:
        return f"output {value.index}"
    if value.home == Home.IN_CELL:
        return f"cell {value.index}"
    return f"v{number}"


def _place(step: Step) -> str:
    loc = getattr(step.node, "loc", None)
    return f"  # {os.path.basename(loc[0])}:{loc[1]}" if loc else ""
