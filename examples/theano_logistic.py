"""Logistic regression by stochastic gradient descent: a program written for Theano.

    python -m cytensor.compat examples/theano_logistic.py [epochs]

It knows nothing of cytensor. The class and the way it is trained are those of the deep learning
tutorials: minibatches are picked out of shared variables by ``givens``, training stops early, and
the best model is pickled and read back.
"""
import pickle
import sys
import timeit

import digits
import numpy
import theano
import theano.tensor as T

FILE = "best_model.pkl"


class LogisticRegression:
    """Multi-class logistic regression: ``softmax(x W + b)``.

    Parameters
    ----------
    input : TensorVariable
        One minibatch, a row for each example.
    n_in, n_out : int
        The number of pixels, and of classes.
    """

    def __init__(self, input, n_in, n_out):
        self.W = theano.shared(
            value=numpy.zeros((n_in, n_out), dtype=theano.config.floatX), name="W", borrow=True)
        self.b = theano.shared(
            value=numpy.zeros((n_out,), dtype=theano.config.floatX), name="b", borrow=True)
        self.p_y_given_x = T.nnet.softmax(T.dot(input, self.W) + self.b)
        self.y_pred = T.argmax(self.p_y_given_x, axis=1)
        self.params = [self.W, self.b]
        self.input = input

    def negative_log_likelihood(self, y):
        """The mean of ``-log p(y | x)``: it does not depend on the size of the minibatch."""
        return -T.mean(T.log(self.p_y_given_x)[T.arange(y.shape[0]), y])

    def errors(self, y):
        """The part of the minibatch that is classified wrongly."""
        if y.ndim != self.y_pred.ndim:
            raise TypeError("y should have the same shape as self.y_pred",
                            ("y", y.type, "y_pred", self.y_pred.type))
        if not y.dtype.startswith("int"):
            raise NotImplementedError
        return T.mean(T.neq(self.y_pred, y))


def shared_dataset(split):
    """Put a data set into shared variables; labels are stored as floats, and used as ints."""
    x, y = [theano.shared(numpy.asarray(data, dtype=theano.config.floatX), borrow=True)
            for data in split]
    return x, T.cast(y, "int32")


def compiled(classifier, y, data, batch_size, learning_rate):
    """Compile the functions that train, validate and test: each takes the number of a minibatch."""
    index = T.lscalar()
    cost = classifier.negative_log_likelihood(y)
    updates = [(param, param - learning_rate * T.grad(cost=cost, wrt=param))
               for param in classifier.params]

    def function(data_set, outputs, updates=None):
        x_all, y_all = data_set
        batch = slice(index * batch_size, (index + 1) * batch_size)
        return theano.function(inputs=[index], outputs=outputs, updates=updates,
                               givens={classifier.input: x_all[batch], y: y_all[batch]})

    train, valid, test = data
    errors = classifier.errors(y)
    return function(train, cost, updates), function(valid, errors), function(test, errors)


def mean_error(model, n_batches):
    """The mean over all minibatches."""
    return numpy.mean([model(i) for i in range(n_batches)])


def sgd_optimization_mnist(sets, learning_rate=0.13, n_epochs=1000, batch_size=100):
    """Train with early stopping; pickle the model that has the smallest validation error."""
    data = [shared_dataset(split) for split in (sets.train, sets.valid, sets.test)]
    n_train, n_valid, n_test = [x.get_value(borrow=True).shape[0] // batch_size for x, _ in data]
    classifier = LogisticRegression(input=T.matrix("x"), n_in=28 * 28, n_out=10)
    train, validate, test = compiled(classifier, T.ivector("y"), data, batch_size, learning_rate)

    patience, patience_increase, improvement_threshold = 5000, 2, 0.995
    best, test_error = numpy.inf, 0.0
    start = timeit.default_timer()
    for epoch in range(1, n_epochs + 1):
        for minibatch in range(n_train):
            train(minibatch)
        error = mean_error(validate, n_valid)
        print(f"epoch {epoch}, validation error {error:.2%}")
        steps = epoch * n_train
        if error < best:
            if error < best * improvement_threshold:
                patience = max(patience, steps * patience_increase)
            best, test_error = error, mean_error(test, n_test)
            with open(FILE, "wb") as file:
                pickle.dump(classifier, file)
        if patience <= steps:
            break
    seconds = timeit.default_timer() - start
    print(f"best validation error {best:.2%}, test error {test_error:.2%}, "
          f"{epoch / seconds:.1f} epochs a second")


def predict(test):
    """Read the best model back, and classify ten digits."""
    with open(FILE, "rb") as file:
        classifier = pickle.load(file)
    model = theano.function(inputs=[classifier.input], outputs=classifier.y_pred)
    print("predicted", *model(numpy.asarray(test.x[:10], dtype=theano.config.floatX)))
    print("right    ", *test.y[:10])


if __name__ == "__main__":
    sets = digits.load()
    sgd_optimization_mnist(sets, n_epochs=int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
    predict(sets.test)
