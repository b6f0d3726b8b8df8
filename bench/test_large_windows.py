"""From which size of windows on are convolutions faster by Fourier transforms?"""
import numpy as np
from questions import Question
from turns import Candidate

#: Batch, channels, filters, image, window: small, at the crossing, and large ones.
PROBLEMS = [(4, 16, 16, (128, 128), (5, 5)), (4, 3, 8, (128, 128), (31, 31)),
            (1, 3, 3, (256, 256), (63, 63)), (4, 3, 8, (4096,), (63,)),
            (4, 3, 8, (4096,), (1023,)), (1, 2, 2, (48, 48, 48), (13, 13, 13))]


def arrays(batch, channels, filters, image, window):
    """Images and filters of a problem; no result is near 0, where errors would look large."""
    rng = np.random.default_rng(0)
    return [rng.random(shape, "float32")
            for shape in ((batch, channels, *image), (filters, channels, *window))]


def cytensor(problem, algorithm):
    """A candidate that convolves by one algorithm."""
    import cytensor as ct
    from cytensor.tensor import TensorType, nnet
    x, w = arrays(*problem)
    xs, ws = TensorType("float32", x.shape)(), TensorType("float32", w.shape)()
    conv = getattr(nnet, f"conv{x.ndim - 2}d")
    f = ct.function([xs, ws], conv(xs, ws, filter_flip=False, algorithm=algorithm))
    return Candidate("f(x, w)", {"f": f, "x": x, "w": w})


def torch(problem):
    """Torch's convolution."""
    import torch
    x, w = [torch.from_numpy(a) for a in arrays(*problem)]
    function = getattr(torch.nn.functional, f"conv{x.ndim - 2}d")

    def forward():
        with torch.no_grad():
            return function(x, w)
    return Candidate("f()", {"f": forward})


def question(problem):
    """Does it take the faster of its two ways by itself?"""
    batch, channels, filters, image, window = problem
    return Question(
        f"{filters} windows of {'x'.join(map(str, window))}, {batch} images of {channels} "
        f"channels, {'x'.join(map(str, image))}, float32", {
            "cytensor": lambda: cytensor(problem, "auto"),
            "cytensor, direct": lambda: cytensor(problem, "direct"),
            "cytensor, fft": lambda: cytensor(problem, "fft"),
            "torch": lambda: torch(problem),
        }, {"cytensor, direct": 1.5, "cytensor, fft": 1.5}, rtol=3e-3)


def questions():
    return map(question, PROBLEMS)


def test_question(question, ask):
    ask(question)
