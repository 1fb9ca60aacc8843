#include "kernels/log_f32.h"

#include <cstdint>
#include <cstring>

namespace tfodcl {
namespace {

constexpr float kSqrt2 = 1.41421356f;
// log(2) in two parts. The first has 12 bits after the point: its product with any exponent is exact.
constexpr float kLog2High = 0.693115234375f;
constexpr float kLog2Low = 3.194618329871446e-05f;

}  // namespace

float LogF32(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof(bits));
  int32_t exponent = static_cast<int32_t>(bits >> 23) - 127;
  bits = (bits & 0x007fffff) | 0x3f800000;
  float mantissa;  // 1 .. 2, then sqrt(1/2) .. sqrt(2)
  std::memcpy(&mantissa, &bits, sizeof(mantissa));
  if (mantissa > kSqrt2) {
    mantissa *= 0.5f;
    ++exponent;
  }
  // log(1 + f) = 2 artanh(s), s = f / (2 + f): 2 s (1 + s^2 / 3 + s^4 / 5 + ..); what is left out is below 2e-9 of it.
  const float f = mantissa - 1.0f;
  const float s = f / (2.0f + f);
  const float square = s * s;
  const float series = square * (1.0f / 3 + square * (1.0f / 5 + square * (1.0f / 7 + square * (1.0f / 9))));
  const float n = static_cast<float>(exponent);
  // 2 s = f - s f, so that f, which is exact, is all but a small part of the sum.
  return n * kLog2High + (f + (n * kLog2Low + s * (2.0f * series - f)));
}

}  // namespace tfodcl
