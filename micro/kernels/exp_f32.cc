#include "kernels/exp_f32.h"

#include <cstdint>
#include <cstring>

namespace tfodcl {
namespace {

constexpr float kLeast = -87.336f;  // just above log(2^-126)
constexpr float kLog2E = 1.4426950216293335f;
// log(2) in two parts. The first has 12 bits after the point: its product with any exponent is exact.
constexpr float kLog2High = 0.693115234375f;
constexpr float kLog2Low = 3.194618329871446e-05f;
// exp(r) = 1 + r + r^2 (c0 + c1 r + .. + c4 r^4) for |r| <= log(2) / 2, with a relative error of 3.1e-9: minimax,
// fitted by iteratively reweighted least squares.
constexpr float kCoefficients[] = {0.4999999403953552f, 0.1666652113199234f, 0.04166838899254799f, 0.0083687175065279f,
                                   0.0013814596459269524f};

}  // namespace

float ExpF32(float x) {
  if (!(x >= kLeast)) return 0.0f;
  const int32_t exponent = static_cast<int32_t>(x * kLog2E - 0.5f);  // to the nearest, as x <= 0
  const float n = static_cast<float>(exponent);
  const float r = (x - n * kLog2High) - n * kLog2Low;
  float sum = kCoefficients[4];
  for (int i = 3; i >= 0; --i) sum = sum * r + kCoefficients[i];
  const float mantissa = (sum * r * r + r) + 1.0f;  // sqrt(1/2) .. sqrt(2)
  uint32_t bits;
  std::memcpy(&bits, &mantissa, sizeof(bits));
  bits += static_cast<uint32_t>(exponent) << 23;
  float result;
  std::memcpy(&result, &bits, sizeof(result));
  return result;
}

}  // namespace tfodcl
