"""The process of one peer: makes its candidates of one topic, and times them when it is told to.

It is started with the number of an open socket, on which pairs (command, arguments) come.
"""
import os
import sys
import warnings
from multiprocessing.connection import Connection

import numpy as np
import tiers

SAMPLE = 1000           # at most so many numbers of a result are compared


class Worker:
    """One peer's candidates of one topic."""

    def __init__(self, topic):
        import questions
        self.questions = {q.name: q for q in questions.of_topic(topic)}
        self.turns = {}

    def make(self, name, candidate, seconds):
        """Make a candidate, ready for its turns; return a sample of what it computes."""
        from turns import Turn
        question = self.questions[name]
        made = question.candidates[candidate]()
        values = made.values(question.calls)
        if question.check:
            question.check(values)
        self.turns[candidate] = Turn(made, seconds)
        return None if question.check else [[sample(v) for v in value] for value in values]

    def turn(self, candidate):
        """The seconds of one execution."""
        return self.turns[candidate].take()

    def drop(self):
        """Forget the candidates of a question, and what they have set."""
        self.turns.clear()
        tiers.reset()


def sample(value):
    """Some numbers of an array, spread over it, and its shape."""
    flat = value.ravel()
    return np.array(value.shape), flat[::max(1, flat.size // SAMPLE)]


def serve(connection, topic):
    """Obey until there is nobody left to tell."""
    worker = Worker(topic)
    while True:
        try:
            command, arguments = connection.recv()
        except EOFError:
            return
        connection.send(_obey(worker, command, arguments))


def _obey(worker, command, arguments):
    try:
        return "done", getattr(worker, command)(*arguments)
    except ModuleNotFoundError:
        return "not installed", None
    except Exception as error:
        return f"failed: {type(error).__name__}: {error}".splitlines()[0], None


if __name__ == "__main__":
    os.dup2(2, 1)                       # what libraries print is no answer
    warnings.simplefilter("ignore")
    serve(Connection(int(sys.argv[1])), sys.argv[2])
