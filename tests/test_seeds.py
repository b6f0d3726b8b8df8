"""The snippets of the notes on Theano that this project was asked to run, as they are printed.

Only Python 2's print statements and IPython's magic commands are adapted. The code of each note is
one session: cells share their names.
"""
import numpy as np
import pytest

pytestmark = pytest.mark.usefixtures("theano")


class Session:
    """A namespace in which cells run, one after another."""

    def __init__(self, code=""):
        self.names = {}
        self.run(code)

    def run(self, code):
        """Run a cell; return the value of its last line if that is an expression."""
        *lines, last = code.strip().splitlines() or [""]
        try:
            value = compile(last, "cell", "eval")
        except SyntaxError:
            exec(compile(code, "cell", "exec"), self.names)
            return None
        exec(compile("\n".join(lines), "cell", "exec"), self.names)
        return eval(value, self.names)


@pytest.fixture(scope="module")
def cells(theano):
    """The session of the Korean notes, cell after cell."""
    return Session("""
import numpy as np
import theano
import theano.tensor as T #벡터에서 차원 늘어나면 metrix. 거기서 차원 늘어나면 tensor라고 한다.
from theano import function
x = T.dscalar('x') #d는 double. float 타입
y = T.dscalar('y')
z = x + y
u = T.exp(z)
""")


# ----- Risky Dune: an introduction -----

def test_a_matrix_is_doubled():
    session = Session("""
import theano
import theano.tensor as T

A = T.matrix()
B = A*2

f = theano.function([A], B)
""")
    assert session.run("f([[1,2],[3,4]])").tolist() == [[2, 4], [6, 8]]


# ----- the basic memo -----

MEMO = """
import numpy
import theano
import theano.tensor as T
"""


def test_variables_are_symbols():
    session = Session(MEMO + """
x = T.lscalar("x")
m = T.dmatrix()
""")
    assert str(session.names["x"].type) == "TensorType(int64, scalar)"
    assert str(session.names["m"].type) == "TensorType(float64, matrix)"


def test_what_is_computed_from_symbols_is_a_symbol():
    session = Session(MEMO + """
x = T.lscalar("x")
y = x*2
z = T.exp(x)
""")
    assert session.names["z"].type.dtype == "float64"
    assert str(session.names["y"]) == "Elemwise{mul,no_inplace}.0"


@pytest.mark.parametrize("code", [
    "f = theano.function([x], x*2)",
    "y = x*2\nf = theano.function([x], y)"])
def test_a_function_is_called(code):
    session = Session(MEMO + 'x = T.lscalar("x")\n' + code)
    assert repr(session.run("f(3)")) == "array(6)"


def test_givens():
    session = Session(MEMO + """
x = T.dscalar()
y = T.dscalar()
c = T.dscalar()
ff = theano.function([c], x*2+y, givens=[(x, c*10), (y,5)])
""")
    assert session.run("ff(2)") == 45


def test_gradients():
    session = Session(MEMO + """
x, y = T.dscalars("x", "y") # ※まとめて宣言する書き方
z = (x+2*y)**2
gx = T.grad(z, x)
gy = T.grad(z, y)
fgy = theano.function([x,y], gy)
""")
    assert repr(session.run("fgy(1,2)")) == "array(20.)"


def test_shared_variables():
    session = Session(MEMO + """
x = T.dscalar("x")
b = theano.shared(numpy.array([1,2,3,4,5]))
f = theano.function([x], b * x)
""")
    assert session.run("f(2)").tolist() == [2, 4, 6, 8, 10]
    assert session.run("b.get_value()").tolist() == [1, 2, 3, 4, 5]
    session.run("b.set_value([10,11,12])")
    assert session.run("f(2)").tolist() == [20, 22, 24]


def test_updates_count():
    session = Session(MEMO + """
c = theano.shared(0)
f = theano.function([], c, updates= {c: c+1})
""")
    assert [int(session.run("f()")) for _ in range(3)] == [0, 1, 2]


