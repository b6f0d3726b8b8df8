"""Products of matrices in C: by BLAS, or by loops of our own."""
from string import Template

import numpy as np

from cytensor.export.elements import literal
from cytensor.export.folds import Fold

#: The letters of BLAS, by dtype.
LETTERS = {"f32": "s", "f64": "d", "c64": "c", "c128": "z"}
_BYTES = 64                 # of a vector: compilers make several of it where they have shorter ones

#: c = beta c + alpha a b. Panels of b of 256 rows and some columns are packed; they stay in the
#: first cache while 4 rows of a go over them, whose sums stay in registers.
TILES = Template("""\
typedef $T ${name}_vector __attribute__((vector_size($bytes)));
enum { ${name}_ROWS = 4, ${name}_COLUMNS = 2 * $bytes / sizeof($T), ${name}_DEPTH = 256 };

/* Sums of products of 4 rows of a, and of all columns of a panel */
static void ${name}_tile(int64_t k, const $T *const *a, int64_t a1, const $T *panel,
                         $T (*sums)[${name}_COLUMNS])
{
    ${name}_vector s[${name}_ROWS][2] = {{{0}}};
    const $T *a_0 = a[0], *a_1 = a[1], *a_2 = a[2], *a_3 = a[3];
    for (int64_t l = 0; l < k; l++, panel += ${name}_COLUMNS) {
        ${name}_vector b_0, b_1;
        memcpy(&b_0, panel, sizeof b_0);
        memcpy(&b_1, panel + ${name}_COLUMNS / 2, sizeof b_1);
        const int64_t at = l * a1;
        s[0][0] += a_0[at] * b_0, s[0][1] += a_0[at] * b_1;
        s[1][0] += a_1[at] * b_0, s[1][1] += a_1[at] * b_1;
        s[2][0] += a_2[at] * b_0, s[2][1] += a_2[at] * b_1;
        s[3][0] += a_3[at] * b_0, s[3][1] += a_3[at] * b_1;
    }
    memcpy(sums, s, sizeof s);
}

static void $name(int64_t m, int64_t n, int64_t k, $T alpha, const $T *a, int64_t a0,
                  int64_t a1, const $T *b, int64_t b0, int64_t b1, $T beta, $T *c, int64_t c0,
                  int64_t c1)
{
    enum { ROWS = ${name}_ROWS, COLUMNS = ${name}_COLUMNS, DEPTH = ${name}_DEPTH };
    $T panel[DEPTH * COLUMNS], sums[ROWS][COLUMNS];
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++)
            c[i * c0 + j * c1] = beta == 0 ? 0 : beta * c[i * c0 + j * c1];
    for (int64_t l0 = 0; l0 < k; l0 += DEPTH) {
        const int64_t depth = k - l0 < DEPTH ? k - l0 : DEPTH;
        for (int64_t j0 = 0; j0 < n; j0 += COLUMNS) {
            const int64_t columns = n - j0 < COLUMNS ? n - j0 : COLUMNS;
            for (int64_t l = 0; l < depth; l++)
                for (int64_t j = 0; j < COLUMNS; j++)
                    panel[l * COLUMNS + j] = j < columns ? b[(l0 + l) * b0 + (j0 + j) * b1] : 0;
            for (int64_t i0 = 0; i0 < m; i0 += ROWS) {
                const int64_t rows = m - i0 < ROWS ? m - i0 : ROWS;
                const $T *from[ROWS];
                for (int64_t i = 0; i < ROWS; i++)      /* the last row again, if there is none */
                    from[i] = a + (i0 + (i < rows ? i : rows - 1)) * a0 + l0 * a1;
                ${name}_tile(depth, from, a1, panel, sums);
                for (int64_t i = 0; i < rows; i++)
                    for (int64_t j = 0; j < columns; j++)
                        c[(i0 + i) * c0 + (j0 + j) * c1] += alpha * sums[i][j];
            }
        }
    }
}
""")
#: The same for dtypes that have no vectors, element by element.
LOOPS = Template("""\
static void $name(int64_t m, int64_t n, int64_t k, $T alpha, const $T *a, int64_t a0,
                  int64_t a1, const $T *b, int64_t b0, int64_t b1, $T beta, $T *c, int64_t c0,
                  int64_t c1)
{
    for (int64_t i = 0; i < m; i++) {
        for (int64_t j = 0; j < n; j++) {
            $T sum = 0, *const at = c + i * c0 + j * c1;
            for (int64_t l = 0; l < k; l++) {
                const $T x = a[i * a0 + l * a1], y = b[l * b0 + j * b1];
                sum = $added;
            }
            *at = $scaled;
        }
    }
}
""")
#: A matrix, whose rows lie in one piece, times a vector that does: four rows at a time, and one by
#: one what is left.
DOTS = Template("""\
typedef $T ${name}_vector __attribute__((vector_size($bytes)));

static $T ${name}_sum(int64_t k, const $T *a, const $T *x)
{
    enum { WIDTH = $bytes / sizeof($T) };
    ${name}_vector s = {0}, u = {0}, p, q;
    int64_t l = 0;
    for (; l + 2 * WIDTH <= k; l += 2 * WIDTH) {
        memcpy(&p, a + l, sizeof p), memcpy(&q, x + l, sizeof q);
        s += p * q;
        memcpy(&p, a + l + WIDTH, sizeof p), memcpy(&q, x + l + WIDTH, sizeof q);
        u += p * q;
    }
    s += u;
    $T total = 0;
    for (; l < k; l++)
        total += a[l] * x[l];
    for (int j = 0; j < WIDTH; j++)
        total += s[j];
    return total;
}

/* Not inline, where compilers warn of what four rows of a smaller constant would be. */
__attribute__((noinline))
static void ${name}_sums(int64_t k, const $T *a, int64_t a0, const $T *x, $T *sums)
{
    enum { WIDTH = $bytes / sizeof($T) };
    const $T *a_1 = a + a0, *a_2 = a_1 + a0, *a_3 = a_2 + a0;
    ${name}_vector s_0 = {0}, s_1 = {0}, s_2 = {0}, s_3 = {0}, p, q;
    $T t_0 = 0, t_1 = 0, t_2 = 0, t_3 = 0;
    int64_t l = 0;
    for (; l + WIDTH <= k; l += WIDTH) {
        memcpy(&q, x + l, sizeof q);
        memcpy(&p, a + l, sizeof p), s_0 += p * q;
        memcpy(&p, a_1 + l, sizeof p), s_1 += p * q;
        memcpy(&p, a_2 + l, sizeof p), s_2 += p * q;
        memcpy(&p, a_3 + l, sizeof p), s_3 += p * q;
    }
    for (; l < k; l++) {
        t_0 += a[l] * x[l], t_1 += a_1[l] * x[l];
        t_2 += a_2[l] * x[l], t_3 += a_3[l] * x[l];
    }
    for (int j = 0; j < WIDTH; j++)
        t_0 += s_0[j], t_1 += s_1[j], t_2 += s_2[j], t_3 += s_3[j];
    sums[0] = t_0, sums[1] = t_1, sums[2] = t_2, sums[3] = t_3;
}

static void $name(int64_t m, int64_t k, $T alpha, const $T *a, int64_t a0, const $T *x, $T beta,
                  $T *y, int64_t y0)
{
    $T sums[4];
    for (int64_t i = 0; i < m;) {
        const int64_t rows = m - i < 4 ? 1 : 4;
        if (rows == 4)
            ${name}_sums(k, a + i * a0, a0, x, sums);
        else
            sums[0] = ${name}_sum(k, a + i * a0, x);
        for (int64_t r = 0; r < rows; r++, i++) {
            $T *const at = y + i * y0;
            *at = beta == 0 ? alpha * sums[r] : beta * *at + alpha * sums[r];
        }
    }
}
""")
#: The same through BLAS, in which matrices are turned: c' = b' a'.
BLAS = Template("""\
extern void ${letter}gemm_(const char *, const char *, const int *, const int *, const int *,
                   const $T *, const $T *, const int *, const $T *, const int *,
                   const $T *, $T *, const int *);

static void $name(int64_t m, int64_t n, int64_t k, $T alpha, const $T *a, int64_t a0,
                  int64_t a1, const $T *b, int64_t b0, int64_t b1, $T beta, $T *c, int64_t c0,
                  int64_t c1)
{
    const int64_t lda = a1 == 1 ? a0 : a1, ldb = b1 == 1 ? b0 : b1;
    const int fits = (a1 == 1 ? a0 >= k : a0 == 1 && a1 >= m)
        && (b1 == 1 ? b0 >= n : b0 == 1 && b1 >= k) && c1 == 1 && c0 >= n
        && m > 0 && n > 0 && k > 0 && lda > 0 && ldb > 0
        && m <= INT32_MAX && n <= INT32_MAX && k <= INT32_MAX
        && lda <= INT32_MAX && ldb <= INT32_MAX && c0 <= INT32_MAX;
    if (!fits) {
        $loops(m, n, k, alpha, a, a0, a1, b, b0, b1, beta, c, c0, c1);
        return;
    }
    const int M = (int)n, N = (int)m, K = (int)k, LDA = (int)ldb, LDB = (int)lda, LDC = (int)c0;
    ${letter}gemm_(b1 == 1 ? "N" : "T", a1 == 1 ? "N" : "T", &M, &N, &K, &alpha, b, &LDA, a, &LDB,
           &beta, c, &LDC);
}
""")


