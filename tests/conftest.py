"""What several tests begin with."""
import pytest

import cytensor.compat


@pytest.fixture(scope="module")
def theano():
    """Theano's package, on cytensor; its names and rules are gone after the module's tests."""
    cytensor.compat.install("theano")
    import theano
    yield theano
    cytensor.compat.uninstall("theano")
