"""The rows of normalisation in the table of ops."""
import numpy as np
from op_table import CUBE, FLOATS, LONG, MATRIX, POSITIVE, REAL, REALS, Row

import cytensor.tensor as T
from cytensor.ops.statistics import squared_deviations


def _standardised(x, axes, epsilon):
    mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return (x - mean) / np.sqrt(var + epsilon)


def _group_norm(x, groups):
    return _standardised(x.reshape(len(x), groups, -1), -1, 1e-5).reshape(x.shape)


def _batch(x, gamma, beta):
    out = _standardised(x, 0, 1e-4) * gamma + beta
    return out, x.mean(0), 1 / np.sqrt(x.var(0) + 1e-4)


WITH_VECTORS = [((3, 4), (4,), (4,))]
NORMALIZATION_ROWS = [
    Row(squared_deviations, lambda x, axis: ((x - x.mean(axis, keepdims=True))**2).sum(
        axis, keepdims=True), REAL, [*CUBE, ((0, 3, 2),)], {"axis": (0, 2)},
        ("float32", "float64"), loose=5),
    Row(T.nnet.layer_norm, lambda x, gamma, beta: _standardised(x, -1, 1e-5) * gamma + beta,
        (REAL, POSITIVE), [*WITH_VECTORS, ((3, 1100), (1100,), (1100,)), ((0, 4), (4,), (4,))],
        dtypes=REALS, result="float", loose=20),
    Row(T.nnet.rms_norm, lambda x: x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-6), REAL,
        [*MATRIX, *LONG], dtypes=FLOATS, loose=5),
    Row(T.nnet.group_norm, _group_norm, REAL, [((2, 6, 3),), ((2, 4, 5, 120),)], {"groups": 2},
        FLOATS, loose=20),
    Row(T.nnet.instance_norm, lambda x: _standardised(x, -1, 1e-5), REAL, CUBE, dtypes=FLOATS,
        loose=20),
    Row(T.nnet.bn.batch_normalization_train, _batch, (REAL, POSITIVE),
        [*WITH_VECTORS, ((1100, 3), (3,), (3,))], dtypes=FLOATS, loose=20),
    Row(T.nnet.bn.batch_normalization_test, lambda x, gamma, beta, mean, var:
        (x - mean) / np.sqrt(var + 1e-4) * gamma + beta, (REAL, POSITIVE),
        [((3, 4), *[(4,)] * 4), ((0, 4), *[(4,)] * 4)], dtypes=FLOATS, loose=5),
    Row(T.nnet.bn.batch_normalization, lambda x, gamma, beta, mean, std:
        (x - mean) * gamma / std + beta, (REAL, POSITIVE), [((3, 4), *[(4,)] * 4)], dtypes=FLOATS,
        loose=5),
]
