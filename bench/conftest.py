"""Puts the questions of each file to cytensor and its peers, in one process; tables at the end."""
import fresh
import machine
import pytest
import tiers
from questions import Mean
from table import Answer
from turns import check_equal, take_turns

ANSWERS = pytest.StashKey[list]()


def pytest_configure(config):
    config.stash[ANSWERS] = []


def pytest_generate_tests(metafunc):
    if "question" in metafunc.fixturenames:
        metafunc.parametrize("question", list(metafunc.module.questions()), ids=str)


@pytest.fixture
def ask(request):
    """Put a question, compare the results, and add what was measured to the tables at the end."""
    answers = request.config.stash[ANSWERS]

    def put(question):
        if isinstance(question, Mean):
            question, values = question.question(answers) or pytest.skip("no peer is installed")
        elif all(isinstance(c, fresh.Script) for c in question.candidates.values()):
            values = fresh.take_turns(question.candidates)
        else:
            values = _contest(question, request.getfixturevalue("benchmark"))
        tiers.reset()
        answers.append(Answer(question, {n: v or "not installed" for n, v in values.items()}))
    return put


def _contest(question, benchmark):
    candidates, missing = {}, {}
    for name, make in question.candidates.items():
        try:
            candidates[name] = make()
        except ModuleNotFoundError:
            missing[name] = None
    _check(question, candidates)
    times = take_turns(candidates)
    benchmark.extra_info["times"] = times
    ours = candidates[question.ours]
    benchmark.pedantic(ours.function(), rounds=10, iterations=max(1, round(
        0.01 / (ours.count * min(times[question.ours])))))
    return times | missing


def _check(question, candidates):
    values = {name: c.values(question.calls) for name, c in candidates.items()}
    if question.check:
        for found in values.values():
            question.check(found)
    else:
        check_equal(values, question.rtol)


def pytest_terminal_summary(terminalreporter, config):
    answers = config.stash[ANSWERS]
    if answers:
        terminalreporter.section("cytensor and its peers")
        terminalreporter.write_line(machine.line())
        for answer in answers:
            terminalreporter.write_line("")
            for line in answer.lines():
                terminalreporter.write_line(line)
