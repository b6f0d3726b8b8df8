"""Gradient descent: rules that turn a loss and parameters into updates of a function."""
from cytensor.optim.clipping import clip_norm, global_norm
from cytensor.optim.rules import adam, momentum, rmsprop, sgd

__all__ = ["adam", "clip_norm", "global_norm", "momentum", "rmsprop", "sgd"]
