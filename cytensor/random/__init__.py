"""Random numbers: native streams, and those of Theano's names with Theano's numbers."""
from cytensor.random.dropout import dropout, spatial_dropout
from cytensor.random.mrg import MRG_RandomStreams
from cytensor.random.stream import Stream

__all__ = ["MRG_RandomStreams", "RandomStreams", "Stream", "dropout", "spatial_dropout"]


def __getattr__(name):
    """NumPy's generators take long to import, and are needed for ``RandomStreams`` alone."""
    if name != "RandomStreams":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from cytensor.random.numpy_streams import RandomStreams
    return RandomStreams
