/* order.c: the keys of each dtype: unsigned integers in the order of its items. */
#include "sort.h"

/* From the bits of an item to a key. A float's bits grow with its size: those of a negative one
 * are turned around, and NaN, of whatever sign, comes last. Back from the last key, it is NaN. */
#define KEY_UNSIGNED(U, bits) (bits)
#define BITS_UNSIGNED(U, key) (key)
#define TOP(U) ((U)((U)1 << (8 * sizeof(U) - 1)))
#define KEY_SIGNED(U, bits) ((U)((bits) ^ TOP(U)))
#define BITS_SIGNED(U, key) KEY_SIGNED(U, key)
#define KEY_FLOAT(U, bits, infinity) \
    ((U)((bits) & (U)~TOP(U)) > (infinity) ? (U)~(U)0 \
     : (U)((bits) ^ ((bits) & TOP(U) ? (U)~(U)0 : TOP(U))))
#define BITS_FLOAT(U, key) ((U)((key) & TOP(U) ? (key) ^ TOP(U) : ~(key)))
#define KEY_F16(U, bits) KEY_FLOAT(U, bits, 0x7c00)
#define KEY_F32(U, bits) KEY_FLOAT(U, bits, 0x7f800000)
#define KEY_F64(U, bits) KEY_FLOAT(U, bits, 0x7ff0000000000000)

/* -0 as 0: equal items are told apart by their places alone. */
#define SAME(U, bits) (bits)
#define NO_MINUS(U, bits) ((bits) == TOP(U) ? 0 : (bits))

#define PACK(key, index) ((uint64_t)(key) << 32 | (uint64_t)(index))
#define PAIR(key, index) ((ct_pair){key, index})

#define ORDER(name, U, KEY, BITS, ZERO, ITEM, MAKE) \
CT_CLONES static void load_##name(const char *x, int64_t stride, int64_t n, void *keys) \
{ \
    U *restrict to = keys; \
    if (stride == sizeof(U)) { \
        const U *from = (const U *)x; \
        for (int64_t i = 0; i < n; i++) \
            to[i] = KEY(U, from[i]); \
        return; \
    } \
    for (int64_t i = 0; i < n; i++) { \
        const U bits = *(const U *)(x + i * stride); \
        to[i] = KEY(U, bits); \
    } \
} \
\
CT_CLONES static void store_##name(const void *keys, int64_t n, char *out, int64_t stride) \
{ \
    const U *from = keys; \
    if (stride == sizeof(U)) { \
        U *to = (U *)out; \
        for (int64_t i = 0; i < n; i++) \
            to[i] = BITS(U, from[i]); \
        return; \
    } \
    for (int64_t i = 0; i < n; i++) \
        *(U *)(out + i * stride) = BITS(U, from[i]); \
} \
\
static inline U key_##name(const char *x, uint64_t flip) \
{ \
    const U bits = ZERO(U, *(const U *)x); \
    return (U)(KEY(U, bits) ^ (U)flip); \
} \
\
CT_CLONES static void load_indexed_##name(const char *x, int64_t stride, int64_t first, \
                                          int64_t n, uint64_t flip, void *items) \
{ \
    ITEM *to = items; \
    for (int64_t i = 0; i < n; i++) \
        to[i] = MAKE(key_##name(x + i * stride, flip), first + i); \
} \
\
CT_CLONES static int any_below_##name(const char *x, int64_t stride, int64_t n, U flip, U limit, \
                                      U *keys) \
{ \
    U found = 0; \
    if (stride == sizeof(U)) \
        for (int64_t i = 0; i < n; i++) \
            keys[i] = key_##name(x + i * (int64_t)sizeof(U), flip); \
    else \
        for (int64_t i = 0; i < n; i++) \
            keys[i] = key_##name(x + i * stride, flip); \
    for (int64_t i = 0; i < n; i++) \
        found |= keys[i] < limit; \
    return found; \
} \
\
static int64_t filter_##name(const char *x, int64_t stride, int64_t first, int64_t n, \
                             uint64_t flip, uint64_t limit, void *items, int64_t count) \
{ \
    U keys[CT_BLOCK]; \
    ITEM *to = items; \
    if (!any_below_##name(x, stride, n, (U)flip, (U)limit, keys)) \
        return count; \
    for (int64_t i = 0; i < n; i++) {       /* no branch that could be guessed wrongly */ \
        to[count] = MAKE(keys[i], first + i); \
        count += keys[i] < (U)limit; \
    } \
    return count; \
}

/* X(name, bits, key of bits, bits of key, zero, item with an index, how it is made) */
#define FOR_ORDERS(X) \
    X(u8, uint8_t, KEY_UNSIGNED, BITS_UNSIGNED, SAME, uint64_t, PACK) \
    X(i8, uint8_t, KEY_SIGNED, BITS_SIGNED, SAME, uint64_t, PACK) \
    X(u16, uint16_t, KEY_UNSIGNED, BITS_UNSIGNED, SAME, uint64_t, PACK) \
    X(i16, uint16_t, KEY_SIGNED, BITS_SIGNED, SAME, uint64_t, PACK) \
    X(f16, uint16_t, KEY_F16, BITS_FLOAT, NO_MINUS, uint64_t, PACK) \
    X(u32, uint32_t, KEY_UNSIGNED, BITS_UNSIGNED, SAME, uint64_t, PACK) \
    X(i32, uint32_t, KEY_SIGNED, BITS_SIGNED, SAME, uint64_t, PACK) \
    X(f32, uint32_t, KEY_F32, BITS_FLOAT, NO_MINUS, uint64_t, PACK) \
    X(u64, uint64_t, KEY_UNSIGNED, BITS_UNSIGNED, SAME, ct_pair, PAIR) \
    X(i64, uint64_t, KEY_SIGNED, BITS_SIGNED, SAME, ct_pair, PAIR) \
    X(f64, uint64_t, KEY_F64, BITS_FLOAT, NO_MINUS, ct_pair, PAIR)
FOR_ORDERS(ORDER)

#define ROW(name, bytes, indexed) \
    {bytes, &ct_keys_##bytes, &indexed, load_##name, store_##name, load_indexed_##name, \
     filter_##name}

const ct_order ct_orders[CT_NDTYPES] = {
    [CT_BOOL] = ROW(u8, 1, ct_packed), [CT_I8] = ROW(i8, 1, ct_packed),
    [CT_U8] = ROW(u8, 1, ct_packed), [CT_I16] = ROW(i16, 2, ct_packed),
    [CT_U16] = ROW(u16, 2, ct_packed), [CT_I32] = ROW(i32, 4, ct_packed),
    [CT_U32] = ROW(u32, 4, ct_packed), [CT_I64] = ROW(i64, 8, ct_pairs),
    [CT_U64] = ROW(u64, 8, ct_pairs), [CT_F16] = ROW(f16, 2, ct_packed),
    [CT_F32] = ROW(f32, 4, ct_packed), [CT_F64] = ROW(f64, 8, ct_pairs),
};

uint64_t ct_item_key(const ct_sortable *kind, const void *items, int64_t i)
{
    return kind == &ct_pairs ? ((const ct_pair *)items)[i].key
                             : ((const uint64_t *)items)[i] >> kind->shift;
}

int64_t ct_item_index(const ct_sortable *kind, const void *items, int64_t i)
{
    return kind == &ct_pairs ? ((const ct_pair *)items)[i].index
                             : (int64_t)(uint32_t)((const uint64_t *)items)[i];
}
