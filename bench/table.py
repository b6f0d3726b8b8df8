"""Answers: what was asked, what was measured for whom, and whether the target is met."""
import statistics
from dataclasses import dataclass

UNITS = {"s": ((1, "s"), (1e-3, "ms"), (1e-6, "us"), (1e-9, "ns")), "MB": ((1, "MB"),),
         "times": ((1, "times"),)}


@dataclass
class Answer:
    """The measures for one question: lists, or a word on why there are none."""

    question: object                # questions.Question
    values: dict                    # name -> list of float, or str

    def measure(self, name):
        """The median, or None."""
        values = self.values.get(name)
        return statistics.median(values) if isinstance(values, list) and values else None

    def spread(self, name):
        """Half of the range that holds the middle half of the measures, as a part of the median."""
        values = self.values[name]
        if len(values) < 2:
            return 0.0
        low, _, high = statistics.quantiles(values, n=4, method="inclusive")
        return (high - low) / 2 / self.measure(name)

    def ratio(self, name):
        """Ours as a part of another's, or None."""
        ours, theirs = self.measure(self.question.ours), self.measure(name)
        return ours / theirs if ours is not None and theirs else None

    def bound(self, name):
        """What is wanted of the ratio to a peer, or of our own measure; None if nothing is."""
        if name == self.question.ours:
            return self.question.limit
        return self.question.targets.get(name)

    def verdict(self, name):
        """``pass``, ``short``, or nothing where nothing is wanted or known."""
        ours = name == self.question.ours
        bound, reached = self.bound(name), self.measure(name) if ours else self.ratio(name)
        if bound is None or reached is None:
            return ""
        return "pass" if reached <= bound else "short"

    def lines(self):
        """Yield the lines of a table for the terminal."""
        yield self.question.name
        for name, values in self.values.items():
            if self.measure(name) is None:
                yield f"  {name:34}{values}"
            else:
                measure = show(self.measure(name), self.question.unit)
                yield f"  {name:34}{measure:>12}{self._compared(name)}".rstrip()

    def _compared(self, name):
        word, bound = self.verdict(name), self.bound(name)
        if name == self.question.ours:
            return f"{'':10}limit {show(bound, self.question.unit):>10}   {word}" if word else ""
        ratio = self.ratio(name)
        text = f"   ratio {ratio:6.3f}" if ratio is not None else ""
        return f"{text}   target {bound:.2f}   {word}" if word else text


def show(measure, unit):
    """Write a measure with a fitting unit: ``0.58 us``.

    >>> show(5.8e-7, "s"), show(57.1, "MB")
    ('580 ns', '57.1 MB')
    """
    units = UNITS[unit]
    scale, name = next((pair for pair in units if measure >= pair[0]), units[-1])
    return f"{measure / scale:.4g} {name}"
