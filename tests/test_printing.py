"""Printing: graphs of any depth, shared nodes once, and the notation in which they were written."""
import io
import re

import pytest

import cytensor as ct
import cytensor.tensor as T
from cytensor.printing import debugprint, pp, pprint


def tree(obj, **options):
    """The lines that debugprint draws."""
    return debugprint(obj, file="str", **options).splitlines()


def test_pprint_is_infix():
    x, y = T.dvectors("x", "y")
    A, B = T.dmatrices("A", "B")
    n = T.lscalar("n")
    i = T.lscalar("i")
    printed = {
        pprint(x + y): "(x + y)",
        pprint(T.exp(x + y)): "exp((x + y))",
        pprint(n + 1): "(n + TensorConstant{1})",
        pprint(-x * y / 2): "(((-x) * y) / TensorConstant{2.0})",
        pprint(x ** 2 - y): "((x ** TensorConstant{2.0}) - y)",
        pprint(T.dot(A, B.T)): "(A @ B.T)",
        pprint(x > y): "(x > y)",
        pprint(T.eq(n, 0)): "(n == TensorConstant{0})",
        pprint(A[1:, 0]): "A[1:, 0]",
        pprint(x[i:(i + 1)]): "x[i:(i + TensorConstant{1})]",
        pprint(x[::-1]): "x[::-1]",
        pprint(x.shape[0]): "x.shape[0]",
        pprint(A.dimshuffle(1, "x", 0)): "A.dimshuffle(1, 'x', 0)",
        pprint(T.set_subtensor(x[:2], y)): "set_subtensor(x[:2], y)",
        pprint(x.astype("float32")): "cast(float32)(x)",
        pprint(A): "A",
        pprint(T.matrix()): "<TensorType(float64, matrix)>",
    }
    assert {text: want for text, want in printed.items() if text != want} == {}


def test_pp_is_pprint():
    assert pp is pprint


def test_pprint_takes_a_variable_only():
    with pytest.raises(TypeError, match="prints a variable, not list"):
        pprint([T.scalar()])


def test_pprint_gives_letters_to_long_values_that_are_used_twice():
    xs = T.dscalars(*[f"input_number_{i}" for i in range(12)])
    total = xs[0]
    for x in xs[1:]:
        total = total + x
    text = pprint(total * total)
    assert text.startswith("(A * A) where A = (((")
    assert text.count("input_number_3") == 1


def test_pprint_of_a_graph_with_exponentially_many_paths_is_short():
    x = T.dscalar("x")
    for _ in range(200):
        x = x + x
    assert len(pprint(x)) < 50_000


def test_pprint_stops_at_a_depth():
    x = T.dscalar("x")
    assert pprint(T.exp(T.sin(x) + x), depth=2) == "exp((... + x))"


def test_printing_is_iterative():
    x = y = T.dvector("x")
    for _ in range(30_000):
        y = T.sin(y)
    assert pprint(y).count("sin(") == 30_000
    lines = tree(y)
    assert len(lines) == 30_001
    assert max(map(len, lines)) < 200
    assert lines[-1].endswith("|x [id " + re.search(r"\[id (\w+)]$", lines[-1])[1] + "]")
    assert x.owner is None


def test_debugprint_draws_a_tree():
    x, y = T.dscalars("x", "y")
    assert tree(T.exp(x + y) * y) == [
        "mul [id A]",
        " |exp [id B]",
        " | |add [id C]",
        " |   |x [id D]",
        " |   |y [id E]",
        " |y [id E]",
    ]


def test_debugprint_draws_a_shared_node_once():
    x = T.dscalar("x")
    s = T.sin(x)
    assert tree([s + s, s]) == [
        "add [id A]",
        " |sin [id B]",
        " | |x [id C]",
        " |sin [id B]",
        "   |...",
        "sin [id B]",
        " |...",
    ]


def test_debugprint_goes_on_from_what_was_done():
    x = T.dscalar("x")
    s, done = T.sin(x), {}
    tree(s, done=done)
    assert tree(T.cos(s), done=done)[1:] == [" |sin [id A]", "   |..."]


@pytest.mark.parametrize("ids, first", [
    ("CHAR", "sin [id A]"), ("int", "sin [id 0]"), ("", "sin"),
])
def test_debugprint_labels(ids, first):
    assert tree(T.sin(T.dscalar()), ids=ids)[0] == first


def test_debugprint_labels_by_identity():
    y = T.sin(T.dscalar())
    assert tree(y, ids="id")[0] == f"sin [id {id(y.owner)}]"


def test_debugprint_refuses_what_it_does_not_know():
    with pytest.raises(ValueError, match="ids is"):
        tree(T.scalar(), ids="letters")
    with pytest.raises(ValueError, match="file is"):
        debugprint(T.scalar(), file="out.txt")
    with pytest.raises(TypeError, match="not int"):
        tree(3)


def test_debugprint_stops_at_a_depth_and_at_names():
    x = T.dscalar("x")
    y = T.sin(x)
    y.name = "y"
    assert tree(T.exp(y), stop_on_name=True) == ["exp [id A]", " |sin 'y' [id B]"]
    assert tree(T.exp(y), depth=1) == ["exp [id A]"]


def test_debugprint_shows_types_and_parameters():
    x = T.fmatrix("x")
    top = tree(x.sum(axis=0), print_type=True)[0]
    assert top.startswith("sum{axis=(0,), ")
    assert top.endswith("<TensorType(float32, vector)>")


def test_debugprint_writes_to_a_file_or_to_standard_output(capsys):
    x, file = T.dscalar("x"), io.StringIO()
    assert debugprint(x, file=file) is file
    assert file.getvalue() == "x [id A]\n"
    assert debugprint(x.owner or x) is None
    assert capsys.readouterr().out == "x [id A]\n"


def test_debugprint_shows_the_graph_and_the_steps_of_a_function():
    x, y = T.dvectors("x", "y")
    total = ct.shared(0.0, name="total")
    f = ct.function([x, y], T.exp(x) + y, updates={total: total + T.sum(x)})
    lines = tree(f)
    graph, steps = lines[:lines.index("steps:")], lines[lines.index("steps:") + 1:]
    assert graph[0] == "add [id A]"
    assert any(re.match(r"  output 0 <- .*exp.*\(input 0, input 1\) +# test_printing.py:\d+$", line)
               for line in steps)
    assert any(re.match(r"  cell 2 <- .*\(.*cell 2.*\)", line) for line in steps)
    assert steps == tree(f.program)[1:]


def test_debugprint_takes_the_apply_of_a_variable():
    y = T.sin(T.dscalar("x"))
    assert tree(y.owner) == tree(y)
