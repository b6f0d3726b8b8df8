/* ctmath_poly.h: the minimax polynomials of ctmath.h. Written by tools/minimax.py.
 *
 * CT_POLY_NAME_F32(x) and _F64(x) are evaluated by Horner's rule, long ones in two parts. The
 * comment gives what the polynomial stands for, its interval, and the error it brings in units of
 * 2^-24 or 2^-53.
 */
#ifndef CT_MATH_POLY_H
#define CT_MATH_POLY_H


/* exp(x) = 1 + x + x^2 P(x);
   -0.3469 <= x <= 0.3469; error 0.29 */
#define CT_POLY_EXP_F32(x) CT_HORNER_F32(x, 5, \
    0x1.fffffep-2f, 0x1.5554bp-3f, 0x1.555674p-5f, 0x1.1227f4p-7f, \
    0x1.6bec36p-10f)

/* exp(x) = 1 + x + x^2 P(x);
   -0.3469 <= x <= 0.3469; error 0.29 */
#define CT_POLY_EXP_F64(x) fma_f64(CT_POWER_4(x), \
    CT_HORNER_F64(x, 6, \
    0x1.6c16c17ef56c8p-10, 0x1.a01a0174e66a7p-13, 0x1.a019a71cd985bp-16, \
    0x1.71de882fc2a6ap-19, 0x1.28a2364474b0fp-22, 0x1.ae6bdc2ba00c8p-26), \
    CT_HORNER_F64(x, 4, \
    0x1.0000000000005p-1, 0x1.5555555555539p-3, 0x1.555555555225bp-5, \
    0x1.1111111119072p-7))

/* 2^x = 1 + x P(x);
   -0.501 <= x <= 0.501; error 0.27 */
#define CT_POLY_EXP2_F32(x) CT_HORNER_F32(x, 6, \
    0x1.62e43p-1f, 0x1.ebfbdcp-3f, 0x1.c6aee6p-5f, 0x1.3b2d52p-7f, \
    0x1.5f400cp-10f, 0x1.41fadp-13f)

/* 2^x = 1 + x P(x);
   -0.501 <= x <= 0.501; error 0.3 */
#define CT_POLY_EXP2_F64(x) fma_f64(CT_POWER_4(x), \
    CT_HORNER_F64(x, 7, \
    0x1.5d87fe78cdffbp-10, 0x1.4309130f1e7aep-13, 0x1.ffcbfba798ad9p-17, \
    0x1.62bfc6e26abd1p-20, 0x1.b5267f13fa7c7p-24, 0x1.e61ca4e35cd6ep-28, \
    0x1.e79afcce9739cp-32), \
    CT_HORNER_F64(x, 4, \
    0x1.62e42fefa39efp-1, 0x1.ebfbdff82c5a5p-3, 0x1.c6b08d7049fe4p-5, \
    0x1.3b2ab6fb9ffd7p-7))

/* 2^x = 1 + x P(x), for float32 results;
   -0.501 <= x <= 0.501; error 4.3e+05 */
#define CT_POLY_EXP2_WIDE_F64(x) CT_HORNER_F64(x, 7, \
    0x1.62e42ff0e67f5p-1, 0x1.ebfbe07909cf1p-3, 0x1.c6b08ab82eda1p-5, \
    0x1.3b29f211cc6a3p-7, 0x1.5d8a8b4dd7b25p-10, 0x1.445ddbae548d5p-13, \
    0x1.fde3ce079bf65p-17)

/* log(1 + x) = x + x^2 P(x);
   -0.2929 <= x <= 0.4142; error 0.085 */
#define CT_POLY_LOG_F32(x) CT_HORNER_F32(x, 9, \
    -0x1.fffff8p-2f, 0x1.55555p-2f, -0x1.000426p-2f, 0x1.99a3f2p-3f, \
    -0x1.542772p-3f, 0x1.2271acp-3f, -0x1.0f375p-3f, 0x1.0847fcp-3f, \
    -0x1.382f88p-4f)

