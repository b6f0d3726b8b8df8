"""The picture of a training run: learning curves, and the weights as images."""
import matplotlib

matplotlib.use("Agg")           # writes files; needs no screen
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, PercentFormatter

FRAME = 2                       # pixels between images
PER_ROW = 10
MOST = 50                       # units that are drawn


def draw(runs, path):
    """Write a PNG: one row of curves, then the first weights of each model.

    Parameters
    ----------
    runs : list of Run
        Each with ``name``, ``layers``, ``costs`` and ``errors`` (one per epoch), ``test_error``,
        and ``weights``, shape (units, rows, columns): an image of each.
    path : str
    """
    mosaics = [_mosaic(run.weights) for run in runs]
    heights = [3.6, *[0.5 + 9.0 * len(image) / image.shape[1] for image in mosaics]]
    figure = plt.figure(figsize=(9, sum(heights)), layout="constrained")
    grid = figure.add_gridspec(len(heights), 2, height_ratios=heights)
    _draw_costs(figure.add_subplot(grid[0, 0]), runs)
    _draw_errors(figure.add_subplot(grid[0, 1]), runs)
    for row, (run, image) in enumerate(zip(runs, mosaics), start=1):
        _draw_weights(figure.add_subplot(grid[row, :]), run, image)
    figure.savefig(path, dpi=120)
    plt.close(figure)


# ----- curves -----

def _draw_costs(axes, runs):
    for run in runs:
        axes.plot(range(1, len(run.costs) + 1), run.costs, label=run.name)
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5, 7)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter(NullFormatter())
    _finish(axes, "cost on the training set")


def _draw_errors(axes, runs):
    for run in runs:
        epochs = range(1, len(run.errors) + 1)
        line, = axes.plot(epochs, run.errors, label=run.name)
        best = int(np.argmin(run.errors))
        axes.plot(epochs[best], run.errors[best], "o", color=line.get_color())
    axes.plot([], [], "o", color="grey", label="the best, which is kept")
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    _finish(axes, "error on the validation set")


def _finish(axes, title):
    axes.set_title(title, loc="left")
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)


# ----- weights -----

def _draw_weights(axes, run, image):
    axes.imshow(image, cmap="RdBu", vmin=-1, vmax=1)
    units, side, _ = run.weights.shape
    is_last = run.layers == 1
    which = ("of each class" if is_last else f"of its {units} filters" if units <= MOST
             else f"of {MOST} of {units} hidden units")
    axes.set_title(f"{run.name}, {run.test_error:.1%} errors on the test set: the weights {which}",
                   loc="left", pad=8)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_yticks([])
    axes.set_xticks([])
    if is_last:                 # a unit for each digit
        axes.set_xticks((np.arange(units) + 0.5) * (side + FRAME), labels=range(units))


def _mosaic(images):
    """Lay out images side by side, those of largest norm first."""
    units, rows, columns = images.shape
    order = np.argsort(-np.linalg.norm(images, axis=(1, 2)), kind="stable")[:MOST]
    order = order if units > PER_ROW else np.arange(units)
    canvas = np.full((-(-len(order) // PER_ROW) * (rows + FRAME), PER_ROW * (columns + FRAME)),
                     np.nan)
    for place, unit in enumerate(order):
        top, left = [n * (side + FRAME) + FRAME // 2
                     for n, side in zip(divmod(place, PER_ROW), (rows, columns))]
        image = images[unit] / max(np.abs(images[unit]).max(), 1e-12)
        canvas[top:top + rows, left:left + columns] = image
    return canvas
