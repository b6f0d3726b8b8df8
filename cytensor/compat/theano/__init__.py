"""Theano's names and rules: what ``cytensor.compat.install("theano")`` switches on."""
from cytensor import config
from cytensor._core import count_sizes, register_label
from cytensor.function import COPIED_KINDS, WORDS

_before: dict = {}
_before_words: dict = {}
#: What Theano says of wrong arguments.
_WORDS = {
    "function": "theano function",
    "named": 'theano function with name "{name}"',
    "too many": "Too many parameter passed to theano function: it takes {n}, got {given}",
    "twice": "Multiple values for input: {key}",
    "unknown": "Unknown input or state: {key}",
    "missing": "Missing required input: {x!r}",
    "bad": "Bad input argument to {f} at index {i} (0-based){name}: {error}",
}


def activate():
    """Take Theano's flags, rules and texts; the settings of cytensor are remembered."""
    from cytensor.compat.theano import attributes, flags, labels
    _before.update({name: getattr(config, name) for name in config.FLAGS})
    flags.start()
    register_label(labels.label)
    count_sizes(False)
    _before_words.update(WORDS)
    WORDS.update(_WORDS)
    COPIED_KINDS["one"] = "list"
    attributes.add()


def deactivate():
    """Put cytensor's settings and texts back."""
    from cytensor.compat.theano import attributes
    attributes.remove()
    COPIED_KINDS.clear()
    register_label(None)
    count_sizes(True)
    WORDS.update(_before_words)
    for name, value in _before.items():
        setattr(config, name, value)
    _before.clear()
