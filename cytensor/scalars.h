/* scalars.h: loops over single numbers, without tensors, tiles or groups.
 *
 * A step is a list of instructions. An operand is a place in the loop's scratch memory that holds
 * the address of a number: of one that stays where it is, or of a row that moves from step to step.
 * Arithmetic is done right here, everything else by the tile kernels, on one element: so results
 * have the same bits as elsewhere. A loop of one state and at most two operations of arithmetic, of
 * which each also reads a row or a constant, is a chain: its state stays in a register.
 */
#ifndef CT_SCALARS_H
#define CT_SCALARS_H

#include <math.h>
#include <string.h>

#include "abi.h"

/* Arithmetic that is done here: name of the op, expression, number of inputs. A comparison of two
 * equal numbers, or with a NaN, goes as in ctmath_f64.h. */
#define CT_SCALAR_OPS(OP, T) \
    OP(add, T, x + y) OP(sub, T, x - y) OP(mul, T, x * y) \
    OP(maximum, T, x >= y || x != x ? x : y) OP(minimum, T, x <= y || x != x ? x : y) \
    OP(neg, T, -x) OP(sqr, T, x * x)
#define CT_SCALAR_FLOAT_OPS(OP, T) OP(true_div, T, x / y)
#define CT_SCALAR_TESTS(OP, T) \
    OP(lt, T, x < y) OP(le, T, x <= y) OP(gt, T, x > y) OP(ge, T, x >= y) \
    OP(eq, T, x == y) OP(neq, T, x != y)
#define CT_SCALAR_TYPES(ALL) ALL(F64, double) ALL(F32, float) ALL(I64, int64_t)

enum ct_scalar_code {
    CT_STEP,                    /* a step of the plan: number in `at` */
    CT_CALL,                    /* a tile kernel on one element */
    CT_COPY1, CT_COPY4, CT_COPY8,
#define OP(name, T, expression) CT_##name##_##T,
#define ALL(D, T) CT_SCALAR_OPS(OP, T) CT_SCALAR_TESTS(OP, T) CT_switch_##T,
    CT_SCALAR_TYPES(ALL)
#undef ALL
    CT_SCALAR_FLOAT_OPS(OP, double) CT_abs_double,
    CT_SCALAR_FLOAT_OPS(OP, float) CT_abs_float
#undef OP
};

typedef struct {
    int32_t op, at;
    ct_map fn;
    int64_t out, in[3];         /* places in scratch */
} ct_code;

/* Which op a tile kernel is: for lowering, which knows their addresses. */
typedef struct { const char *name; int dtype, op; } ct_scalar_name;

static const ct_scalar_name ct_scalar_names[] = {
#define OP(name, T, expression) {#name, CT_SCALAR_DTYPE_##T, CT_##name##_##T},
#define CT_SCALAR_DTYPE_double CT_F64
#define CT_SCALAR_DTYPE_float CT_F32
#define CT_SCALAR_DTYPE_int64_t CT_I64
#define ALL(D, T) CT_SCALAR_OPS(OP, T) CT_SCALAR_TESTS(OP, T) {"switch", CT_##D, CT_switch_##T},
    CT_SCALAR_TYPES(ALL)
#undef ALL
    CT_SCALAR_FLOAT_OPS(OP, double) CT_SCALAR_FLOAT_OPS(OP, float)
#undef OP
    {"abs", CT_F64, CT_abs_double}, {"abs", CT_F32, CT_abs_float}, {NULL, 0, 0}};

static inline char *ct_place(char *scratch, int64_t at)
{
    return *(char **)(scratch + at);
}

/* Run one instruction other than CT_STEP. */
static inline void ct_scalar_run(const ct_code *c, char *s)
{
    switch (c->op) {
    case CT_CALL: {
        const void *in[3] = {ct_place(s, c->in[0]), ct_place(s, c->in[1]), ct_place(s, c->in[2])};
        c->fn(1, ct_place(s, c->out), in, 0);
        break;
    }
    case CT_COPY1: *ct_place(s, c->out) = *ct_place(s, c->in[0]); break;
    case CT_COPY4: memcpy(ct_place(s, c->out), ct_place(s, c->in[0]), 4); break;
    case CT_COPY8: memcpy(ct_place(s, c->out), ct_place(s, c->in[0]), 8); break;
#define OP(name, T, expression) \
    case CT_##name##_##T: { \
        const T x = *(const T *)ct_place(s, c->in[0]), y = *(const T *)ct_place(s, c->in[1]); \
        (void)y; \
        *(T *)ct_place(s, c->out) = (expression); \
        break; \
    }
#define TEST(name, T, expression) \
    case CT_##name##_##T: { \
        const T x = *(const T *)ct_place(s, c->in[0]), y = *(const T *)ct_place(s, c->in[1]); \
        *(unsigned char *)ct_place(s, c->out) = (expression); \
        break; \
    }
#define ALL(D, T) CT_SCALAR_OPS(OP, T) CT_SCALAR_TESTS(TEST, T) \
    case CT_switch_##T: \
        *(T *)ct_place(s, c->out) = *(const T *)ct_place( \
            s, *(unsigned char *)ct_place(s, c->in[0]) ? c->in[1] : c->in[2]); \
        break;
    CT_SCALAR_TYPES(ALL)
    CT_SCALAR_FLOAT_OPS(OP, double) CT_SCALAR_FLOAT_OPS(OP, float)
