"""What several tests begin with, and the settings that all of them run with."""
import atexit
import os
import shutil
import signal
import tempfile

import pytest

# Before the package reads them. No compiler starts of its own accord beside a test, and nothing is
# written to the user's cache; what tests start inherits both.
os.environ.setdefault("CYTENSOR_JIT", "off")
if "CYTENSOR_CACHE_DIR" not in os.environ:
    folder = tempfile.mkdtemp(prefix="cytensor-tests-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["CYTENSOR_CACHE_DIR"] = folder

# Shells start what runs in the background with Ctrl-C ignored, and some tests need it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

import cytensor.compat


@pytest.fixture(scope="module")
def theano():
    """Theano's package, on cytensor; its names and rules are gone after the module's tests."""
    cytensor.compat.install("theano")
    import theano
    yield theano
    cytensor.compat.uninstall("theano")


@pytest.fixture
def jit():
    """What makes machine code; no call asks for it of its own accord."""
    from cytensor import config
    from cytensor.engine.pipeline import device
    before, config.jit = config.jit, "off"
    yield device().jit
    config.jit = before
