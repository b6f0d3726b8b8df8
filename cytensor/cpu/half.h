/* half.h: float16 is storage only; it is computed in float32. */
#ifndef CT_HALF_H
#define CT_HALF_H

#include <stdint.h>
#include <string.h>

static inline float ct_half_to_float(uint16_t half)
{
    const uint32_t sign = (uint32_t)(half & 0x8000) << 16, bits = half & 0x7fff;
    /* Moved to the exponent and mantissa of a float, it is 2^112 too small: scaling is exact,
     * subnormals included. Infinities and NaNs take the largest exponent. */
    uint32_t word = bits << 13;
    float value;
    memcpy(&value, &word, 4);
    value *= 0x1p112f;
    memcpy(&word, &value, 4);
    word = (bits >= 0x7c00 ? 0x7f800000 | (bits << 13) : word) | sign;
    memcpy(&value, &word, 4);
    return value;
}

static inline uint16_t ct_float_to_half(float value)
{
    uint32_t word;
    memcpy(&word, &value, 4);
    const uint32_t sign = word >> 16 & 0x8000, bits = word & 0x7fffffff;
    /* A normal half: rebias the exponent, and round 13 bits off, ties to even. A carry may run into
     * the exponent, up to infinity. */
    const uint32_t normal = (bits - (112u << 23) + 0xfff + (bits >> 13 & 1)) >> 13;
    /* A subnormal one: adding 0.5 leaves the float's last bit worth 2^-24, rounded to even. */
    float small;
    memcpy(&small, &bits, 4);
    small += 0.5f;
    uint32_t subnormal;
    memcpy(&subnormal, &small, 4);
    subnormal -= 0x3f000000;
    const uint32_t nan = 0x7e00 | (bits >> 13 & 0x3ff);
    return (uint16_t)(sign | (bits > 0x7f800000 ? nan : bits >= 0x47800000 ? 0x7c00
                              : bits < 0x38800000 ? subnormal : normal));
}

#endif
