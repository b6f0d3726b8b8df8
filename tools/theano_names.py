"""Write the tables of docs/theano.md: Theano's names, and the flags that change nothing.

    python tools/theano_names.py
"""
from collections import defaultdict
from pathlib import Path

from cytensor.compat.tables import load
from cytensor.compat.theano import flags

PAGE = Path(__file__).resolve().parent.parent / "docs" / "theano.md"
START, END = "<!-- {} -->", "<!-- end of {} -->"


def module_rows():
    """Yield one line for each module of Theano's: how many names it has, and where they lead."""
    yield "| module | names | which are those of |"
    yield "|---|---|---|"
    for module, table in sorted(load("theano").items()):
        counts = defaultdict(int)
        for target, _ in table.entries.values():
            counts[target] += 1
        targets = sorted(counts, key=lambda target: -counts[target])
        shown = ", ".join([f"`{target}`" for target in targets[:3]])
        rest = f" and {len(targets) - 3} more" if len(targets) > 3 else ""
        yield f"| `{module}` | {len(table.entries)} | {shown}{rest} |"


def renamed_rows():
    """Yield one line for each name that is another one in cytensor's own API."""
    yield "| Theano | cytensor |"
    yield "|---|---|"
    found = {}
    for module, table in sorted(load("theano").items()):
        for name, (target, ours) in table.entries.items():
            public = target in ("cytensor", "cytensor.tensor", "cytensor.tensor.nnet")
            if public and name != ours and not name.endswith(("_inplace", "_")):
                found.setdefault((name, ours), (module, target))
    for (name, ours), (module, target) in sorted(found.items()):
        yield f"| `{module}.{name}` | `{target}.{ours}` |"


def idle_flags():
    """Yield the flags that are accepted and change nothing, in one paragraph."""
    names = [name for name in flags.names() if name not in flags.SETTINGS]
    yield ", ".join([f"`{name}`" for name in names])


SECTIONS = {"modules": module_rows, "renamed": renamed_rows, "flags": idle_flags}


def page(text):
    """Return the text of the page with tables that are up to date."""
    for name, rows in SECTIONS.items():
        start, end = START.format(name), END.format(name)
        before, _, rest = text.partition(start)
        _, _, after = rest.partition(end)
        text = before + "\n".join([start, *rows(), end]) + after
    return text


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
