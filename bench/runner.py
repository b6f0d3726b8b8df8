"""Puts questions to one process a peer: in random order, the peers in turn, in several rounds."""
import contextlib
import random
import subprocess
import time
from dataclasses import dataclass, replace

from fresh import NotInstalled, Script
from processes import Gone, NoAnswer, Process
from questions import OURS, Mean, peer_of
from table import Answer
from turns import check_equal


#: Functions that are in use for a second run machine code of their own. Here that is at once, so
#: that no compiler runs beside others' turns.
ENV = {OURS: {"CYTENSOR_JIT": "eager"}}


@dataclass
class Effort:
    """How much time is given to the questions.

    Attributes
    ----------
    rounds : int
    seconds, pause : float
        How long a turn lasts, about, and how long all rest before it.
    budget : float
        When the turns of a question have taken so many seconds, no third round begins, nor more.
    total : float
        After so many seconds, each question that is left gets two rounds.
    patience : float
        How many seconds one reply may take.
    """

    rounds: int = 5
    seconds: float = 0.025
    pause: float = 0.12
    budget: float = 8.0
    total: float = 500.0
    patience: float = 120.0


QUICK = Effort(rounds=2, seconds=0.005, pause=0.01, budget=2.0)


def run(questions, effort, peers=None, seed=0, progress=lambda question: None):
    """Ask all, and return the answers in the order of the questions; of some, after a Ctrl-C.

    Parameters
    ----------
    questions : dict of str to list of Question or Mean
        By topic.
    effort : Effort
    peers : collection of str, optional
        Who is asked besides cytensor; all if not given.
    seed : int
        Of the random orders.
    progress : function
        Called with each question before it is put.

    Returns
    -------
    dict of str to list of Answer
    """
    rng = random.Random(seed)
    found, late = {}, time.monotonic() + effort.total
    with contextlib.suppress(KeyboardInterrupt):
        for topic in rng.sample(list(questions), len(questions)):
            if time.monotonic() > late:
                effort = replace(effort, rounds=min(2, effort.rounds))
            found[topic] = _topic(topic, questions[topic], effort, peers, rng, progress)
    return {topic: found[topic] for topic in questions if topic in found}


def _topic(topic, questions, effort, peers, rng, progress):
    processes, answers = {}, {}
    try:
        for question in rng.sample(questions, len(questions)):
            if not isinstance(question, Mean):
                progress(question)
                names = [n for n in question.candidates if _asked(n, peers)]
                asking = _Asking(topic, question, names, effort, processes)
                answers[question.name] = asking.answer(rng)
    finally:
        for process in processes.values():
            process.stop()
    return _in_order(questions, answers)


def _asked(candidate, peers):
    peer = peer_of(candidate)
    return peer == OURS or peers is None or peer in peers


def _in_order(questions, answers):
    """The answers, with those that are means of others."""
    found = [answers[q.name] for q in questions if not isinstance(q, Mean)]
    means = [q.question(found) for q in questions if isinstance(q, Mean)]
    return found + [Answer(*mean) for mean in means if mean]


class _Asking:
    """One question, put to all."""

    def __init__(self, topic, question, names, effort, processes):
        self.topic, self.question, self.names = topic, question, names
        self.effort, self.processes = effort, processes
        self.values = {name: [] for name in names}      # a word in place of a list: no answer
        self.samples = {}

    def answer(self, rng):
        """Make the candidates, compare what they compute, and take turns."""
        for name in self.names:
            self._attempt(name, self._make)
        self._compare()
        end = time.monotonic() + self.effort.budget
        for number in range(self.effort.rounds):
            if number > 1 and time.monotonic() > end:
                break
            for name in rng.sample(self.names, len(self.names)):
                self._attempt(name, self._turn, number)
        for process in self.processes.values():
            process.forget()
        return Answer(self.question, self.values)

    def _attempt(self, name, what, *arguments):
        """Do something for a candidate that has not failed yet."""
        if isinstance(self.values[name], str):
            return
        try:
            what(name, *arguments)
        except NotInstalled:
            self.values[name] = "not installed"
        except subprocess.TimeoutExpired as late:
            self.values[name] = f"no answer in {late.timeout:.0f} s"
        except Gone as gone:
            self._lose(name, str(gone))
        except (NoAnswer, RuntimeError) as error:
            self.values[name] = str(error).strip().splitlines()[-1]

    def _lose(self, name, why):
        """A process has ended, and with it the other candidates of its peer."""
        for other in self.names:
            if peer_of(other) == peer_of(name) and not isinstance(self.values[other], str):
                self.values[other] = why

    def _make(self, name):
        if not isinstance(self.question.candidates[name], Script):
            sample = self._process(name).ask(self.effort.patience, "make", self.question.name,
                                             name, self.effort.seconds)
            if sample is not None:
                self.samples[name] = sample

    def _compare(self):
        """Leave out who computes something else than ours."""
        ours = self.question.ours
        for name, found in self.samples.items():
            try:
                if ours in self.samples:
                    check_equal({ours: _numbers(self.samples[ours]), name: _numbers(found)},
                                self.question.rtol)
            except (AssertionError, ValueError):
                self.values[name] = f"not the result of {ours}"

    def _turn(self, name, number):
        script = self.question.candidates[name]
        if not isinstance(script, Script):
            time.sleep(self.effort.pause)
            self.values[name].append(
                self._process(name).ask(self.effort.patience, "turn", name))
        elif number < script.rounds:
            self.values[name].append(script.measure(self.effort.patience))

    def _process(self, name):
        peer = peer_of(name)
        if peer not in self.processes:
            self.processes[peer] = Process(self.topic, ENV.get(peer, {}))
        return self.processes[peer]


def _numbers(sample):
    """Shapes and numbers of each call in one list."""
    return [[a for pair in call for a in pair] for call in sample]
