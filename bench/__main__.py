"""Put every question to cytensor and its peers, and write a report: ``python -m bench``."""
import argparse
import datetime
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[0] = str(HERE)     # here files name each other without it; the installed cytensor is asked

import chart  # noqa: E402
import machine  # noqa: E402
import questions  # noqa: E402
import report  # noqa: E402
import runner  # noqa: E402


def main(words=None):
    """Run what the command line asks for, and write report.md, report.svg and report.json."""
    options = parser().parse_args(words)
    chosen = choose(options.only)
    if options.list:
        for topic, asked in chosen.items():
            print(topic, *[f"    {question}" for question in asked], sep="\n")
        return
    effort = replace(runner.QUICK if options.quick else runner.Effort(),
                     **({"rounds": options.rounds} if options.rounds else {}))
    if options.quick:
        os.environ["BENCH_QUICK"] = "1"
    write(Path(options.out), measure(chosen, effort, options))


def parser():
    """What the command line may say."""
    result = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    result.add_argument("--only", nargs="+", default=[], metavar="WORD",
                        help="files (call for test_call.py), or words of questions")
    result.add_argument("--peers", nargs="*", choices=questions.PEERS, metavar="PEER",
                        help=f"who is asked: {', '.join(questions.PEERS)}; all by default")
    result.add_argument("--rounds", type=int, help="how often each question is put")
    result.add_argument("--seed", type=int, default=0, help="of the random order")
    result.add_argument("--quick", action="store_true", help="to see whether it runs: few rounds")
    result.add_argument("--list", action="store_true", help="only name the questions")
    result.add_argument("--out", default=HERE.parent / "docs" / "benchmarks", metavar="FOLDER")
    return result


def choose(words):
    """The questions of which a word is the topic or is in the name; all without words."""
    found = {}
    for topic in questions.topics():
        asked = [q for q in questions.of_topic(topic)
                 if not words or any(w == topic or w in str(q) for w in words)]
        if asked:
            found[topic] = asked
    return found


def measure(chosen, effort, options):
    """Ask, and return the report."""
    when, load, start = datetime.datetime.now(), os.getloadavg()[0], time.monotonic()
    progress = _Progress(sum(map(len, chosen.values())))
    answers = runner.run(chosen, effort, options.peers, options.seed, progress)
    print(f"{time.monotonic() - start:.0f} s", file=sys.stderr)
    return report.Report(answers, {topic: questions.title(topic) for topic in chosen}, {
        "when": f"{when:%Y-%m-%d}", "machine": machine.machine(), "versions": machine.versions(),
        "load": f"{load:.1f} and {os.getloadavg()[0]:.1f}", "rounds": effort.rounds,
        "seed": options.seed})


class _Progress:
    """Prints which question is being asked."""

    def __init__(self, total):
        self.total, self.number, self.start = total, 0, time.monotonic()

    def __call__(self, question):
        self.number += 1
        print(f"{time.monotonic() - self.start:5.0f} s  {self.number}/{self.total}  {question}",
              file=sys.stderr, flush=True)


def write(folder, found):
    """Write the three files of a report."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.md").write_text(report.markdown(found, "report.svg"))
    (folder / "report.svg").write_text(chart.draw(found.all()))
    (folder / "report.json").write_text(report.as_json(found) + "\n")
    print(folder / "report.md")


if __name__ == "__main__":
    main()
