// Arithmetic on quantized values, rounded as TensorFlow Lite's reference kernels round it: twice. A real factor is
// multiplier x 2^(shift - 31).

#ifndef TFODCL_KERNELS_FIXED_POINT_H_
#define TFODCL_KERNELS_FIXED_POINT_H_

#include <cstdint>

namespace tfodcl {

// x x multiplier / 2^31, rounded to the nearest, halves upwards. Not both are -2^31; |result| < 2^31 if multiplier is
// not.
inline int32_t MultiplyHigh(int32_t x, int32_t multiplier) {
  return static_cast<int32_t>((static_cast<int64_t>(x) * multiplier + (int64_t{1} << 30)) >> 31);
}

// x / 2^exponent, rounded to the nearest, halves away from zero. 1 <= exponent <= 31, -2^31 < x, and x < 2^31 - 1
// where the exponent is 1, as all results of MultiplyHigh are.
inline int32_t DivideByPowerOfTwo(int32_t x, int exponent) { return (((x - (x < 0)) >> (exponent - 1)) + 1) >> 1; }

// x x multiplier x 2^(shift - 31). 0 <= multiplier, -31 <= shift <= 30. x x 2^shift is taken modulo 2^32 where shift is
// above 0.
inline int32_t MultiplyByQuantizedMultiplier(int32_t x, int32_t multiplier, int shift) {
  if (shift < 0) return DivideByPowerOfTwo(MultiplyHigh(x, multiplier), -shift);
  return MultiplyHigh(static_cast<int32_t>(static_cast<uint32_t>(x) << shift), multiplier);
}

// The int8 values that an operator may give: those from its fused activation's least to its greatest, both in
// -128..127, kept as their distances from the zero point, in -255..255.
struct OutputRange {
  int32_t zero_point;
  int32_t low;
  int32_t high;

  // A sum around 0 as an output value.
  int8_t Clamp(int32_t x) const { return static_cast<int8_t>((x < low ? low : x > high ? high : x) + zero_point); }
};

}  // namespace tfodcl

#endif  // TFODCL_KERNELS_FIXED_POINT_H_
