"""The report of a run: Markdown for people, JSON for programs."""
import json
from dataclasses import dataclass, field

from table import show

PAGE = """\
# What was measured

Written by `python -m bench` ([how](README.md)) on {when}.

{machine}. {versions}. Load of the machine at the start and at the end: {load}.

Each question was put to one process a library, in random order and in turn, in at most {rounds}
rounds. A figure is the median of the rounds. Beside it stands the spread, half of the range that
holds the middle half of them. A ratio is the time (or memory) of cytensor, which is the first line
of each question, as a part of the other's: below 1, cytensor needs less. A target is what that
ratio, or the figure itself, should be at most.

{verdict}

![Times of other libraries, as multiples of cytensor's]({chart})
{short}
{topics}"""

SHORT = """
## Short of their targets

| question | to | reached | target |
|---|---|---:|---:|"""
HEAD = """\
| question | who | median | spread | ratio | target | |
|---|---|---:|---:|---:|---:|---|"""


@dataclass
class Report:
    """What a run found, and where."""

    answers: dict                   # topic -> list of Answer
    titles: dict                    # topic -> what it asks
    about: dict = field(default_factory=dict)       # when, machine, versions, load, rounds

    def all(self):
        """Every answer."""
        return [a for answers in self.answers.values() for a in answers]

    def verdicts(self, word):
        """Pairs of answer and candidate of which a target says ``pass`` or ``short``."""
        return [(a, name) for a in self.all() for name in a.values if a.verdict(name) == word]


def markdown(report, chart):
    """The report as a page; ``chart`` is the name of the picture."""
    passed, short = (len(report.verdicts(word)) for word in ("pass", "short"))
    about = report.about | {"versions": _versions(report.about["versions"])}
    return PAGE.format(
        **about, chart=chart, short=_short(report),
        verdict=f"Of {passed + short} targets, {passed} are met.",
        topics="\n".join(_topic(report.titles[topic], answers)
                         for topic, answers in report.answers.items() if answers))


def _versions(versions):
    found = [f"{name} {version}" for name, version in versions.items() if version]
    missing = [name for name, version in versions.items() if not version]
    return ", ".join(found) + (f"; not installed: {', '.join(missing)}" if missing else "")


def _short(report):
    rows = [f"| {_cell(a.question)} | {name} | {_reached(a, name)} | {_bound(a, name)} |"
            for a, name in report.verdicts("short")]
    if not rows:
        return ""
    return "\n".join([SHORT, *rows, ""])


def _topic(title, answers):
    return "\n".join([f"\n## {title}\n", HEAD, *[row for a in answers for row in _rows(a)]])


def _rows(answer):
    """A line for each candidate; the question stands in the first."""
    for name, values in answer.values.items():
        first = name == answer.question.ours
        question, who = (_cell(answer.question), f"**{name}**") if first else ("", name)
        if answer.measure(name) is None:
            yield f"| {question} | {who} | {_cell(values or 'no answer')} | | | | |"
        else:
            ratio = "" if first or answer.ratio(name) is None else f"{answer.ratio(name):.3g}"
            yield (f"| {question} | {who} | {show(answer.measure(name), answer.question.unit)} | "
                   f"{answer.spread(name):.0%} | {ratio} | {_bound(answer, name)} | "
                   f"{answer.verdict(name)} |")


def _cell(text):
    """A text in which a bar does not end the cell."""
    return str(text).replace("|", "\\|")


def _reached(answer, name):
    if name == answer.question.ours:
        return show(answer.measure(name), answer.question.unit)
    return f"{answer.ratio(name):.3g}"


def _bound(answer, name):
    bound = answer.bound(name)
    if bound is None or name != answer.question.ours:
        return "" if bound is None else f"{bound:g}"
    return show(bound, answer.question.unit)


def as_json(report):
    """Every single measure."""
    return json.dumps({**report.about, "topics": {
        topic: [{"question": a.question.name, "unit": a.question.unit, "ours": a.question.ours,
                 "targets": a.question.targets, "limit": a.question.limit, "values": a.values}
                for a in answers]
        for topic, answers in report.answers.items()}}, indent=1)