/* log((1 + s) / (1 - s)) = 2 s + s x P(x), x = s^2;
   0 <= x <= 0.02945; error 0.015 */
#define CT_POLY_LOG_ODD_F64(x) CT_HORNER_F64(x, 7, \
    0x1.5555555555592p-1, 0x1.999999997fde4p-2, 0x1.24924941f0749p-2, \
    0x1.c71c52089c618p-3, 0x1.74663f4fa931dp-3, 0x1.39a1aa4956d6fp-3, \
    0x1.2f064299ef3b8p-3)

/* log((1 + s) / (1 - s)) = 2 s (1 + x P(x)), x = s^2, for float32 results;
   0 <= x <= 0.02945; error 4.3e+04 */
#define CT_POLY_LOG_WIDE_F64(x) CT_HORNER_F64(x, 4, \
    0x1.555554fdbae46p-2, 0x1.999a7a65e1fcap-3, 0x1.2438dd459c4bdp-3, \
    0x1.e2f5fdd7440f8p-4)

/* log((1 + s) / (1 - s)) = 2 s (1 + x/3 + x^2 P(x)), x = s^2;
   0 <= x <= 0.02945; error 9.6e-05 */
#define CT_POLY_LOG_TAIL_F64(x) fma_f64(CT_POWER_4(x), \
    CT_HORNER_F64(x, 4, \
    0x1.3b1362aece38ap-4, 0x1.1120b6f213c9ep-4, 0x1.de333339f67p-5, \
    0x1.eb135cdc62abbp-5), \
    CT_HORNER_F64(x, 4, \
    0x1.9999999999996p-3, 0x1.2492492493035p-3, 0x1.c71c71c5804dap-4, \
    0x1.745d18326753dp-4))

/* log((1 + s) / (1 - s)) = 2 s + s x P(x), x = s^2, s <= 1/3;
   0 <= x <= 0.1112; error 0.1 */
#define CT_POLY_LOG_HALF_F32(x) CT_HORNER_F32(x, 4, \
    0x1.555502p-1f, 0x1.99d23p-2f, 0x1.1eba5ap-2f, 0x1.1ee608p-2f)

/* log((1 + s) / (1 - s)) = 2 s + s x P(x), x = s^2, s <= 1/3;
   0 <= x <= 0.1112; error 0.017 */
#define CT_POLY_LOG_HALF_F64(x) fma_f64(CT_POWER_4(x), \
    CT_HORNER_F64(x, 6, \
    0x1.745cb3d5722dap-3, 0x1.3b1ddf2746979p-3, 0x1.10679268e7c65p-3, \
    0x1.efdb8cc73de6ep-4, 0x1.55a24d18ce55p-4, 0x1.5c8712eec9105p-3), \
    CT_HORNER_F64(x, 4, \
    0x1.5555555555535p-1, 0x1.99999999a0794p-2, 0x1.249249208a1cep-2, \
    0x1.c71c741d9a163p-3))

/* sin(r) = r + r^3 P(x), x = r^2;
   0 <= x <= 0.6175; error 0.14 */
#define CT_POLY_SIN_F32(x) CT_HORNER_F32(x, 3, \
    -0x1.555546p-3f, 0x1.110736p-7f, -0x1.994238p-13f)

/* sin(r) = r + r^3 P(x), x = r^2;
   0 <= x <= 0.6175; error 0.083 */
#define CT_POLY_SIN_F64(x) CT_HORNER_F64(x, 6, \
    -0x1.5555555555548p-3, 0x1.111111110f7afp-7, -0x1.a01a019bf9aaap-13, \
    0x1.71de3563fe4acp-19, -0x1.ae5e5778cec27p-26, 0x1.5d8ee52bd272dp-33)

/* cos(r) = 1 - x/2 + x^2 P(x), x = r^2;
   0 <= x <= 0.6175; error 0.0027 */