def test_gradient_descent():
    session = Session(MEMO + """
x = T.dvector("x") # input
c = theano.shared(0.) # これを更新していく。初期値はとりあえず0.
y = T.sum((x-c)**2)  # y=最小化したい値
gc = T.grad(y, c) # y を c について偏微分
d2 = theano.function([x], y, updates={c: c - 0.05*gc}) # 実行する度に c を更新して、現時点のyを返す
""")
    for loss, value in [(55.0, 1.5), (21.25, 2.25), (12.8125, 2.625)]:
        assert session.run("d2([1,2,3,4,5])") == loss
        assert session.run("c.get_value()") == value


# ----- the Korean notes -----

def test_types_of_variables(cells):
    first, second = cells.run("type(x), type(y)")
    assert first is second is cells.run("type(z)") is cells.run("type(u)")
    assert first.__name__ == "TensorVariable"


@pytest.mark.parametrize("name, text", [
    ("x", "x"), ("y", "y"), ("z", "(x + y)"), ("u", "exp((x + y))")])
def test_pprint(cells, name, text):
    assert cells.run(f"theano.printing.pprint({name})") == text


@pytest.mark.parametrize("name", ["z", "u"])
def test_pictures(cells, name):
    svg = cells.run(f"theano.printing.pydotprint({name}, return_image=True, format='svg')")
    assert b"<svg" in (svg if isinstance(svg, bytes) else svg.encode())


def test_a_function_of_two_scalars(cells):
    cells.run("f = theano.function(inputs=[x, y], outputs=z)")
    assert repr(cells.run("f(2, 3)")) == "array(5.)"


def test_vectors_and_matrices(cells):
    cells.run("""
x2 = T.dvector('x2')
y2 = T.dvector('y2')
z2 = x2 + y2
f2 = function([x2, y2], z2)
x3 = T.dmatrix('x3')
y3= T.dmatrix('y3')
z3 = x3 + y3
f3 = function([x3, y3], z3)
""")
    assert cells.run("f2([1, 2], [3, 4])").tolist() == [4, 6]
    assert cells.run("f3([[1], [2]], [[3], [4]])").tolist() == [[4], [6]]


def test_logistic_functions(cells):
    cells.run("""
x2 = T.dvector('x2')
s = 1 / (1 + T.exp(-x))
logistic = function([x], s)
s2 = 1 / (1 + T.exp(-x2))
logistic2 = function([x2], s2)
""")
    np.testing.assert_allclose(cells.run("logistic(1)"), 0.7310585786300049, rtol=1e-15)
    np.testing.assert_allclose(cells.run("logistic2([0, 1])"), [0.5, 0.7310585786300049])


def test_a_default_argument():
    session = Session("""
import theano
import theano.tensor as T
from theano import In
x, y = T.dscalars('x', 'y')
z = x + y
f = theano.function([x, In(y, value=3)], z)
""")
    assert session.run("f(1)") == 4


def test_random_streams(cells):
    cells.run("""
from theano.tensor.shared_randomstreams import RandomStreams
srng = RandomStreams()
rv_u = srng.uniform((1,2))
rv_n = srng.normal((1,2))
f = function([], rv_u)
g = function([], rv_n, no_default_updates=True) #Not updating rv_n.rng
""")
    draws = cells.run("f(), f(), f(), f()")
    assert len({draw.tobytes() for draw in draws}) == 4
    assert all([draw.shape == (1, 2) and (draw >= 0).all() and (draw < 1).all()
                for draw in draws])
    assert len({draw.tobytes() for draw in cells.run("g(), g(), g(), g()")}) == 1


def test_givens_and_updates():
    session = Session("""
import theano
import theano.tensor as T
from theano import function
state = theano.shared(0) #0으로 한 것은 초기화
inc = T.iscalar('inc')
out = T.iscalar('out')
accumulator = function(inputs=[inc], outputs=out, givens={out: inc * 2}, \
updates={state: state + inc})
""")
    for inc, result, total in [(1, 2, 1), (2, 4, 3), (5, 10, 8)]:
        assert session.run(f"accumulator({inc})") == result
        assert session.run("state.get_value()") == total


