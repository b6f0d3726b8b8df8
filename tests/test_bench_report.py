"""The machinery of ``python -m bench``, with questions of no meaning."""
import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from types import SimpleNamespace

import pytest
from new_process import run

BENCH = Path(__file__).resolve().parent.parent / "bench"
NAMES = ("chart", "questions", "report", "runner", "table", "turns")
#: A topic: what answers, what is missing, crashes, hangs, fails, or computes something else.
FAKE = '''
"""Does it | count?"""
import os, signal, time
from fresh import Script
from questions import Mean, Question
from turns import Candidate

def quick(value=1.0):
    return Candidate("value", {"value": value})

def slow():
    return Candidate("sleep(0.002) or 1.0", {"sleep": time.sleep})

def missing():
    import there_is_no_such_module

def crash():
    os.kill(os.getpid(), signal.SIGKILL)

def hang():
    time.sleep(60)

def questions():
    yield Question("quick & <small>", {
        "cytensor": quick, "numpy": slow, "scipy": lambda: quick(2.0), "numba": missing,
        "jax.jit": crash, "torch": hang, "pytensor": lambda: 1 / 0,
    }, {"numpy": 0.5, "torch": 0.1}, label="quick & <small>")
    yield Question("in processes", {
        "cytensor": Script("result = 2.0", rounds=1), "numpy": Script("result = 4.0"),
        "scipy": Script("import there_is_no_such_module"), "numba": Script("1 / 0"),
    }, {"numpy": 0.4}, limit=3.0, unit="MB")
    yield Mean("both", "quick", "numpy", 0.9)
'''


@pytest.fixture
def bench(monkeypatch, tmp_path):
    """The modules of the folder, and there a topic ``fake``."""
    (tmp_path / "test_fake.py").write_text(FAKE)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.syspath_prepend(BENCH)
    before = set(sys.modules)
    yield SimpleNamespace(**{name: __import__(name) for name in NAMES})
    for name in set(sys.modules) - before:
        if Path(getattr(sys.modules[name], "__file__", None) or "").parent in (BENCH, tmp_path):
            del sys.modules[name]


def answers_to(bench, **options):
    """The answers to the questions of ``fake``, by name."""
    effort = bench.runner.Effort(rounds=2, seconds=0.001, pause=0.0, patience=3.0)
    asked = {"fake": bench.questions.of_topic("fake")}
    return {a.question.name: a for a in bench.runner.run(asked, effort, **options)["fake"]}


def test_what_fails_costs_no_more_than_its_line(bench):
    answer = answers_to(bench)["quick & <small>"]
    assert [type(answer.values[name]) for name in ("cytensor", "numpy")] == [list, list]
    assert {name: v for name, v in answer.values.items() if isinstance(v, str)} == {
        "scipy": "not the result of cytensor", "numba": "not installed",
        "jax.jit": "crashed with signal 9", "torch": "no answer in 3 s",
        "pytensor": "failed: ZeroDivisionError: division by zero"}
    assert answer.verdict("numpy") == "pass"
    assert answer.verdict("torch") == ""


def test_scripts_and_means(bench):
    answers = answers_to(bench, peers=["numpy", "scipy", "numba"])
    answer = answers["in processes"]
    assert answer.values == {"cytensor": [2.0], "numpy": [4.0, 4.0], "scipy": "not installed",
                             "numba": "ZeroDivisionError: division by zero"}
    assert answer.ratio("numpy") == 0.5
    assert (answer.verdict("cytensor"), answer.verdict("numpy")) == ("pass", "short")
    mean = answers["both: geometric mean of 1 ratios"]
    assert mean.ratio("numpy") == pytest.approx(answers["quick & <small>"].ratio("numpy"))


def test_peers_that_are_not_asked_have_no_line(bench):
    answer = answers_to(bench, peers=["numpy"])["quick & <small>"]
    assert list(answer.values) == ["cytensor", "numpy"]


