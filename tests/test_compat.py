"""Theano's names: how they are installed, the tables, the flags, and running scripts."""
import importlib
import os
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from new_process import PLACE, run

import cytensor
import cytensor.compat
from cytensor.compat.tables import load
from cytensor.compat.theano import flags

TABLES = load("theano")


# ----- installing -----

def test_nothing_is_installed_unasked():
    run("import cytensor.compat, sys\n"
        "assert not any(name.startswith('theano') for name in sys.modules)\n"
        "try:\n"
        "    import theano\n"
        "except ImportError:\n"
        "    pass\n"
        "else:\n"
        "    raise SystemExit('theano was found')\n")


def test_uninstall_puts_everything_back():
    run("import cytensor as ct, cytensor.tensor as T, cytensor.compat, sys\n"
        "before = {name: getattr(ct.config, name) for name in ct.config.FLAGS}\n"
        "texts = str(T.vector('x') + 1), (T.bvector() + 200 if 0 else T.fvector() + 0.1).dtype\n"
        "cytensor.compat.install('theano')\n"
        "cytensor.compat.install('theano')\n"
        "import theano, theano.tensor.nnet\n"
        "theano.config.floatX = 'float32'\n"
        "cytensor.compat.uninstall('theano')\n"
        "assert not any(name.split('.')[0] == 'theano' for name in sys.modules)\n"
        "assert before == {name: getattr(ct.config, name) for name in ct.config.FLAGS}\n"
        "assert texts == (str(T.vector('x') + 1), (T.fvector() + 0.1).dtype)\n"
        "assert not hasattr(T.dscalar, 'numpy_dtype') and T.zeros(4).type != T.dvector\n"
        "cytensor.compat.uninstall('theano')\n")


def test_the_real_one_may_not_be_imported_already():
    message = run("import sys, types, cytensor.compat\n"
                  "sys.modules['theano'] = types.ModuleType('theano')\n"
                  "try:\n"
                  "    cytensor.compat.install('theano')\n"
                  "except RuntimeError as error:\n"
                  "    print(error)\n")
    assert "real Theano is imported already" in message


def test_an_unknown_family():
    with pytest.raises(ValueError, match="knows theano"):
        cytensor.compat.install("tensorflow")


def test_unknown_names(theano):
    with pytest.raises(AttributeError, match=r"cytensor has no Theano name theano\.tensor\.xyz"):
        theano.tensor.xyz  # noqa: B018
    with pytest.raises(ImportError, match="xyz"):
        exec("from theano.tensor import xyz")
    with pytest.raises(ModuleNotFoundError, match=r"no Theano module theano\.xyz"):
        importlib.import_module("theano.xyz")
    assert not hasattr(theano, "xyz")


def test_all_names_of_a_module(theano):
    names = {}
    exec("from theano.tensor import *", names)
    assert names["tanh"] is theano.tensor.tanh
    assert {"tanh", "nnet"} <= set(dir(theano.tensor))


def test_a_function_is_not_hidden_by_its_module(theano):
    module = importlib.import_module("theano.compile.function")
    assert theano.compile.function is theano.function is module.function
    import theano.tensor.sort
    assert callable(theano.tensor.sort)


# ----- the tables -----

@pytest.mark.parametrize("module", sorted(TABLES))
def test_every_row_leads_somewhere(theano, module):
    table = TABLES[module]
    found = importlib.import_module(module)
    assert [name for name in table.entries if not hasattr(found, name)] == []


@pytest.mark.parametrize("name", ["theano.txt", "theano.tensor.basic.txt"])
def test_names_are_listed_once_per_line(name):
    path = Path(cytensor.compat.__file__).parent / "theano" / "tables" / name
    for line in path.read_text().splitlines():
        assert len(line) <= 100
        assert not line.endswith(",")


def test_the_page_has_the_tables_as_they_are():
    root = Path(__file__).resolve().parent.parent
    tool = runpy.run_path(str(root / "tools" / "theano_names.py"))
    text = (root / "docs" / "theano.md").read_text()
    assert tool["page"](text) == text, "run python tools/theano_names.py"


# ----- flags -----

def test_flags_that_are_settings(theano):
    with theano.change_flags(floatX="float32", on_unused_input="ignore"):
        assert cytensor.config.floatX == theano.config.floatX == "float32"
        assert theano.tensor.vector().dtype == "float32"
        assert cytensor.config.on_unused_input == "ignore"
    assert cytensor.config.floatX == "float64"
    theano.config.floatX = "float32"
    assert cytensor.config.floatX == "float32"
    theano.config.floatX = "float64"


