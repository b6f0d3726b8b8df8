"""Write the table of settings in docs/flags.md from ``cytensor.config``.

    python tools/flags.py
"""
from pathlib import Path

from cytensor import config

PAGE = Path(__file__).resolve().parent.parent / "docs" / "flags.md"
HEAD = "| setting | environment variable | default | what it is for |"


def rows():
    """Yield one line of the table for each setting."""
    for name, (default, _, purpose) in config.FLAGS.items():
        shown = f"`{default}`" if default != "" else "empty"
        purpose = purpose[0].upper() + purpose[1:]
        yield f"| `{name}` | `CYTENSOR_{name.upper()}` | {shown} | {purpose} |"


def page(text):
    """Return the text of the page with a table that is up to date."""
    before = text[:text.index(HEAD)]
    return before + "\n".join([HEAD, "|---|---|---|---|", *rows()]) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
