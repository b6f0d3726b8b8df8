"""The text of a C function while it is written: indented, without definitions that nobody reads."""
import re
from collections import Counter

_SCOPE, _COMMENT = "{", "/*"          # in the place of the name that a line defines
IDENTIFIER = re.compile(r"[A-Za-z_]\w*")


class Lines:
    """Lines of C, from top to bottom."""

    def __init__(self):
        self._rows = []             # (depth, text, name that it defines or None)
        self.depth = 0

    def add(self, *texts):
        """Add lines as they are."""
        self._rows += [(self.depth, text, None) for text in texts]

    def comment(self, *texts):
        """Add lines that name nothing."""
        self._rows += [(self.depth, text, _COMMENT) for text in texts]

    def define(self, name, text):
        """Add a line that is only needed if a later one has ``name`` in it."""
        self._rows.append((self.depth, text, name))
        return name

    def open(self, text=""):
        """Begin a block."""
        self.add(f"{text} {{".lstrip())
        self.depth += 1

    def open_scope(self):
        """Begin a block whose own names end with an underscore, and mean nothing outside."""
        self._rows.append((self.depth, "{", _SCOPE))
        self.depth += 1

    def close(self, text=""):
        """End a block."""
        self.depth -= 1
        self.add("}" + text)

    def extend(self, other):
        """Add the lines of another object, one level deeper by as much as this one is."""
        self._rows += [(self.depth + depth, text, name) for depth, text, name in other._rows]

    def needed(self, names=()):
        """Return the lines that are needed, given names that what follows has in it."""
        wanted, kept = set(names), []
        for depth, text, name in reversed(self._rows):
            if name == _COMMENT:
                kept.append("    " * depth + text if text else "")
                continue
            if name == _SCOPE:
                wanted = {name for name in wanted if not name.endswith("_")}
            elif name is not None and name not in wanted:
                continue
            wanted.update(IDENTIFIER.findall(text))
            wanted.discard(name)
            kept.append("    " * depth + text if text else "")
        return kept[::-1]

    def text(self, names=()):
        """Return the lines that are needed as one text."""
        return "\n".join(self.needed(names))


class Names:
    """Names that no other thing of a function has: ``n1``, ``n2``, ``t1``, .."""

    def __init__(self):
        self._used = Counter()

    def new(self, stem):
        """Return a name that was not given before."""
        self._used[stem] += 1
        return f"{stem}{self._used[stem]}"


def identifiers(text):
    """Return all names in a text, but for its comments."""
    return set(IDENTIFIER.findall(re.sub(r"/\*.*?\*/", " ", text, flags=re.DOTALL)))
