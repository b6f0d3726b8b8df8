"""The table that closes a run: what was asked, who took how long, and whether the target is met."""
from dataclasses import dataclass, field

UNITS = {"s": ((1, "s"), (1e-3, "ms"), (1e-6, "us"), (1e-9, "ns")), "MB": ((1, "MB"),),
         "times": ((1, "times"),)}


@dataclass
class Answer:
    """The measurements for one question.

    ``ours`` names the candidate that stands for cytensor. ``targets`` says, for a peer, which
    part of the peer's measure ours may be at most; ``limit`` is a bound on ours in ``unit``.
    """

    question: str
    ours: str
    measures: dict                  # name -> measure, or None where it is not installed
    targets: dict = field(default_factory=dict)
    limit: float | None = None
    unit: str = "s"

    def ratio(self, name):
        """Ours as a part of the peer's."""
        return self.measures[self.ours] / self.measures[name]

    def lines(self):
        """Yield the lines of the table."""
        yield self.question
        for name, measure in self.measures.items():
            if measure is None:
                yield f"  {name:34}not installed"
            else:
                yield f"  {name:34}{show(measure, self.unit):>12}{self._verdict(name)}"

    def _verdict(self, name):
        if name == self.ours:
            if self.limit is None:
                return ""
            word = _word(self.measures[name] <= self.limit)
            return f"{'':10}limit {show(self.limit, self.unit):>10}   {word}"
        ratio = self.ratio(name)
        text = f"   ratio {ratio:6.3f}"
        if name in self.targets:
            target = self.targets[name]
            text += f"   target {target:.2f}   {_word(ratio <= target)}"
        return text


def _word(met):
    return "pass" if met else "short"


def show(measure, unit):
    """Write a measure with a fitting unit: ``0.58 us``."""
    units = UNITS[unit]
    scale, name = next((pair for pair in units if measure >= pair[0]), units[-1])
    return f"{measure / scale:.4g} {name}"