@pytest.mark.parametrize("values, want", [
    ({"mode": "FAST_COMPILE"}, "fast_compile"), ({"mode": "FAST_RUN"}, "fast_run"),
    ({"optimizer": "fast_compile"}, "fast_compile"), ({"optimizer": "None"}, "none")])
def test_modes(theano, values, want):
    with theano.change_flags(values):
        assert cytensor.config.mode == want
    assert cytensor.config.mode == "fast_run"


def test_sections(theano):
    with theano.change_flags({"warn.round": True, "gcc.cxxflags": "-O3"}):
        assert theano.config.warn.round is True
        assert theano.config.gcc.cxxflags == "-O3"
    assert theano.config.warn.round is False
    theano.config.blas.ldflags = "-lopenblas"
    assert theano.config.blas.ldflags == "-lopenblas"


@pytest.mark.parametrize("name, value, error", [
    ("floatX", "float8", ValueError), ("profile", "perhaps", ValueError),
    ("openmp_elemwise_minsize", "many", ValueError)])
def test_impossible_values(theano, name, value, error):
    with pytest.raises(error, match=name):
        setattr(theano.config, name, value)


def test_unknown_flags(theano):
    with pytest.raises(AttributeError, match="no Theano flag xyz"):
        theano.config.xyz  # noqa: B018
    with pytest.raises(AttributeError, match="no Theano flag xyz"):
        theano.change_flags(xyz=1)


def test_change_flags_decorates(theano):
    @theano.change_flags(floatX="float32")
    def dtype():
        return theano.tensor.scalar().dtype

    assert dtype() == dtype() == "float32"
    assert theano.tensor.scalar().dtype == "float64"


def test_new_flags(theano):
    configparser = theano.configparser
    configparser.AddConfigVar("ours.size", "how many", configparser.IntParam(3, lambda n: n > 0))
    assert theano.config.ours.size == 3
    theano.config.ours.size = "4"
    assert theano.config.ours.size == 4
    with pytest.raises(ValueError, match=r"ours\.size"):
        theano.config.ours.size = 0
    with pytest.raises(AttributeError, match="exists already"):
        configparser.AddConfigVar("ours.size", "again", configparser.IntParam(3))


def test_flags_given_ahead(theano):
    from theano.configparser import THEANO_FLAGS_DICT, AddConfigVar, ConfigParam

    def refuse(value):
        if value == "bad":
            raise ValueError(value)
        return value
    with pytest.raises(ValueError):
        AddConfigVar("ours.a", "a text", ConfigParam("bad", refuse))
    THEANO_FLAGS_DICT["ours.b"] = "good"
    AddConfigVar("ours.b", "a text", ConfigParam("bad", refuse))
    assert theano.config.ours.b == "good" and "ours.b" not in THEANO_FLAGS_DICT


def in_folder(folder, program, *arguments, **environment):
    """Run a program in a process and a folder of its own; return what it prints."""
    path = Path(folder) / "program.py"
    path.write_text(program)
    return subprocess.run(
        [sys.executable, "-m", "cytensor.compat", *arguments], cwd=folder, text=True,
        capture_output=True, check=False, timeout=120,
        env={**os.environ, "HOME": str(folder), "PYTHONPATH": str(PLACE), **environment})


def test_flags_of_the_environment_and_of_files(tmp_path):
    (tmp_path / ".theanorc").write_text("[global]\nfloatX = float32\ndevice = gpu\n"
                                        "[warn]\nround = True\n[blas]\nldflags = -lmkl\n")
    done = in_folder(tmp_path, "import theano\nc = theano.config\n"
                     "print(c.floatX, c.device, c.warn.round, c.blas.ldflags, c.mode)",
                     "program.py", THEANO_FLAGS="floatX=float16,mode=FAST_COMPILE,dnn.enabled=True")
    assert done.stdout.split() == ["float16", "cpu", "True", "-lmkl", "FAST_COMPILE"], done.stderr


def test_settings_stay_as_they_are(tmp_path):
    done = in_folder(tmp_path, "import cytensor, theano\n"
                     "print(theano.config.floatX, cytensor.config.mode, theano.config.cast_policy)",
                     "program.py", CYTENSOR_FLOATX="float32", CYTENSOR_MODE="fast_compile")
    assert done.stdout.split() == ["float32", "fast_compile", "custom"], done.stderr


def test_every_flag_has_a_default():
    for name in flags.names():
        assert flags._get(name) is not None, name


