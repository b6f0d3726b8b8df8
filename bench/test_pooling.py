"""How fast is pooling, whether windows overlap or not?"""
from functools import partial

import numpy as np
from questions import Question
from turns import Candidate

IMAGES = np.random.default_rng(0).standard_normal((64, 64, 32, 32)).astype("float32")
#: Window, stride, padding.
WINDOWS = [(3, 1, 0), (3, 2, 0), (2, 2, 0), (3, 1, 1)]
TARGET = {"torch": 0.6}


def cytensor(build):
    """A candidate that calls our function of the images."""
    import cytensor as ct
    import cytensor.tensor as T
    x = T.ftensor4("x")
    return Candidate("f(x)", {"f": ct.function([x], build(T, x)), "x": IMAGES})


def pooled(T, x, w, s, p, mode="max"):
    """Our pooling."""
    return T.signal.pool.pool_2d(x, (w, w), True, (s, s), (p, p), mode)


def torch(name, w, s, p):
    """Torch's pooling."""
    import torch
    function = getattr(torch.nn.functional, name)
    x = torch.from_numpy(IMAGES)

    def forward():
        with torch.no_grad():
            return function(x, w, s, p)
    return Candidate("f()", {"f": forward})


def torch_gradient(name, w, s, p):
    """Torch's pooling, and the gradient of a weighted sum."""
    import torch
    function = getattr(torch.nn.functional, name)
    x = torch.from_numpy(IMAGES).requires_grad_()

    def both():
        y = function(x, w, s, p)
        return y, torch.autograd.grad((y * y).sum() / 2, x)[0]
    return Candidate("f()", {"f": both})


def name_of(w, s, p):
    return f"{w}x{w}, stride {s}" + (f", padding {p}" if p else "")


def forward(window, mode, theirs):
    return Question(f"{mode} of windows {name_of(*window)}, of (64, 64, 32, 32) float32", {
        "cytensor": lambda: cytensor(lambda T, x: pooled(T, x, *window, mode)),
        "torch": lambda: torch(theirs, *window),
    }, TARGET)


def with_gradient(window, mode, theirs):
    def build(T, x):
        y = pooled(T, x, *window, mode)
        return [y, T.grad((y * y).sum() / 2, x)]

    return Question(f"{mode} of windows {name_of(*window)}, and its gradient", {
        "cytensor": lambda: cytensor(build),
        "torch": lambda: torch_gradient(theirs, *window),
    }, TARGET, label="max pooling 2x2, gradient" if (mode, window) == ("max", (2, 2, 0)) else "")


def one_output(window):
    """A candidate whose time is that of one output."""
    candidate = cytensor(lambda T, x: pooled(T, x, *window))
    candidate.count = candidate.value()[0].size
    return candidate


def overlapping_windows():
    """An output of a window that overlaps others costs no more than one that does not."""
    windows = [(3, 1, 0), (3, 2, 0), (3, 3, 0)]
    return Question("the maximum of windows 3x3, time of one output",
                    {name_of(*window): partial(one_output, window) for window in windows},
                    {"3x3, stride 3": 1.0}, check=lambda values: None)


def response_normalization():
    def torch():
        import torch
        layer = torch.nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2)
        return Candidate("f(x)", {"f": layer, "x": torch.from_numpy(IMAGES)})

    return Question("local response normalisation of (64, 64, 32, 32) float32", {
        "cytensor": lambda: cytensor(
            lambda T, x: T.nnet.local_response_normalization(x, 5, 2, 1e-4, 0.75)),
        "torch": torch,
    }, TARGET)


def questions():
    for mode, theirs in (("max", "max_pool2d"), ("average_inc_pad", "avg_pool2d")):
        for window in WINDOWS:
            yield forward(window, mode, theirs)
            yield with_gradient(window, mode, theirs)
    yield overlapping_windows()
    yield response_normalization()


def test_question(question, ask):
    ask(question)
