"""The architecture: which part of the package may import which.

Data flows one way, and so do imports: a part knows what lies below it. Imports inside functions
and ``cimport`` lines count as well.
"""
import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent / "cytensor"

BASE = {"_types", "_lines", "_core", "config"}
RUNTIME = {"_program", "_plan", "_places", "_planner", "_loops", "_loopcode", "_loopready",
           "_loopplan", "_loopblocks", "_loopform", "_python", "_cells", "_arrays", "_watch",
           "_interpreter"}
MIDDLE = {*BASE, *RUNTIME, "ops", "autodiff", "rewrites", "lowering", "printing", "failures",
          "cache"}
ENGINE = {*MIDDLE, "cpu", "gpu", "engine"}
PUBLIC = {*ENGINE, "shared", "inputs", "function", "tensor", "loops", "random"}
MAY_IMPORT = {
    "_types":       set(),
    "_lines":       set(),
    "_core":        {"_types", "_lines"},
    "config":       set(),
    "_program":     BASE,
    "_plan":        {*BASE, "_program", "failures"},
    "_python":      {*BASE, "_program"},
    "_places":      {*BASE, "_program", "_plan"},
    "_planner":     {*BASE, "_program", "_plan", "_places"},
    "_loops":       {*BASE, "_program", "_plan"},
    "_loopcode":    {*BASE, "_program", "_plan", "_loops"},
    "_loopready":   {*BASE, "_program", "_plan", "_loops"},
    "_loopplan":    {*BASE, "_program", "_plan", "_places", "_planner", "_loops", "_loopcode",
                     "_loopready", "failures"},
    "_loopblocks":  {*BASE, "_program", "_plan", "_places", "_planner", "_loops", "_loopplan"},
    "_loopform":    {*BASE, "_program", "_plan", "_loops", "_loopplan"},
    "_cells":       BASE,
    "_arrays":      {*BASE, "_program", "_plan"},
    "_watch":       {*BASE, "_program", "_plan"},
    "_interpreter": {*BASE, "_program", "_plan", "_planner", "_cells", "_arrays", "_watch"},
    "cache":        {"config"},
    "ops":          BASE,
    "autodiff":     {*BASE, "ops"},
    "rewrites":     {*BASE, "ops"},
    "lowering":     {*BASE, "_program", "_python", "_loops", "_loopblocks", "_loopform",
                     "_interpreter", "ops"},
    "printing":     {*BASE, "_program", "ops"},
    "failures":     {*BASE, "printing"},
    "cpu":          {*BASE, *RUNTIME, "ops", "lowering", "cache"},
    "gpu":          {*BASE, *RUNTIME, "ops", "lowering", "cache"},
    "engine":       {*MIDDLE, "cpu", "gpu"},
    "shared":       ENGINE,
    "inputs":       {*ENGINE, "shared"},
    "fgraph":       BASE,
    "profiles":     ENGINE,
    "test_values":  {*ENGINE, "shared"},
    "export":       ENGINE,
    "exports":      {"export"},
    "function":     {*ENGINE, "fgraph", "shared", "inputs", "profiles", "exports"},
    "graph":        {*ENGINE, "fgraph", "shared", "inputs", "function"},
    "threads":      {"cpu"},
    "tensor":       {*ENGINE, "shared", "inputs", "function"},
    "random":       {*ENGINE, "shared"},
    "sparse":       {*ENGINE, "shared"},
    "optimize":     {*ENGINE, "shared", "function", "tensor"},
    "loops":        {*ENGINE, "shared", "function", "profiles", "test_values"},
    "nn":           PUBLIC,
    "optim":        PUBLIC,
}
#: The public names, the command line, and other libraries' names: they see everything.
DOORS = {"__init__", "__main__", "compat"}

CYTHON_IMPORT = re.compile(r"^\s*(?:from\s+([\w.]+)\s+c?import\s+(.+)|c?import\s+(.+))", re.M)


def part_of(path):
    """The folder or the module of the package that a file belongs to."""
    return path.relative_to(ROOT).parts[0].split(".")[0]


def sources():
    """The package's own source files; generated C is not among them."""
    return sorted(path for pattern in ("*.py", "*.pyx", "*.pxd") for path in ROOT.rglob(pattern))


def imported(path, text):
    """Yield the parts of the package that a source file imports."""
    names = python_imports if path.suffix == ".py" else cython_imports
    package = ["cytensor", *path.relative_to(ROOT).parts[:-1]]
    for module, name in names(text, package):
        words = module.split(".")
        if words[0] == "cytensor":
            yield words[1] if len(words) > 1 else name


def python_imports(text, package):
    """Yield (module, name) of each import in a Python file; name is "" for a plain import."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[:len(package) - node.level + 1] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            yield from ((module, alias.name) for alias in node.names)


def cython_imports(text, package):
    """Yield (module, name) of each ``import`` and ``cimport`` line in a Cython file."""
    for module, names, modules in CYTHON_IMPORT.findall(text):
        dots = len(module) - len(module.lstrip("."))
        above = package[:len(package) - dots + 1] if dots else []
        module = ".".join([*above, module.lstrip(".")]).strip(".")
        for word in (names or modules).strip("( \\").split(","):
            name = word.split(" as ")[0].split("#")[0].strip()
            yield (module, name) if module else (name, "")


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_one_way(path):
    part = part_of(path)
    if part in DOORS:
        return
    assert part in MAY_IMPORT, f"say in MAY_IMPORT where {part!r} stands"
    wrong = set(imported(path, path.read_text())) - MAY_IMPORT[part] - {part}
    assert not wrong, f"{path.relative_to(ROOT)} may not import {sorted(wrong)}"


def test_the_table_has_no_circle():
    done = set()
    for _ in MAY_IMPORT:
        done |= {part for part, below in MAY_IMPORT.items() if below <= done | {part}}
    assert done == set(MAY_IMPORT)


@pytest.mark.parametrize("name, text, found", [
    ("ops/a.py", "import cytensor.engine", {"engine"}),
    ("ops/a.py", "from cytensor import cpu, config", {"cpu", "config"}),
    ("ops/a.py", "from cytensor.cpu.blas import gemm", {"cpu"}),
    ("ops/a.py", "from . import sizes\nfrom .. import gpu", {"ops", "gpu"}),
    ("ops/a.py", "def f():\n    from cytensor.function import function", {"function"}),
    ("ops/a.py", "import numpy as np\nfrom scipy import special", set()),
    ("_core.pyx", "cimport cython\nfrom cytensor._program cimport (Program,\n    a)", {"_program"}),
    ("cpu/a.pyx", "    cimport cytensor.gpu.kernels as k", {"gpu"}),
    ("cpu/a.pxd", "from cytensor cimport gpu, cpu", {"gpu", "cpu"}),
    ("cpu/a.pyx", "from ..gpu cimport a\nfrom .. cimport lowering", {"gpu", "lowering"}),
])
def test_every_way_to_import_is_seen(name, text, found):
    assert set(imported(ROOT / name, text)) == found