def found(bench, *values, label="", limit=None):
    """An answer of ours and of two peers."""
    names = ("cytensor", "numpy", "torch")
    question = bench.questions.Question("sum | of a & b", dict.fromkeys(names), {"numpy": 0.5},
                                        limit, label=label)
    return bench.table.Answer(question, dict(zip(names, values)))


def test_spread_and_verdict(bench):
    answer = found(bench, [1.0, 2.0, 3.0], [4.0, 4.0], "crashed", limit=1.5)
    assert answer.spread("cytensor") == 0.25
    assert (answer.spread("numpy"), answer.ratio("numpy"), answer.ratio("torch")) == (0, 0.5, None)
    assert [answer.verdict(name) for name in answer.values] == ["short", "pass", ""]
    assert [line.split() for line in answer.lines()][1:] == [
        ["cytensor", "2", "s", "limit", "1.5", "s", "short"],
        ["numpy", "4", "s", "ratio", "0.500", "target", "0.50", "pass"], ["torch", "crashed"]]


def report_of(bench, *answers):
    about = {"when": "today", "machine": "a machine", "versions": {"numpy": "2.0", "torch": None},
             "load": "0.0 and 0.1", "rounds": 2, "seed": 0}
    return bench.report.Report({"fake": list(answers)}, {"fake": "Does it count?"}, about)


def test_page_and_measures(bench):
    report = report_of(bench, found(bench, [2e-3, 2e-3], [3e-3, 3e-3], "crashed"))
    page = bench.report.markdown(report, "report.svg")
    rows = [line for line in page.splitlines() if line.startswith("|")]
    assert {row.replace(r"\|", "").count("|") for row in rows} == {5, 8}    # two tables
    assert "| sum \\| of a & b | numpy | 0.667 | 0.5 |" in rows
    assert "numpy 2.0; not installed: torch" in page
    assert "Of 1 targets, 0 are met." in page
    measures = json.loads(bench.report.as_json(report))
    assert measures["topics"]["fake"][0]["values"] == {
        "cytensor": [2e-3, 2e-3], "numpy": [3e-3, 3e-3], "torch": "crashed"}


def test_chart_is_svg_with_a_point_for_each_peer(bench):
    shown = found(bench, [1.0], [2.0], [0.5], label="a < b")
    root = ET.fromstring(bench.chart.draw([shown, found(bench, [1.0], [1000.0], "crashed")]))
    points = [e for e in root.iter() if e.get("class") == "dot"]
    assert [p[0].text for p in points] == ["numpy: 2", "torch: 0.5"]
    left, right = (float(p.get("cx")) for p in reversed(points))
    one = next(float(e.get("x1")) for e in root.iter() if e.get("class") == "one")
    assert left < one < right
    assert "a < b" in [e.text for e in root.iter()]


def test_chart_of_nothing_is_svg(bench):
    ET.fromstring(bench.chart.draw([]))


def test_the_command_writes_a_report(tmp_path):
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-m", "bench", "--quick", "--rounds", "1", "--peers", "numpy",
                    "--only", "call of A*2", "--out", tmp_path],
                   cwd=BENCH.parent, env=env, check=True, capture_output=True, timeout=120)
    page = (tmp_path / "report.md").read_text()
    assert "| call of A*2 on a 2x2 float64 matrix | **cytensor** |" in page
    assert "torch" not in page.split("##")[-1]
    ET.parse(tmp_path / "report.svg")


#: In a process of its own: files of bench/ have the names of files here.
CHECK = f"""
import sys
sys.path.insert(0, {str(BENCH)!r})
import questions
for topic in questions.topics():
    asked = questions.of_topic(topic)
    assert len({{str(q) for q in asked}}) == len(asked) > 0, topic
    assert questions.title(topic).endswith("?"), topic
    for question in asked:
        if isinstance(question, questions.Question):
            assert set(question.targets) < set(question.candidates), question
            assert questions.peer_of(question.ours) == "cytensor", question
"""


def test_questions_have_names_and_targets_of_their_own():
    run(CHECK)