#undef ALL
#undef TEST
#undef OP
    case CT_abs_double:
        *(double *)ct_place(s, c->out) = fabs(*(const double *)ct_place(s, c->in[0]));
        break;
    case CT_abs_float:
        *(float *)ct_place(s, c->out) = fabsf(*(const float *)ct_place(s, c->in[0]));
        break;
    }
}

/* ----- chains: state = second(first(state, a), b) ----- */

/* What moves: addresses, and bytes per step. */
typedef struct {
    char *out, *a, *b;
    int64_t to, from_a, from_b;
} ct_chain_rows;

typedef void (*ct_chain)(int64_t n, const void *first, const ct_chain_rows *rows);

/* The state is x where the op has it first, else y. These give what the expressions above give. A
 * minimum branches: the processor guesses how it goes, and does not wait for the state. */
#define CT_CHAIN_OPS(OP, ...) \
    OP(add_x, c + s, __VA_ARGS__) OP(sub_x, c - s, __VA_ARGS__) OP(sub_y, s - c, __VA_ARGS__) \
    OP(mul_x, c * s, __VA_ARGS__) \
    OP(min_x, s != s ? s : (s < c ? s : c), __VA_ARGS__) \
    OP(min_y, c != c ? c : (c < s ? c : s), __VA_ARGS__) \
    OP(max_x, s != s ? s : (s > c ? s : c), __VA_ARGS__) \
    OP(max_y, c != c ? c : (c > s ? c : s), __VA_ARGS__)

enum ct_link { CT_NO_LINK = -1,
#define OP(name, expression, ...) CT_LINK_##name,
    CT_CHAIN_OPS(OP, )
#undef OP
    CT_NLINKS
};

#define CT_APPLY(name, T) static inline T ct_##name##_##T(T c, T s)
#define OP(name, expression, T) CT_APPLY(name, T) { return expression; }
CT_CHAIN_OPS(OP, double)
CT_CHAIN_OPS(OP, float)
#undef OP

#define CT_CHAIN(T, one, two) \
static void ct_chain_##T##_##one##_##two(int64_t n, const void *first, const ct_chain_rows *r) \
{ \
    T c = *(const T *)first; \
    char *out = r->out; \
    const char *a = r->a, *b = r->b; \
    const int64_t to = r->to, from_a = r->from_a, from_b = r->from_b; \
    for (int64_t i = 0; i < n; i++, out += to, a += from_a, b += from_b) { \
        c = ct_##one##_##T(c, *(const T *)a); \
        c = ct_##two##_##T(c, *(const T *)b); \
        *(T *)out = c; \
    } \
}
#define CT_SINGLE(T, one) \
static void ct_chain_##T##_##one(int64_t n, const void *first, const ct_chain_rows *r) \
{ \
    T c = *(const T *)first; \
    char *out = r->out; \
    const char *a = r->a; \
    const int64_t to = r->to, from_a = r->from_a; \
    for (int64_t i = 0; i < n; i++, out += to, a += from_a) { \
        c = ct_##one##_##T(c, *(const T *)a); \
        *(T *)out = c; \
    } \
}
#define OP(name, expression, T) CT_SINGLE(T, name) \
    CT_CHAIN(T, name, add_x) CT_CHAIN(T, name, sub_x) CT_CHAIN(T, name, sub_y) \
    CT_CHAIN(T, name, mul_x) CT_CHAIN(T, name, min_x) CT_CHAIN(T, name, min_y) \
    CT_CHAIN(T, name, max_x) CT_CHAIN(T, name, max_y)
CT_CHAIN_OPS(OP, double)
CT_CHAIN_OPS(OP, float)
#undef OP

/* A chain of one op (two is CT_NO_LINK) or two. */
static ct_chain ct_find_chain(int dtype, int one, int two)
{
#define OP(name, expression, T) { \
        ct_chain_##T##_##name, ct_chain_##T##_##name##_add_x, ct_chain_##T##_##name##_sub_x, \
        ct_chain_##T##_##name##_sub_y, ct_chain_##T##_##name##_mul_x, \
        ct_chain_##T##_##name##_min_x, ct_chain_##T##_##name##_min_y, \
        ct_chain_##T##_##name##_max_x, ct_chain_##T##_##name##_max_y},
    static const ct_chain doubles[CT_NLINKS][CT_NLINKS + 1] = {CT_CHAIN_OPS(OP, double)};
    static const ct_chain floats[CT_NLINKS][CT_NLINKS + 1] = {CT_CHAIN_OPS(OP, float)};
#undef OP
    return (dtype == CT_F64 ? doubles : floats)[one][two + 1];
}

/* The link of an instruction whose input `place` (0 or 1) is the state. */
static int ct_link_of(int op, int place)
{
    switch (op) {
#define BOTH(name, T) case CT_##name##_##T
    BOTH(add, double): BOTH(add, float): return CT_LINK_add_x;
    BOTH(mul, double): BOTH(mul, float): return CT_LINK_mul_x;
    BOTH(sub, double): BOTH(sub, float): return place ? CT_LINK_sub_y : CT_LINK_sub_x;
    BOTH(minimum, double): BOTH(minimum, float): return place ? CT_LINK_min_y : CT_LINK_min_x;
    BOTH(maximum, double): BOTH(maximum, float): return place ? CT_LINK_max_y : CT_LINK_max_x;
#undef BOTH
    }
    return CT_NO_LINK;
}

#endif