def test_powers_are_optimised():
    session = Session("""
import numpy as np
import theano
import theano.tensor as T
x = T.vector('x')
y = x ** 10
f = theano.function([x], y)
picture = theano.printing.pydotprint(f, return_image=True, format='svg')
x = np.ones(10000000)
""")
    assert (session.run("f(x)") == 1).all()
    ops = {node.op.name for node in session.run("f.maker.fgraph.toposort()")}
    assert "pow" not in ops


def test_pictures_of_compiled_graphs():
    session = Session("""
import theano
import theano.tensor as T
x = T.dscalar('x')
y = x ** 2
gy = T.grad(y, x)
fy = theano.function([x], y)
fgy = theano.function([x], gy)
first = theano.printing.pydotprint(fy.maker.fgraph.outputs[0], return_image=True, format='svg')
second = theano.printing.pydotprint(fgy.maker.fgraph.outputs[0], return_image=True, format='svg')
""")
    assert session.run("fy(3), fgy(3)") == (9, 6)
    assert session.names["first"] != session.names["second"]


def test_the_derivative_of_the_logistic_function():
    session = Session("""
import numpy as np
import theano
import theano.tensor as T
x = T.dscalar('x') #시그모이드의 사례. 자주 사용하기 때문에 룰이 들어가 있다.
s = 1 / (1 + T.exp(-x))
logistic = theano.function([x], s)
gs = T.grad(s, x)
dlogistic = theano.function([x], gs)
xx = np.linspace(-5, 5, 100)
y1 = np.hstack([logistic(xi) for xi in xx])
y2 = np.hstack([dlogistic(xi) for xi in xx])
""")
    want = 1 / (1 + np.exp(-np.linspace(-5, 5, 100)))
    np.testing.assert_allclose(session.names["y1"], want, rtol=1e-14)
    np.testing.assert_allclose(session.names["y2"], want * (1 - want), rtol=1e-13)


def test_a_perceptron():
    session = Session("""
import numpy as np
import theano
import theano.tensor as T
from theano import function
x = T.dvector('x')
w = theano.shared(np.zeros(2))
b = theano.shared(0.0)
z = T.dot(w, x) + b
a = 1/(1 + T.exp(-z))
f = function([x], a)
y = T.dscalar('y')
cost = T.sum((y - a)**2) #목적함수 정의. 에러펑션을 줄이기 위해서
gw, gb = T.grad(cost, [w, b])
gradient = function([x, y], [gw, gb])
eta = 0.1
xi = [1, -1]
yi = 1
gradient = theano.function([x, y], updates=[(w, w - eta * gw), (b, b - eta * gb)])
gradient(xi, yi)
""")
    w, b = session.run("w.get_value(), b.get_value()")
    np.testing.assert_allclose(w, [0.025, -0.025])
    np.testing.assert_allclose(b, 0.025)


# ----- the memo on convolution: what does not need a GPU -----

def test_shuffled_axes():
    session = Session("""
import theano
import theano.tensor as T
from theano.sandbox.cuda.basic_ops import gpu_contiguous
input = T.tensor4('input')
filters = T.tensor4('filters')
input_shuffled = input.dimshuffle(1, 2, 3, 0)  # bc01 -> c01b
filters_shuffled = filters.dimshuffle(1, 2, 3, 0)  # bc01 -> c01b
filters_flipped = filters_shuffled[:, ::-1, ::-1, :] # flip rows and columns
contiguous_input = gpu_contiguous(input_shuffled)
contiguous_filters = gpu_contiguous(filters_flipped)
f = theano.function([input, filters], [contiguous_input, contiguous_filters])
""")
    x, w = np.random.default_rng(0).normal(size=(2, 2, 3, 4, 5))
    first, second = session.names["f"](x, w)
    np.testing.assert_array_equal(first, x.transpose(1, 2, 3, 0))
    np.testing.assert_array_equal(second, w.transpose(1, 2, 3, 0)[:, ::-1, ::-1])
