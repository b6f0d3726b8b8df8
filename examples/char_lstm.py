"""Train an LSTM to write like a text, character by character.

    python examples/char_lstm.py

Without ``--text`` the text is Python's own documentation, of which every tenth paragraph is held
out. While it trains, a table shows bits per character beside those of simple models; then there are
samples, and a picture of the learning curve and of what some units look at.
"""
import argparse
import sys
import time
from dataclasses import dataclass, field
from itertools import pairwise

import char_text
import numpy as np
from char_text import ALPHABET
from tqdm import tqdm

import cytensor as ct
import cytensor.tensor as T
from cytensor import nn, optim

WIDTH = 64                      # of the numbers that stand for a character
QUICK = {"epochs": 3, "hidden": 96, "characters": 100_000, "length": 150}


# ----- the model -----

class Writer(nn.Layer):
    """Characters to numbers, layers of LSTM, and scores for the character that follows."""

    def __init__(self, options):
        rng = np.random.default_rng(options.seed)
        widths = [WIDTH] + [options.hidden] * options.layers
        self.letters = nn.Embedding(len(ALPHABET), WIDTH, rng=rng)
        self.memory = [nn.LSTM(a, b, stateful=options.batch, rng=rng)
                       for a, b in pairwise(widths)]
        self.noise = nn.Dropout(options.dropout, rng=options.seed)
        self.scores = nn.Dense(options.hidden, len(ALPHABET), rng=rng)

    def __call__(self, codes):
        """Return scores of what follows each code, shape (batch, time, characters)."""
        return self.scores(self.noise(self.hidden(codes)))

    def hidden(self, codes):
        """Return what the uppermost LSTM says, shape (batch, time, hidden)."""
        h = self.letters(codes)
        for lstm in self.memory:
            h = lstm(self.noise(h))
        return h

    def step(self, code, states):
        """Return scores of what follows one code, shape (1, characters), and the new states."""
        h, new = self.letters(code), []
        for lstm, (before, memory) in zip(self.memory, zip(states[::2], states[1::2])):
            h, memory = lstm.advance(lstm.project(h), before, memory)
            new += [h, memory]
        return self.scores(h), new


def bits(scores, codes):
    """Mean of -log2 of the probability given to each code."""
    p = T.nnet.log_softmax(scores.reshape((-1, len(ALPHABET))))
    return -T.mean(p[T.arange(codes.size), codes.ravel()]) / np.log(2)


# ----- training -----

@dataclass
class Run:
    """The course of one training: an entry for each epoch."""

    train: list = field(default_factory=list)       # bits per character
    test: list = field(default_factory=list)
    seconds: list = field(default_factory=list)
    compile_seconds: float = 0.0


class Trainer:
    """A model with its compiled functions: a step of training, and the loss of prediction."""

    def __init__(self, options):
        self.options = options
        self.model = Writer(options)
        self.rate = ct.shared(np.float32(options.rate), name="rate")
        x, y = T.lmatrix("x"), T.lmatrix("y")
        params = self.model.params()
        loss = bits(self.model.train()(x), y)
        gradients = optim.clip_norm(T.grad(loss, params), options.clip)
        self.step = ct.function([x, y], loss, updates=optim.adam(gradients, params, self.rate))
        self.loss = ct.function([x, y], bits(self.model.eval()(x), y))

    def train(self, text, run):
        """Run all epochs; the rate falls to a tenth on the way."""
        options = self.options
        batches = list(self.batches(text.train))
        total = options.epochs * len(batches)
        with tqdm(total=total, unit="batch", disable=options.quiet) as bar:
            for epoch in range(options.epochs):
                self._epoch(batches, run, bar, epoch / options.epochs)
                run.test.append(self.mean_loss(text.test))
                bar.set_postfix(train=f"{run.train[-1]:.2f}", test=f"{run.test[-1]:.2f}")

    def _epoch(self, batches, run, bar, done):
        self.rate.set_value(np.float32(self.options.rate * 0.1 ** done))
        self.model.reset_state()
        start, total = time.perf_counter(), 0.0
        for x, y in batches:
            total += float(self.step(x, y))
            bar.update()
        run.seconds.append(time.perf_counter() - start)
        run.train.append(total / len(batches))

    def mean_loss(self, codes):
        """Bits per character of a text that is only read."""
        self.model.reset_state()
        return float(np.mean([self.loss(x, y) for x, y in self.batches(codes)]))

    def batches(self, codes):
        """Yield what is read and what follows it: a step goes on where the last one ended."""
        rows, steps = self.options.batch, self.options.steps
        length = (len(codes) - 1) // rows // steps * steps
        x, y = [part[:rows * length].reshape(rows, length) for part in (codes, codes[1:])]
        for start in range(0, length, steps):
            yield x[:, start:start + steps], y[:, start:start + steps]


# ----- what was learned -----