#define CT_POLY_COS_F32(x) CT_HORNER_F32(x, 3, \
    0x1.55554ap-5f, -0x1.6c0c3p-10f, 0x1.99ea38p-16f)

/* cos(r) = 1 - x/2 + x^2 P(x), x = r^2;
   0 <= x <= 0.6175; error 0.012 */
#define CT_POLY_COS_F64(x) CT_HORNER_F64(x, 6, \
    0x1.555555555554bp-5, -0x1.6c16c16c14f6dp-10, 0x1.a01a019c80a21p-16, \
    -0x1.27e4f7e80b4bfp-22, 0x1.1ee9d5cf5588p-29, -0x1.8fa398dc5377bp-37)

/* tan(r) = r + r^3 P(x), x = r^2;
   0 <= x <= 0.6175; error 0.32 */
#define CT_POLY_TAN_F32(x) CT_HORNER_F32(x, 6, \
    0x1.5554dep-2f, 0x1.112de8p-3f, 0x1.b58586p-5f, 0x1.906f6cp-6f, \
    0x1.96b088p-9f, 0x1.33e0e8p-7f)

/* tan(r) = r + r^3 P(x), x = r^2;
   0 <= x <= 0.6175; error 0.12 */
#define CT_POLY_TAN_F64(x) fma_f64(CT_POWER_8(x), \
    CT_HORNER_F64(x, 6, \
    0x1.d226c5e5f3962p-13, 0x1.1ec16439e1d1dp-13, -0x1.bfadb09ef937bp-16, \
    0x1.7857a4a320ce2p-14, -0x1.79b371921ba7p-15, 0x1.5ea1717d3b2bdp-16), \
    CT_HORNER_F64(x, 8, \
    0x1.55555555554fp-2, 0x1.11111111184bap-3, 0x1.ba1ba1b455698p-5, \
    0x1.664f49ac7c901p-6, 0x1.226e11e921a78p-7, 0x1.d6d943969d8b6p-9, \
    0x1.7d5a9caa17506p-10, 0x1.3800d4b9e52bdp-11))

/* asin(r) = r + r^3 P(x), x = r^2;
   0 <= x <= 0.25; error 0.096 */
#define CT_POLY_ASIN_F32(x) CT_HORNER_F32(x, 5, \
    0x1.5555c8p-3f, 0x1.3301e8p-4f, 0x1.747de8p-5f, 0x1.8c2c0ap-6f, \
    0x1.5969e8p-5f)

/* asin(r) = r + r^3 P(x), x = r^2;
   0 <= x <= 0.25; error 0.15 */
#define CT_POLY_ASIN_F64(x) fma_f64(CT_POWER_8(x), \
    CT_HORNER_F64(x, 4, \
    0x1.abd0ef8e892bbp-8, 0x1.3ff3ab39d513bp-6, -0x1.09d1b54305f4p-6, \
    0x1.056cf5d145511p-5), \
    CT_HORNER_F64(x, 8, \
    0x1.555555555539p-3, 0x1.333333336e7c2p-4, 0x1.6db6db427c66bp-5, \
    0x1.f1c72c38792bcp-6, 0x1.6e89f449facdep-6, 0x1.1c6be1279c7eep-6, \
    0x1.c6fdca49ba8b9p-7, 0x1.8ec2c9b292a26p-7))

/* atan(r) = r + r^3 P(x), x = r^2;
   0 <= x <= 1; error 0.23 */
#define CT_POLY_ATAN_F32(x) CT_HORNER_F32(x, 9, \
    -0x1.55553ep-2f, 0x1.9991fep-3f, -0x1.2421b8p-3f, 0x1.c09a22p-4f, \
    -0x1.5834f6p-4f, 0x1.dacb26p-5f, -0x1.fed3bcp-6f, 0x1.65a8bep-7f, \
    -0x1.d633f2p-10f)

