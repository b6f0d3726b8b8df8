"""The random generators in NumPy, as their authors describe them: for tests of ours."""
import numpy as np

# ----- Philox4x32-10 (Salmon et al., 2011) -----

_MULTIPLIERS = np.array([0xD2511F53, 0xCD9E8D57], dtype=np.uint64)
_STEPS = np.array([0x9E3779B9, 0xBB67AE85], dtype=np.uint64)
_WORD = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)


def philox(counters, key):
    """Return blocks of four words; ``counters`` has shape (n, 4), ``key`` (2,)."""
    c, key = np.array(counters, dtype=np.uint64).T, np.array(key, dtype=np.uint64)
    for _ in range(10):
        first, second = c[0] * _MULTIPLIERS[0], c[2] * _MULTIPLIERS[1]
        c = np.array([(second >> _HALF) ^ c[1] ^ key[0], second & _WORD,
                      (first >> _HALF) ^ c[3] ^ key[1], first & _WORD])
        key = (key + _STEPS) & _WORD
    return c.T.astype(np.uint32)


def words(state, n):
    """Return the first n words of a draw, in the order in which arrays take them.

    A chunk is 64 blocks: all their first words, then all their second ones, and so on.
    """
    key, draw = [int(x) for x in state]
    blocks = -(-n // 256) * 64
    counters = [(i & 0xFFFFFFFF, i >> 32, draw & 0xFFFFFFFF, draw >> 32) for i in range(blocks)]
    made = philox(counters, (key & 0xFFFFFFFF, key >> 32))
    return made.reshape(-1, 64, 4).transpose(0, 2, 1).ravel()[:n]


def uniform32(state, n):
    """Return n numbers below 1, of 24 bits."""
    return ((words(state, n) >> 8) * 2.0**-24).astype(np.float32)


def mask(state, p, n):
    """Return n truth values: which of the first words are below p * 2**32."""
    return words(state, n) < np.rint(p * 2.0**32)


def longs(state, n):
    """Return the first n pairs of words as uint64: first and second word, third and fourth."""
    w = words(state, -(-n // 128) * 256).astype(np.uint64).reshape(-1, 2, 2, 64)
    return (w[:, :, 0] | w[:, :, 1] << _HALF).ravel()[:n]


def uniform64(state, n):
    """Return n numbers below 1, of 53 bits."""
    low, high = longs(state, n) & _WORD, longs(state, n) >> _HALF
    return ((high >> np.uint64(5)) * 2.0**26 + (low >> np.uint64(6))) * 2.0**-53


def normal32(state, n):
    """Return n normal numbers by Box and Muller, computed in double precision."""
    w = words(state, -(-n // 256) * 256).reshape(-1, 2, 2, 64)
    radius = np.sqrt(-2 * np.log(((w[:, :, 0] >> 1) + 0.5) * 2.0**-31))
    angle = ((w[:, :, 1] >> 3) + 0.5) * (np.pi / 4 * 2.0**-29)
    sides = [np.where(w[:, :, 1] & 1, a, b) * np.where(w[:, :, 1] & sign, -1, 1)
             for a, b, sign in ((np.sin(angle), np.cos(angle), 4),
                                (np.cos(angle), np.sin(angle), 2))]
    return np.stack([radius * side for side in sides], axis=2).ravel()[:n]


# ----- MRG31k3p (L'Ecuyer and Touzin, 2000) -----

M1, M2 = 2**31 - 1, 2**31 - 21069


def mrg(states, n):
    """Return the states after n numbers, and those numbers as integers up to M1."""
    x, y = [[list(map(int, row[part])) for row in states] for part in (slice(3), slice(3, 6))]
    out = []
    for i in range(n):
        a, b = x[i % len(x)], y[i % len(y)]
        a[:] = [(2**22 * a[1] + (2**7 + 1) * a[2]) % M1, *a[:2]]
        b[:] = [(2**15 * b[0] + (2**15 + 1) * b[2]) % M2, *b[:2]]
        out.append(a[0] - b[0] + (M1 if a[0] <= b[0] else 0))
    return np.hstack([x, y]).astype(np.int32), np.array(out)
