"""The first hour with Theano, as a program: symbols, functions, gradients, shared variables.

    python -m cytensor.compat examples/theano_basics.py

It knows nothing of cytensor. At its end, a shared variable slides down a gradient to the mean of
some numbers, and a table shows how.
"""
import numpy
import theano
import theano.tensor as T


def twice_a_matrix():
    """What is compiled is a function of arrays."""
    A = T.matrix()
    f = theano.function([A], A * 2)
    return f([[1, 2], [3, 4]])


def slope_of_a_square():
    """A gradient is one more expression."""
    x, y = T.dscalars("x", "y")
    z = (x + 2 * y) ** 2
    slope = theano.function([x, y], T.grad(z, [x, y]))
    return [float(g) for g in slope(1, 2)]


def value_with_replacements():
    """``givens`` puts other expressions in the place of variables."""
    x, y, c = T.dscalars("x", "y", "c")
    f = theano.function([c], x * 2 + y, givens=[(x, c * 10), (y, numpy.float64(5))])
    return float(f(2))


def descend(numbers, rate=0.05, steps=8):
    """Slide from 0 towards the number that is nearest to all others; yield the way."""
    x = T.dvector("x")
    c = theano.shared(0.0, name="c")
    cost = T.sum((x - c) ** 2)
    step = theano.function([x], cost, updates={c: c - rate * T.grad(cost, c)})
    for _ in range(steps):
        before = float(c.get_value())
        yield before, float(step(numbers))


def main():
    print("twice a matrix:", twice_a_matrix().tolist())
    print("slopes of (x + 2 y)^2 at (1, 2):", slope_of_a_square())
    print("2 x + y with x = 10 c, y = 5, at c = 2:", value_with_replacements())
    print()
    print(f"{'c':>10}{'cost':>12}")
    for place, cost in descend([1.0, 2.0, 3.0, 4.0, 5.0]):
        print(f"{place:10.4f}{cost:12.4f}")


if __name__ == "__main__":
    main()