# ----- casting -----

@pytest.mark.parametrize("policy, want", [
    ("custom", ("int8", "int16", "float32", "float64", "int8")),
    ("numpy+floatX", ("int64", "int64", "float64", "float64", "int64")),
    ("weak", ("int8", None, "float64", "float64", "int64"))])
def test_casting_policies(theano, policy, want):
    T = theano.tensor
    b = T.bvector()
    made = [lambda: b + 1, lambda: b + 200, lambda: b + 1.5, lambda: b + 0.1, lambda: T.constant(1)]
    with theano.change_flags(cast_policy=policy):
        for make, dtype in zip(made, want):
            if dtype is None:
                with pytest.raises(OverflowError):
                    make()
            else:
                assert make().dtype == dtype


@pytest.mark.parametrize("floatX, want", [("float64", "float64"), ("float32", "float32")])
def test_floats_take_what_holds_them(theano, floatX, want):
    with theano.change_flags(floatX=floatX):
        assert (theano.tensor.fvector() * 0.1).dtype == want
        assert (theano.tensor.fvector() * 0.5).dtype == "float32"
        assert (theano.tensor.bvector() / 2).dtype == floatX


def test_numbers_inside_the_package_are_weak(theano):
    T = theano.tensor
    x = T.fvector("x")
    y = T.log2(x) + T.nnet.softplus(x) + T.erf(x)       # their gradients have numbers in them
    g = T.grad(y.sum(), x)
    assert g.dtype == "float32"
    theano.function([x], g)(np.ones(2, "float32"))


def test_autocast_float_as(theano):
    from theano.scalar import autocast_float_as
    with autocast_float_as("float32"):
        assert (theano.tensor.fvector() + 1.1).dtype == "float32"
    assert (theano.tensor.fvector() + 1.1).dtype == "float64"


# ----- scripts -----

def test_a_script_runs_as_it_is(tmp_path):
    done = in_folder(tmp_path, "import sys, theano\nprint(__name__, sys.argv[1:], sys.path[0])\n"
                     "sys.exit(3)", "program.py", "one", "--two")
    assert done.stdout.split(" ", 1) == ["__main__", f"['one', '--two'] {tmp_path}\n"]
    assert done.returncode == 3


def test_a_module_runs_as_it_is(tmp_path):
    done = in_folder(tmp_path, "import sys, theano\nprint(__name__, sys.argv[1:])",
                     "-m", "program", "one")
    assert done.stdout == "__main__ ['one']\n", done.stderr


def test_tracebacks_begin_in_the_script(tmp_path):
    done = in_folder(tmp_path, "import theano\ndef f():\n    return 1 / 0\nf()\n", "program.py")
    lines = done.stderr.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[1] == '  File "program.py", line 4, in <module>'
    assert done.returncode == 1


def test_what_a_script_pickles_can_be_read_back(tmp_path):
    program = ("import pickle, theano\n"
               "class Model:\n"
               "    def __init__(self):\n"
               "        self.w = theano.shared(1.0, 'w')\n"
               "        self.y = self.w * 2\n"
               "m = pickle.loads(pickle.dumps(Model()))\n"
               "print(theano.function([], m.y)())")
    assert in_folder(tmp_path, program, "program.py").stdout == "2.0\n"


def test_usage(tmp_path):
    assert "usage:" in in_folder(tmp_path, "").stderr


# ----- the examples -----

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


def test_the_basics(tmp_path):
    done = in_folder(tmp_path, "", str(EXAMPLES / "theano_basics.py"))
    lines = done.stdout.splitlines()
    assert lines[0] == "twice a matrix: [[2.0, 4.0], [6.0, 8.0]]"
    assert lines[1].endswith("[10.0, 20.0]") and lines[2].endswith("45.0")
    assert lines[5].split() == ["0.0000", "55.0000"] and lines[7].split() == ["2.2500", "12.8125"]


def test_the_logistic_regression_of_the_notes(tmp_path):
    done = in_folder(tmp_path, "", str(EXAMPLES / "theano_logistic.py"), "2")
    assert done.returncode == 0, done.stderr
    errors = [float(line.split()[-1].rstrip("%")) for line in done.stdout.splitlines()
              if line.startswith("epoch")]
    assert errors[-1] < errors[0] < 25
    assert (tmp_path / "best_model.pkl").stat().st_size < 1e6
    predicted, right = done.stdout.splitlines()[-2:]
    assert sum(a == b for a, b in zip(predicted.split()[1:], right.split()[1:])) >= 7