/* atan(r) = r + r^3 P(x), x = r^2;
   0 <= x <= 1; error 0.034 */
#define CT_POLY_ATAN_F64(x) fma_f64(CT_POWER_8(x), \
    CT_HORNER_F64(x, 13, \
    -0x1.aeda517a2ca43p-5, 0x1.84b44db1c7ecap-5, -0x1.5f241b406b04bp-5, \
    0x1.3904411d917ccp-5, -0x1.0c93edc600976p-5, 0x1.ac77c780c06f1p-6, \
    -0x1.30f95874689b6p-6, 0x1.72daeed229e3p-7, -0x1.6fcfc8a15c5f1p-8, \
    0x1.1a02f375cbdfcp-9, -0x1.36d863eba0675p-11, 0x1.b3ab163bbbfbbp-14, \
    -0x1.2262c4fe72d64p-17), \
    CT_HORNER_F64(x, 8, \
    -0x1.555555555554dp-2, 0x1.9999999998c28p-3, -0x1.2492492456ac5p-3, \
    0x1.c71c71b629385p-4, -0x1.745d15d0327eep-4, 0x1.3b139bce94b19p-4, \
    -0x1.11103267aa60ep-4, 0x1.e1d48704451ecp-5))

/* tanh(r) = r + r^3 P(x), x = r^2;
   0 <= x <= 0.3906; error 0.15 */
#define CT_POLY_TANH_F32(x) CT_HORNER_F32(x, 5, \
    -0x1.555532p-2f, 0x1.110726p-3f, -0x1.b83c58p-5f, 0x1.522698p-6f, \
    -0x1.75e1d6p-8f)

/* tanh(r) = r + r^3 P(x), x = r^2;
   0 <= x <= 0.3906; error 0.065 */
#define CT_POLY_TANH_F64(x) fma_f64(CT_POWER_8(x), \
    CT_HORNER_F64(x, 4, \
    -0x1.f10cbd737b8cp-13, 0x1.80063a7309867p-14, -0x1.fa75ac44c199ap-16, \
    0x1.9581cd1099e4fp-18), \
    CT_HORNER_F64(x, 8, \
    -0x1.5555555555552p-2, 0x1.1111111110c04p-3, -0x1.ba1ba1b9ce681p-5, \
    0x1.664f487037cp-6, -0x1.226e32c13bec5p-7, 0x1.d6d358500bd2ap-9, \
    -0x1.7d9c1d72219e1p-10, 0x1.350ae264c2219p-11))

/* sinh(r) = r + r^3 P(x), x = r^2;
   0 <= x <= 2.26; error 0.12 */
#define CT_POLY_SINH_F32(x) CT_HORNER_F32(x, 5, \
    0x1.555556p-3f, 0x1.11110ep-7f, 0x1.a01b92p-13f, 0x1.718396p-19f, \
    0x1.c0e0d4p-26f)

/* sinh(r) = r + r^3 P(x), x = r^2;
   0 <= x <= 2.26; error 0.13 */
#define CT_POLY_SINH_F64(x) fma_f64(CT_POWER_4(x), \
    CT_HORNER_F64(x, 5, \
    0x1.ae64568084d79p-26, 0x1.6124609c91baep-33, 0x1.ae7fa3278aa95p-41, \
    0x1.9505e03dd12adp-49, 0x1.376e16d0f58b4p-57), \
    CT_HORNER_F64(x, 4, \
    0x1.5555555555555p-3, 0x1.1111111111111p-7, 0x1.a01a01a01a037p-13, \
    0x1.71de3a556b119p-19))

/* erf(r) = r + r P(x), x = r^2;
   0 <= x <= 0.9216; error 0.18 */
#define CT_POLY_ERF_F32(x) CT_HORNER_F32(x, 7, \
    0x1.06eba8p-3f, -0x1.812742p-2f, 0x1.ce2da8p-4f, -0x1.b80684p-6f, \
    0x1.547be6p-8f, -0x1.a7ad06p-11f, 0x1.5489aep-14f)

