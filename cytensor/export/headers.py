"""The package's C headers in pieces, so that an export has in it only what it uses."""
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import cytensor.cpu
from cytensor.export.lines import identifiers

FOLDER = Path(cytensor.cpu.__file__).parent
#: In the order in which they need each other.
FILES = ("ctmath_base.h", "ctmath_poly.h", "ctmath_f32.h", "ctmath_f64.h", "ctmath_big.h",
         "ctmath_int.h", "ctmath_complex.h", "ctmath.h", "ctcomplex.h", "tile.h", "export.h")
_GUARD = re.compile(r"\A(/\*.*?\*/)?\s*#ifndef \w+\n#define \w+\n(.*)\n#endif\s*\Z", re.DOTALL)
_MACRO = re.compile(r"#define (\w+)(?:\(([^)]*)\))?(.*)", re.DOTALL)
_FUNCTION = re.compile(r"(?:CT_INLINE|CT_RARE|static)\s[\w\s*]*?\b(\w+)\(")
_FAMILY = re.compile(r"#define ct_(\w+)\((?:\w|, )+\)\s+(CT_\w+)\(\w, (\w+)")


class Piece(NamedTuple):
    """A function, a macro, or what belongs together, of a header."""

    text: str
    names: frozenset            # what it defines
    uses: frozenset


@cache
def families():
    """Return (macro that chooses by type, stem) of the generic functions ``ct_<name>``.

    Examples
    --------
    >>> families()["asin"]
    ('CT_LIBM', 'asin')
    """
    text = (FOLDER / "ctmath.h").read_text()
    return {name: (kind, stem) for name, kind, stem in _FAMILY.findall(text)}


@cache
def pieces():
    """Return the pieces of all headers, in order."""
    macros, found = {}, []
    for name in FILES:
        for part in _split(_text_of(name)):
            bare = _without_comments(part)
            macro = _MACRO.match(bare)
            if macro:
                macros[macro.group(1)] = (macro.group(2), macro.group(3))
            if bare:
                found.append(_piece(part, bare, macro, macros))
    return found


def body_of(name):
    """Return what a header has between its includes and its end."""
    lines = _text_of(name).strip().split("\n")
    return "\n".join([line for line in lines if not line.startswith("#include")]).lstrip() + "\n"


def _text_of(name):
    """A header without its guard."""
    return _GUARD.match((FOLDER / name).read_text()).group(2)


def closure(names):
    """Return the text of all pieces that some names need, and those that these need."""
    by_name = {}
    for i, piece in enumerate(pieces()):
        for name in piece.names:
            by_name.setdefault(name, []).append(i)
    wanted, waiting = set(), list(names)
    seen = set(waiting)
    while waiting:
        for i in by_name.get(waiting.pop(), ()):
            if i not in wanted:
                wanted.add(i)
                new = pieces()[i].uses - seen
                seen |= new
                waiting += new
    return "\n\n".join([pieces()[i].text for i in sorted(wanted)])


# ----- cutting -----

def _split(text):
    """Cut a header into comments with what follows them."""
    parts, rows = [], []
    for line in text.split("\n"):
        if not rows and (not line.strip() or line.startswith("#include")):
            continue
        rows.append(line)
        whole = "\n".join(rows)
        if _is_complete(whole):
            parts.append(whole)
            rows = []
    return parts


def _without_comments(text):
    return re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL).strip()


def _is_complete(text):
    """Whether all of a piece is there; the titles of sections are pieces without content."""
    bare = _without_comments(text)
    if not bare or "/*" in bare or bare.endswith("\\"):
        return bare == "" and text.startswith("/* -----") and text.endswith("*/")
    first = bare.split("\n")[0]
    if first.startswith("#if"):
        return len(re.findall(r"^#if", bare, re.M)) == len(re.findall(r"^#endif", bare, re.M))
    if first.startswith("#"):
        return True
    if bare.count("{") != bare.count("}") or bare.count("(") != bare.count(")"):
        return False
    return bare[-1] in ";}" or re.match(r"\w+\(", bare) is not None


def _piece(part, bare, macro, macros):
    whole = _expanded(bare, macros)
    if macro:
        return Piece(part, frozenset([macro.group(1)]), frozenset(identifiers(whole)))
    names = {*_FUNCTION.findall(whole), *re.findall(r"#define (\w+)", bare),
             *re.findall(r"} (\w+);|typedef [^{;]* (\w+);|static const \w+ (\w+)\[", bare)}
    names = {name for item in names for name in ([item] if isinstance(item, str) else item)}
    return Piece(part, frozenset(names - {""}), frozenset(identifiers(whole)))


def _expanded(text, macros):
    """The text with what the calls of macros in it stand for, behind each other."""
    done, waiting = [text], [text]
    while waiting:
        here = waiting.pop()
        for call in re.finditer(r"\b(\w+)\(", here):
            parameters, body = macros.get(call.group(1), (None, ""))
            if parameters and "##" in body or _calls_pasting(body, macros):
                made = _called(parameters or "", body, _arguments(here, call.end()))
                done.append(made)
                waiting.append(made)
    return "\n".join(done)


def _calls_pasting(body, macros):
    return any([name in macros and "##" in macros[name][1] for name in identifiers(body)])


def _arguments(text, start):
    """The arguments of a call, whose parenthesis is before ``start``."""
    depth, arguments, at = 1, [], start
    for i in range(start, len(text)):
        c = text[i]
        depth += (c in "([") - (c in ")]")
        if (c == "," and depth == 1) or depth == 0:
            arguments.append(text[at:i].strip())
            at = i + 1
        if depth == 0:
            break
    return arguments


def _called(parameters, body, arguments):
    names = [name.strip() for name in parameters.split(",")]
    values = dict(zip(names, arguments))
    body = body.replace("\\\n", "\n")
    body = re.sub(r"[A-Za-z_]\w*", lambda m: values.get(m.group(0), m.group(0)), body)
    return re.sub(r"\s*##\s*", "", body)
