"""How fast are convolutions of many shapes, and their gradients?"""
import numpy as np
from questions import Mean, Question
from turns import Candidate

#: images, filters, stride, dilation, groups
CASES = {
    "3 channels": ((64, 3, 32, 32), (64, 3, 3, 3), 1, 1, 1),
    "3x3": ((32, 64, 28, 28), (64, 64, 3, 3), 1, 1, 1),
    "3x3, stride 2": ((16, 128, 14, 14), (256, 128, 3, 3), 2, 1, 1),
    "1x1": ((32, 64, 28, 28), (128, 64, 1, 1), 1, 1, 1),
    "5x5, dilation 2": ((8, 32, 64, 64), (32, 32, 5, 5), 1, 2, 1),
    "depthwise 3x3": ((32, 64, 28, 28), (64, 1, 3, 3), 1, 1, 64),
    "7x7, stride 2, one image": ((1, 3, 224, 224), (64, 3, 7, 7), 2, 1, 1),
}
KINDS = ("forward", "gradient of images", "gradient of filters")
EACH, MEAN = 1.3, 0.8


def arrays(case):
    """Images, filters, and a gradient of the result, of positive numbers: no sum is near 0."""
    images, filters, stride, dilation, _ = CASES[case]
    rng = np.random.default_rng(0)
    result = [(n - (k - 1) * dilation - 1) // stride + 1
              for n, k in zip(images[2:], filters[2:])]
    shapes = images, filters, (images[0], filters[0], *result)
    return [rng.random(shape, dtype=np.float32) for shape in shapes]


def cytensor(case, kind):
    import cytensor as ct
    import cytensor.tensor as T
    stride, dilation, groups = CASES[case][2:]
    x, w, g = T.ftensor4("x"), T.ftensor4("w"), T.ftensor4("g")
    y = T.nnet.conv2d(x, w, subsample=(stride, stride), filter_dilation=(dilation, dilation),
                      num_groups=groups, filter_flip=False)
    result = y if kind == KINDS[0] else T.grad(None, {KINDS[1]: x, KINDS[2]: w}[kind],
                                               known_grads={y: g})
    f = ct.function([x, w, g], result, on_unused_input="ignore")
    return Candidate("f(x, w, g)", {"f": f, **dict(zip("xwg", arrays(case)))})


def torch(case, kind):
    import torch
    stride, dilation, groups = CASES[case][2:]
    settings = [stride, stride], [0, 0], [dilation, dilation]
    names = dict(zip("xwg", map(torch.from_numpy, arrays(case))))
    if kind == KINDS[0]:
        def f(x, w, g):
            return torch.nn.functional.conv2d(x, w, None, *settings, groups)
        return Candidate("f(x, w, g)", {"f": f, **names})
    which = KINDS.index(kind) - 1

    def f(x, w, g):
        return torch.ops.aten.convolution_backward(
            g, x, w, None, *settings, False, [0, 0], groups,
            [which == 0, which == 1, False])[which]
    return Candidate("f(x, w, g)", {"f": f, **names})


def against_torch(case, kind):
    return Question(f"conv2d {case}: {kind}", {
        "cytensor": lambda: cytensor(case, kind), "torch": lambda: torch(case, kind),
    }, {"torch": EACH})


def one_result(stride):
    """A candidate whose time is that of one result."""
    import cytensor as ct
    import cytensor.tensor as T
    x, w = T.ftensor4("x"), T.ftensor4("w")
    y = T.nnet.conv2d(x, w, subsample=(stride, stride), filter_flip=False)
    images, filters, _ = arrays("3x3")
    f = ct.function([x, w], y)
    return Candidate("f(x, w)", {"f": f, "x": images, "w": filters}, f(images, filters).size)


def questions():
    for kind in KINDS:
        for case in CASES:
            yield against_torch(case, kind)
    yield Mean("conv2d, seven shapes and their gradients", "conv2d ", "torch", MEAN,
               label="convolution, 7 shapes, gradients")
    yield Question("time per result of 3x3 windows", {
        "stride 2": lambda: one_result(2), "stride 1": lambda: one_result(1),
    }, {"stride 1": 1.3}, check=lambda values: None)


def test_question(question, ask):
    ask(question)