class Sampler:
    """Writes with a model, one character after the other."""

    def __init__(self, model, seed):
        code, temperature = T.lvector("code"), T.fscalar("temperature")
        states = [T.fmatrix() for _ in range(2 * len(model.memory))]
        scores, new = model.step(code, states)
        p = T.nnet.softmax(scores / temperature)[0]
        self.step = ct.function([code, temperature, *states], [p, *new])
        self.start = [np.zeros((1, lstm.hidden), np.float32)
                      for lstm in model.memory for _ in range(2)]
        self.rng = np.random.default_rng(seed)

    def write(self, beginning, length, temperature):
        """Return a beginning and how the model goes on.

        The lower the temperature, the more the model keeps to what is most probable.
        """
        codes, states = list(char_text.encode(beginning)), self.start
        for place in range(len(codes) + length - 1):
            p, *states = self.step(codes[place:place + 1], temperature, *states)
            if place == len(codes) - 1:
                p = p.astype(np.float64)
                codes.append(self.rng.choice(len(p), p=p / p.sum()))
        return char_text.decode(codes)


def activations(model, codes):
    """What the hidden units say at each place of a text, shape (len(codes), hidden)."""
    model.reset_state(1)
    x = T.lmatrix("x")
    return ct.function([x], model.eval().hidden(x)[0])(codes[None, :])


# ----- the command line -----

def table(run, simple):
    """Bits per character: an epoch a line, and the simple models below."""
    lines = [f"{'':20}{'training':>10}{'held out':>10}{'seconds':>10}"]
    for epoch, row in enumerate(zip(run.train, run.test, run.seconds), 1):
        lines.append(f"{f'LSTM, epoch {epoch}':20}{row[0]:10.3f}{row[1]:10.3f}{row[2]:10.1f}")
    lines += [f"{name:20}{'':10}{value:10.3f}" for name, value in simple.items()]
    return "\n".join(lines)


def _positive(read):
    """A reader of positive numbers for argparse."""
    def positive(text):
        value = read(text)
        if not value > 0:
            raise argparse.ArgumentTypeError(f"{text} is not above 0")
        return value
    return positive


def _probability(text):
    value = float(text)
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not from 0 up to 1")
    return value


def parse(argv):
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    count, number = _positive(int), _positive(float)
    parser.add_argument("--text", metavar="PATH", help="a text file to learn from")
    parser.add_argument("--characters", type=count, help="how many to train on (default: all)")
    parser.add_argument("--epochs", type=count, default=10)
    parser.add_argument("--hidden", type=count, default=192, help="units of a layer")
    parser.add_argument("--layers", type=count, default=1)
    parser.add_argument("--batch", type=count, default=16, help="texts read side by side")
    parser.add_argument("--steps", type=count, default=50, help="characters that gradients go back")
    parser.add_argument("--rate", type=number, default=0.005, help="learning rate at first")
    parser.add_argument("--clip", type=number, default=5.0, help="the largest norm of gradients")
    parser.add_argument("--dropout", type=_probability, default=0.1)
    parser.add_argument("--temperature", type=number, nargs="+", default=[0.5, 1.0],
                        help="of the samples: low is careful")
    parser.add_argument("--length", type=count, default=400, help="characters of a sample")
    parser.add_argument("--beginning", default="The ", help="what samples begin with")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", default="char_lstm.png", metavar="PNG", help="the picture")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    parser.add_argument("--quick", action="store_true", help="a small model, for some seconds")
    quick = parser.parse_known_args(argv)[0].quick
    parser.set_defaults(**QUICK if quick else {})
    return parser.parse_args(argv)


def prepare(options):
    """Load the text, and check that a batch can be filled."""
    text = char_text.load(options.text)
    text = text._replace(train=text.train[:options.characters])
    needed = options.batch * options.steps + 1
    if min(len(text.train), len(text.test)) < needed:
        raise char_text.TextError(
            f"{text.source}: {len(text.train):,} characters to train on and {len(text.test):,} "
            f"held out, of which a batch takes {needed:,}")
    return text


def main(argv=None):
    """Train, and show what was learned."""
    options = parse(argv)
    ct.config.floatX = "float32"
    try:
        text = prepare(options)
    except char_text.TextError as error:
        print(f"char_lstm.py: {error}", file=sys.stderr)
        return 2
    print(f"{text.source}: {len(text.train):,} characters to train on, {len(text.test):,} held out")
    run = Run()
    start = time.perf_counter()
    trainer = Trainer(options)
    run.compile_seconds = time.perf_counter() - start
    print(f"compiled in {run.compile_seconds:.2f} s")
    trainer.train(text, run)
    simple = {f"n-gram of order {n}": char_text.ngram_bits(text, n) for n in range(3)}
    print(f"bits per character\n{table(run, simple)}")
    show(trainer.model, text, run, simple, options)
    return 0


def show(model, text, run, simple, options):
    """Print samples, and draw the picture."""
    sampler = Sampler(model, options.seed)
    for temperature in options.temperature:
        print(f"\n----- a sample at temperature {temperature:g} -----")
        print(sampler.write(options.beginning, options.length, temperature))
    from char_pictures import draw  # matplotlib takes a while to import
    codes = text.test[:8000]
    draw(run, simple, char_text.decode(codes), activations(model, codes), options.out)
    print(f"\nlearning curve and units: {options.out}")


if __name__ == "__main__":
    sys.exit(main())
