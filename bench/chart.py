"""The chart of a report: how many times cytensor's time each library takes, as SVG."""
import math
from html import escape
from string import Template

from questions import OURS, peer_of

WIDTH, LEFT, RIGHT, TOP, ROW = 860, 270, 24, 92, 21
COLOURS = {"numpy": "#4c9be8", "scipy": "#8a6fd1", "numba": "#00a3a3", "numexpr": "#9a9a9a",
           "jax": "#e0803a", "pytensor": "#c7a008", "torch": "#e0524d"}

PAGE = Template("""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 $width $height" width="$width" height="$height"
     font-family="system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif">
<style>
    .page { fill: #ffffff } .band { fill: #eef6f0 } .text { fill: #1f2328 } .dim { fill: #656d76 }
    .grid { stroke: #d8dee4 } .row { stroke: #eaeef2 } .one { stroke: #1a7f37; stroke-width: 2 }
    .ours { fill: #1a7f37 } .dot { stroke: #ffffff }
    @media (prefers-color-scheme: dark) {
        .page { fill: #0d1117 } .band { fill: #11211a } .text { fill: #e6edf3 }
        .dim { fill: #8d96a0 } .grid { stroke: #30363d } .row { stroke: #1c2128 }
        .one { stroke: #3fb950 } .ours { fill: #3fb950 } .dot { stroke: #0d1117 }
    }
</style>
<rect class="page" width="$width" height="$height"/>
$body
</svg>
""")


def draw(answers):
    """Draw the answers whose questions have a label; all of them, if none has.

    Returns
    -------
    str
        The text of an SVG file.
    """
    rows = [row for row in map(_row, _chosen(answers)) if row[1]]
    scale = _Scale([value for _, points in rows for _, value in points] or [1.0])
    height = TOP + ROW * len(rows) + 44
    body = [*_legend(rows), *_axis(scale, height)]
    for number, row in enumerate(rows):
        body += _points(scale, TOP + ROW * (number + 0.5), *row)
    return PAGE.substitute(width=WIDTH, height=height, body="\n".join(body))


def _chosen(answers):
    return [a for a in answers if a.question.label] or answers


def _row(answer):
    """The name of a row, and (candidate, how many times ours) of each other library."""
    points = [(name, 1 / answer.ratio(name)) for name in answer.values
              if peer_of(name) != OURS and answer.ratio(name)]
    return answer.question.label or answer.question.name, points


class _Scale:
    """A logarithmic axis from below the least value, and 1, to above the largest."""

    def __init__(self, values):
        self.low = min(0.5, *values) / 1.2
        self.high = max(2.0, *values) * 1.2

    def __call__(self, value):
        part = math.log(value / self.low) / math.log(self.high / self.low)
        return LEFT + part * (WIDTH - LEFT - RIGHT)

    def ticks(self):
        """1, 2, 5, 10, ... as far as they fit."""
        powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)))
        found = [digit * 10.0 ** p for p in powers for digit in (1, 2, 5)]
        return [t for t in found if self.low <= t <= self.high]


def _legend(rows):
    yield _text(20, 30, "Times of other libraries, as multiples of cytensor's", "text", size=17)
    x = 20
    used = {peer_of(candidate) for _, points in rows for candidate, _ in points}
    for name, colour in COLOURS.items():
        if name in used:
            yield f'<circle cx="{x + 5}" cy="51" r="5" fill="{colour}"/>'
            yield _text(x + 15, 55, name, "dim")
            x += 32 + 7 * len(name)


def _axis(scale, height):
    top, bottom = TOP - 6, height - 36
    one, right = scale(1.0), WIDTH - RIGHT
    yield (f'<rect class="band" x="{one:.1f}" y="{top}" width="{right - one:.1f}" '
           f'height="{bottom - top}"/>')
    for tick in scale.ticks():
        x = scale(tick)
        kind = "one" if tick == 1 else "grid"
        yield f'<line class="{kind}" x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{bottom}"/>'
        yield _text(x, bottom + 18, f"{tick:g}", "dim", "middle")
    yield _text(one + 6, top - 6, "cytensor is faster →", "ours")


def _points(scale, y, name, points):
    yield _text(LEFT - 16, y + 4, name, "text", "end")
    yield f'<line class="row" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
    for candidate, value in points:
        yield (f'<circle class="dot" cx="{scale(value):.1f}" cy="{y:.1f}" r="5.5" '
               f'fill="{COLOURS[peer_of(candidate)]}">'
               f'<title>{escape(candidate)}: {value:.3g}</title></circle>')


def _text(x, y, text, kind, anchor="start", size=12):
    return (f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" '
            f'font-size="{size}">{escape(text)}</text>')
