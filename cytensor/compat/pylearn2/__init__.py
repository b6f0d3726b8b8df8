"""pylearn2's names for cuda-convnet: what ``cytensor.compat.install("pylearn2")`` switches on."""


def activate():
    """Change nothing: there are names alone, and no rules."""


def deactivate():
    """Change nothing."""
