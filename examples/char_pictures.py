"""The picture of a character model: its learning curve, and what some units look at."""
import matplotlib

matplotlib.use("Agg")           # writes files; needs no screen
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import MaxNLocator

COLUMNS = 84
LINES = 11                      # of text for each unit


def draw(run, simple, text, activations, path):
    """Write a PNG: bits per character over time, and text coloured by what units say.

    Parameters
    ----------
    run : Run
        With ``train`` and ``test``, bits per character of each epoch.
    simple : dict of str to float
        Bits per character of simple models.
    text : str
    activations : ndarray, shape (len(text), units)
    path : str
    """
    figure = plt.figure(figsize=(10, 11.5), layout="constrained")
    subjects = features(text)
    grid = figure.add_gridspec(1 + len(subjects), 1, height_ratios=[1.5] + [1] * len(subjects))
    _draw_curves(figure.add_subplot(grid[0]), run, simple)
    for row, (subject, values) in enumerate(subjects.items(), start=1):
        _draw_unit(figure.add_subplot(grid[row]), subject, values, text, activations)
    figure.savefig(path, dpi=120)
    plt.close(figure)


# ----- curves -----

def _draw_curves(axes, run, simple):
    epochs = range(1, len(run.test) + 1)
    axes.plot(epochs, run.test, "o-", label="LSTM, held out")
    axes.plot(epochs, run.train, "o-", alpha=0.6, label="LSTM, while training")
    for name, value in simple.items():
        axes.axhline(value, color="grey", linestyle="--", linewidth=1)
        axes.annotate(name, (1, value), xytext=(-4, 3), textcoords="offset points", ha="right",
                      xycoords=("axes fraction", "data"), color="grey")
    axes.set_title("bits per character, and what simple models need", loc="left")
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylim(0, 1.1 * max([*simple.values(), *run.train]))
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="lower left")


# ----- units -----

def features(text):
    """What a unit may follow, as a number for each character."""
    place = np.arange(len(text))
    characters = np.array(list(text))
    ends = np.where(np.isin(characters, [" ", "\n"]), place, -1)
    return {
        "how far in the word": place - np.maximum.accumulate(ends),
        "between quotes": _between_quotes(text),
        "at capital letters": np.array([c.isupper() for c in text]),
    }


def _between_quotes(text):
    """Whether each character is; an empty line closes quotes that were left open."""
    found, inside = [], False
    for before, character in zip(" " + text, text):
        if character == '"' or before == character == "\n":
            inside = character == '"' and not inside
        found.append(inside)
    return np.array(found)


def _draw_unit(axes, subject, values, text, activations):
    """Colour the text by the unit that goes best with a feature."""
    unit, correlation = best_unit(values, activations)
    says = activations[:, unit] * np.sign(correlation)
    start = _clearest(values, says, text)
    canvas = np.full((LINES, COLUMNS), np.nan)
    for place, (line, column) in enumerate(_places(text[start:])):
        canvas[line, column] = says[start + place]
        axes.text(column, line, text[start + place].strip(), family="monospace", fontsize=7.5,
                  ha="center", va="center")
    axes.imshow(canvas, cmap="RdBu_r", vmin=-1.6, vmax=1.6, aspect="auto")
    axes.set_title(f"{subject}: unit {unit} (correlation {abs(correlation):.2f})", loc="left")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)


def best_unit(values, activations):
    """Return the unit whose activations have the largest correlation with a feature, and that."""
    values = values - np.mean(values)
    centred = activations - activations.mean(axis=0)
    spread = np.linalg.norm(centred, axis=0) * np.linalg.norm(values)
    correlations = values @ centred / np.maximum(spread, 1e-12)
    unit = int(np.argmax(np.abs(correlations)))
    return unit, correlations[unit]


def _clearest(values, says, text):
    """The beginning of a line after which a unit goes best with a feature."""
    size = LINES * COLUMNS * 2 // 3
    starts = [place + 1 for place, c in enumerate(text[:-size]) if c == "\n"] or [0]

    def agreement(start):
        part = slice(start, start + size)
        return best_unit(values[part], says[part, None])[1]
    return max(starts, key=agreement)


def _places(text):
    """Yield the line and the column of each character, as far as they are drawn."""
    line = column = 0
    for character in text:
        if line == LINES:
            return
        yield line, column
        column += 1
        if character == "\n" or column == COLUMNS:
            line, column = line + 1, 0