/* erf(r) = r + r P(x), x = r^2;
   0 <= x <= 0.9216; error 0.12 */
#define CT_POLY_ERF_F64(x) fma_f64(CT_POWER_8(x), \
    CT_HORNER_F64(x, 4, \
    0x1.b99a6a3f1b9e8p-20, -0x1.5cb362b047ddcp-23, 0x1.dc067ef02dd61p-27, \
    -0x1.bb32bebbf820cp-31), \
    CT_HORNER_F64(x, 8, \
    0x1.06eba8214db68p-3, -0x1.812746b0379d5p-2, 0x1.ce2f21a041de4p-4, \
    -0x1.b82ce31242966p-6, 0x1.565bcd03092c8p-8, -0x1.c02db1d0cc9bp-11, \
    0x1.f9a2e2a7e522ap-14, -0x1.f4ccd8ee536bfp-17))

/* log(erfc(x)) = P(x), for erf;
   0.9599 <= x <= 4.1; error 0.049 */
#define CT_POLY_ERF_TAIL_F32(x) CT_HORNER_F32(x, 8, \
    0x1.83d0cp-13f, -0x1.212b16p0f, -0x1.44394p-1f, -0x1.bbf3ap-4f, \
    0x1.9cad5ap-6f, -0x1.130bacp-8f, 0x1.cd1e7p-12f, -0x1.69902p-16f)

/* (1 + 2 r) exp(r^2) erfc(r) = P(x), x = (r - 2) / (r + 2);
   -1 <= x <= 0.6721; error 8.5e+06 */
#define CT_POLY_ERFCX_WIDE_F64(x) fma_f64(CT_POWER_8(x), \
    CT_HORNER_F64(x, 4, \
    -0x1.7468cec4db62bp-10, -0x1.a42f14142de88p-12, 0x1.62f18776bb8d5p-13, \
    0x1.4cd1853940da6p-14), \
    CT_HORNER_F64(x, 8, \
    0x1.46e80e2757393p0, -0x1.7bf5ea8027e24p-4, -0x1.5407cf7fd635ep-3, \
    0x1.4ff9fdf45838cp-3, -0x1.bc270007a3ef2p-5, -0x1.0727dea2ad5a1p-7, \
    0x1.1d609b03f6b4p-7, 0x1.48646ea430cb6p-10))

/* (1 + 2 r) exp(r^2) erfc(r) = 5/4 + P(x), x = (r - 3) / (r + 3);
   -1 <= x <= 0.8033; error 0.23 */
#define CT_POLY_ERFCX_F64(x) fma_f64(CT_POWER_8(x), \
    CT_HORNER_F64(x, 15, \
    0x1.ef1bdcefed7a5p-10, -0x1.98db46af43439p-11, -0x1.b9124a6154e46p-14, \
    0x1.06596386d0329p-13, 0x1.4c17d036ca913p-18, -0x1.5125f424b6849p-16, \
    -0x1.8704cb8fdf309p-21, 0x1.d0a5585729602p-19, 0x1.775f7d28a4cdp-22, \
    -0x1.43601a3c4eb4ap-21, -0x1.1963266fadf63p-23, 0x1.8270881b24f34p-24, \
    0x1.1671c5828ab82p-25, -0x1.106f790bc2fbcp-27, -0x1.10010ee7506eap-28), \
    CT_HORNER_F64(x, 8, \
    0x1.8a45afc930e5cp-9, -0x1.15c084bb9e8dcp-3, -0x1.85a15c58aa511p-5, \
    0x1.098366a5b3ca4p-3, -0x1.e88b803a4a6ep-4, 0x1.17ca28781ac26p-4, \
    -0x1.8574c40b5e75p-6, 0x1.4b884df4edef6p-9))

#endif