def multiply(unit, out, a, b, alpha, beta):
    """Write ``out = beta * out + alpha * a @ b``; None stands for 0 and 1.

    The three places are matrices; ``alpha`` and ``beta`` are expressions.
    """
    dtype = out.dtype
    one, zero = [literal(np.dtype(dtype.name).type(v), dtype) for v in (1, 0)]
    alpha, beta = alpha or one, beta or zero
    (m, k), n = a.dims, b.dims[1]
    call = _vector_call(unit, out, a, b, alpha, beta)
    if call is None:
        name = _need_product(unit, dtype)
        call = (f"{name}({m}, {n}, {k}, {alpha}, {a.base}, {_strides(a)}, {b.base}, "
                f"{_strides(b)}, {beta}, {out.base}, {_strides(out)});")
    unit.lines.add(call)


def _strides(place):
    return ", ".join([str(s) for s in place.strides])


def _vector_call(unit, out, a, b, alpha, beta):
    """The call that multiplies by a vector whose elements follow each other, or None."""
    dtype = out.dtype
    if dtype.short not in ("f32", "f64"):
        return None
    if b.dims[1] == 1 and a.strides[1] == 1 and _is_run(b, 0):
        m, rows, x, step = a.dims[0], a, b, out.strides[0]
    elif a.dims[0] == 1 and b.strides[0] == 1 and _is_run(a, 1):
        m, rows, x, step = b.dims[1], b._replace(strides=b.strides[::-1]), a, out.strides[1]
    else:
        return None
    name = unit.need(f"ct_dots_{dtype.short}", lambda: DOTS.substitute(
        name=f"ct_dots_{dtype.short}", T=dtype.storage, bytes=_BYTES))
    return (f"{name}({m}, {a.dims[1]}, {alpha}, {rows.base}, {rows.strides[0]}, {x.base}, {beta}, "
            f"{out.base}, {step});")


def _is_run(place, axis):
    return place.strides[axis] == 1 or place.dims[axis] == 1


def _need_product(unit, dtype):
    loops = unit.need(f"ct_product_{dtype.short}", lambda: _loops(dtype))
    letter = LETTERS.get(dtype.short)
    if unit.blas == "inline" or letter is None:
        return loops
    name = f"ct_blas_{dtype.short}"
    return unit.need(name, lambda: BLAS.substitute(
        name=name, T=dtype.storage, letter=letter, loops=loops))


def _loops(dtype):
    name = f"ct_product_{dtype.short}"
    if dtype.short in ("f32", "f64"):
        return TILES.substitute(name=name, T=dtype.storage, bytes=_BYTES)
    plus, times = Fold("sum", dtype), Fold("prod", dtype)
    scaled = plus.joined(f"({times.joined('beta', '*at')})", f"({times.joined('alpha', 'sum')})")
    return LOOPS.substitute(
        name=name, T=dtype.storage, added=plus.joined("sum", f"({times.joined('x', 'y')})"),
        scaled=f"beta == 0 ? {times.joined('alpha', 'sum')} : {scaled}")
