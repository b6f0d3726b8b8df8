"""Layers of neural networks, as functions with parameters."""
from cytensor.nn import init
from cytensor.nn.convolution import (
    Conv1D, Conv2D, Conv3D, ConvTranspose1D, ConvTranspose2D, ConvTranspose3D)
from cytensor.nn.dense import Dense, Embedding, Flatten, PReLU
from cytensor.nn.dropout import Dropout
from cytensor.nn.layer import Layer, Sequential, current, parameter, read_with, renew
from cytensor.nn.normalization import BatchNorm, GroupNorm, InstanceNorm, LayerNorm
from cytensor.nn.pooling import (
    AveragePool1D, AveragePool2D, AveragePool3D, GlobalPool, MaxPool1D, MaxPool2D, MaxPool3D)
from cytensor.nn.recurrent import GRU, LSTM, RNN, Bidirectional, Recurrent, length_mask

__all__ = [
    "AveragePool1D", "AveragePool2D", "AveragePool3D", "BatchNorm", "Bidirectional", "Conv1D",
    "Conv2D", "Conv3D", "ConvTranspose1D", "ConvTranspose2D", "ConvTranspose3D", "Dense",
    "Dropout", "Embedding", "Flatten", "GRU", "GlobalPool", "GroupNorm", "InstanceNorm", "LSTM",
    "Layer", "LayerNorm", "MaxPool1D", "MaxPool2D", "MaxPool3D", "PReLU", "RNN", "Recurrent",
    "Sequential", "current", "init", "length_mask", "parameter", "read_with", "renew",
]
