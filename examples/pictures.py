"""The picture of a training run: learning curves, and the weights as images."""
import matplotlib

matplotlib.use("Agg")           # writes files; needs no screen
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import PercentFormatter

SIDE = 28
PER_ROW = 10


def draw(runs, path):
    """Write a PNG: one row of curves, then the first weights of each model.

    Parameters
    ----------
    runs : list of Run
        Each with ``name``, ``costs`` and ``errors`` (one per epoch) and ``weights``, shape
        (784, units): each column is an image.
    path : str
    """
    mosaics = [(run.name, _mosaic(run.weights)) for run in runs]
    heights = [4.0, *[0.3 + 9.0 * len(image) / image.shape[1] for _, image in mosaics]]
    figure = plt.figure(figsize=(9, sum(heights)), layout="constrained")
    grid = figure.add_gridspec(len(heights), 2, height_ratios=heights)
    costs = _curves(figure.add_subplot(grid[0, 0]), runs, "costs", "cost on the training set")
    costs.set_yscale("log")
    errors = _curves(figure.add_subplot(grid[0, 1]), runs, "errors", "error on the validation set")
    errors.set_ylim(bottom=0)
    errors.yaxis.set_major_formatter(PercentFormatter(1))
    for row, (name, image) in enumerate(mosaics, start=1):
        axes = figure.add_subplot(grid[row, :])
        axes.imshow(image, cmap="RdBu", vmin=-1, vmax=1)
        axes.set_title(f"{name}: first-layer weights")
        axes.set_axis_off()
    figure.savefig(path, dpi=100)
    plt.close(figure)


def _curves(axes, runs, what, title):
    for run in runs:
        values = getattr(run, what)
        axes.plot(range(1, len(values) + 1), values, label=run.name)
    axes.set_title(title)
    axes.set_xlabel("epoch")
    axes.grid(alpha=0.3, which="both")
    axes.legend()
    return axes


def _mosaic(weights, most=50):
    """Lay out columns of ``weights`` as images side by side, those of largest norm first."""
    order = np.argsort(-np.linalg.norm(weights, axis=0), kind="stable")[:most]
    order = order if weights.shape[1] > PER_ROW else np.arange(weights.shape[1])
    rows = -(-len(order) // PER_ROW)
    frame = SIDE + 2
    canvas = np.full((rows * frame, min(len(order), PER_ROW) * frame), np.nan)
    for place, unit in enumerate(order):
        image = weights[:, unit].reshape(SIDE, SIDE)
        top, left = place // PER_ROW * frame + 1, place % PER_ROW * frame + 1
        canvas[top:top + SIDE, left:left + SIDE] = image / max(np.abs(image).max(), 1e-12)
    return canvas
