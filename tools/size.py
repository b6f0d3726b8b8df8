"""How large the code is: lines, tokens per line, and the lengths of functions.

    python tools/size.py

The figures show a drift before a reader feels it. The limits are those of CONTRIBUTING.md; what
breaks one is listed, and the exit code is 1.
"""
import ast
import re
import statistics
import sys
import tokenize
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent / "cytensor"
FILE_LINES = 600
FUNCTION_LINES = 60
LINE_LENGTH = 100
SUFFIXES = (".py", ".pyx", ".pxd", ".c", ".h")

CYTHON_DEF = re.compile(r"^( *)(?:def|cdef(?! class)|cpdef)\b.*\(.*")


def sources():
    """The package's own files; generated C is not among them."""
    files = [path for suffix in SUFFIXES for path in ROOT.rglob(f"*{suffix}")]
    return sorted(path for path in files if "_generated" not in path.name
                  and not (path.suffix == ".c" and path.with_suffix(".pyx").exists()))


def python_functions(text):
    """Yield (name, lines) of each function in Python code; docstrings do not count."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            first = node.body[0]
            docstring = first.end_lineno - first.lineno + 1 if ast.get_docstring(node) else 0
            yield node.name, node.end_lineno - node.lineno + 1 - docstring


def cython_functions(text):
    """Yield (first line, lines) of each function in Cython code, told by indentation."""
    lines = text.splitlines()
    for start, line in enumerate(lines):
        match = CYTHON_DEF.match(line)
        if match and not line.rstrip().endswith(")"):
            yield line.strip(), _body_length(lines, start, len(match.group(1)))


def _body_length(lines, start, indent):
    last = start
    for number in range(start + 1, len(lines)):
        line = lines[number]
        if line.strip():
            if len(line) - len(line.lstrip()) <= indent and not line.lstrip().startswith(")"):
                break
            last = number
    return last - start + 1


def count_tokens(path):
    """Count the tokens of a Python file that are neither comments nor layout."""
    layout = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT,
              tokenize.ENCODING, tokenize.ENDMARKER}
    with path.open("rb") as file:
        return sum(token.type not in layout for token in tokenize.tokenize(file.readline))


def measure(path):
    """Return the number of lines, the functions with their lengths, and complaints."""
    text = path.read_text()
    lines = text.splitlines()
    finders = {".py": python_functions, ".pyx": cython_functions}
    functions = list(finders.get(path.suffix, lambda text: ())(text))
    name = path.relative_to(ROOT.parent)
    complaints = [f"{name}: {len(lines)} lines"] if len(lines) > FILE_LINES else []
    complaints += [f"{name}: {function} has {length} lines" for function, length in functions
                   if length > FUNCTION_LINES]
    complaints += [f"{name}:{number}: {len(line)} columns" for number, line in enumerate(lines, 1)
                   if len(line) > LINE_LENGTH]
    return len(lines), functions, complaints


def quantile(values, part):
    """The value below which a part of the values lies."""
    return sorted(values)[min(int(len(values) * part), len(values) - 1)]


def report():
    """Print the figures by kind of file, and return the complaints."""
    complaints = []
    print(f"{'':8}{'files':>6}{'lines':>8}{'median':>8}{'p90':>6}{'max':>6}"
          f"   functions: median, p90, max")
    measured = {path: measure(path) for path in sources()}
    for suffix in SUFFIXES:
        found = [values for path, values in measured.items() if path.suffix == suffix]
        lengths = [length for _, functions, _ in found for _, length in functions]
        complaints += [complaint for *_, new in found for complaint in new]
        if found:
            print(_line(suffix, [lines for lines, *_ in found], lengths))
    python = [path for path in measured if path.suffix == ".py"]
    code = sum(bool(line.strip()) for path in python for line in path.read_text().splitlines())
    print(f"tokens per line of Python: {sum(map(count_tokens, python)) / code:.1f}")
    return complaints


def _line(suffix, files, functions):
    text = (f"{suffix:8}{len(files):6}{sum(files):8}{statistics.median(files):8.0f}"
            f"{quantile(files, 0.9):6}{max(files):6}")
    if functions:
        text += (f"   {statistics.median(functions):17.0f}{quantile(functions, 0.9):5}"
                 f"{max(functions):5}")
    return text


if __name__ == "__main__":
    found = report()
    print("\n".join(found))
    sys.exit(bool(found))
