"""The example that writes: its text, its simple models, and that the network learns."""
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import char_lstm
import char_text
import numpy as np
import pytest

import cytensor as ct

SCRIPT = Path(char_lstm.__file__)


def run(folder, *arguments):
    """Run the script, as a user would, in an empty folder."""
    return subprocess.run([sys.executable, SCRIPT, *map(str, arguments)], cwd=folder,
                          capture_output=True, text=True, check=False,
                          env={**os.environ, "MPLCONFIGDIR": str(folder)})


def rows(output):
    """The table: the last column but the seconds of each row, which are bits held out."""
    lines = output.split("held out   seconds\n")[1].split("\n\n")[0].splitlines()
    return {line[:20].strip(): float(line[30:40]) for line in lines}


# ----- the text -----

def test_the_text_is_pythons_own():
    text = char_text.load()
    assert len(text.train) > 100_000
    assert len(text.test) > 10_000
    assert max(text.train.max(), text.test.max()) < len(char_text.ALPHABET)
    assert "Explicit is better than implicit." in char_text.decode(text.train)


def test_nothing_is_trained_on_and_held_out():
    text = char_text.load()
    trained, held = [{" ".join(p.split()) for p in char_text.decode(part).split("\n\n")}
                     for part in (text.train, text.test)]
    assert not trained & held


def test_a_file_of_ones_own(tmp_path):
    path = tmp_path / "text.txt"
    texts = [f"Paragraph \u201c{i}\u201d \u2013 naïve" for i in range(20)]
    path.write_text("\n\n".join(texts), "utf-8")
    text = char_text.load(path)
    assert char_text.decode(text.test) == 'Paragraph "9" - na?ve\n\nParagraph "19" - na?ve'
    assert char_text.decode(text.train).startswith('Paragraph "0" - na?ve\n\nParagraph "1"')


@pytest.mark.parametrize("content, message", [
    (None, "cannot be read"), (b"\xff\xfe\xfd", "cannot be read"), (b"one\n\ntwo", "too few"),
    ("\n\n".join(map(str, range(99))).encode(), "a batch takes 801")])
def test_a_text_that_will_not_do_is_one_clear_line(tmp_path, content, message):
    path = tmp_path / "text.txt"
    if content is not None:
        path.write_bytes(content)
    done = run(tmp_path, "--text", path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert message in done.stderr


# ----- simple models -----

def test_ngrams_agree_with_counting():
    text = char_text.Text(char_text.encode("abracadabra"), char_text.encode("cabrac"), "")
    n = len(char_text.ALPHABET)
    train, test = [char_text.decode(part) for part in text[:2]]

    def single(c):
        return (train.count(c) + 5 / n) / (len(train) + 5)     # 5 kinds of characters

    def pair(a, b):
        after = [second for first, second in pairwise(train) if first == a]
        return (after.count(b) + len(set(after)) * single(b)) / (len(after) + len(set(after)))
    wanted = [-np.mean([np.log2(single(c)) for c in test]),
              -np.mean([np.log2(pair(a, b)) for a, b in pairwise(test)])]
    np.testing.assert_allclose([char_text.ngram_bits(text, order) for order in (0, 1)], wanted)


@pytest.mark.parametrize("order", [0, 1, 2])
def test_probabilities_add_up_to_one(order):
    """Of all ways to go on from one context."""
    train = char_text.encode("abracadabra")
    codes = np.arange(len(char_text.ALPHABET))
    p = [2 ** -char_text.ngram_bits(char_text.Text(train, np.array([*train[:order], code]), ""),
                                    order) for code in codes]
    np.testing.assert_allclose(sum(p), 1)


# ----- the network -----

def test_the_quick_form_learns(tmp_path):
    done = run(tmp_path, "--quick", "--out", "picture.png")
    assert done.returncode == 0, done.stderr
    bits = rows(done.stdout)
    assert bits["LSTM, epoch 3"] < bits["LSTM, epoch 1"]
    assert bits["LSTM, epoch 3"] < bits["n-gram of order 1"] < bits["n-gram of order 0"]
    assert done.stdout.count("----- a sample at temperature") == 2
    assert "batch/s" in done.stderr
    assert (tmp_path / "picture.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def trainer(monkeypatch):
    monkeypatch.setattr(ct.config, "floatX", "float32")
    options = char_lstm.parse(["--hidden", "8", "--layers", "2", "--batch", "2", "--steps", "5"])
    return char_lstm.Trainer(options)


def test_batches_are_texts_side_by_side(trainer):
    codes = np.arange(33)
    batches = list(trainer.batches(codes))
    assert len(batches) == 3
    np.testing.assert_array_equal(np.concatenate([x for x, _ in batches], axis=1),
                                  codes[:30].reshape(2, 15))
    for x, y in batches:
        np.testing.assert_array_equal(y, x + 1)


def test_single_steps_agree_with_all_steps(trainer):
    """What the sampler uses, and what was trained."""
    codes = char_text.encode("def f(x):\n    return")
    sampler = char_lstm.Sampler(trainer.model, 0)
    states = sampler.start
    for code in codes:
        _, *states = sampler.step([code], 1.0, *states)
    wanted = char_lstm.activations(trainer.model, codes)
    np.testing.assert_allclose(states[-2][0], wanted[-1], rtol=1e-4, atol=1e-6)


def test_low_temperatures_are_careful(trainer):
    sampler = char_lstm.Sampler(trainer.model, 0)
    first, second = [sampler.write("ab", 30, 1e-4) for _ in range(2)]
    assert first == second
    assert first.startswith("ab")
    assert len(first) == 32
    assert len({sampler.write("ab", 30, 1.0) for _ in range(3)}) == 3
