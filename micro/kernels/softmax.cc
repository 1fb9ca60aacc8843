#include "kernels/softmax.h"

#include "kernels/fixed_point.h"

namespace tfodcl {
namespace {

constexpr int32_t kOneQ31 = INT32_MAX;
constexpr int32_t kOneQ29 = 1 << 29;
constexpr OutputRange kOutputRange = {INT8_MIN, 0, 255};

// x x 2^exponent, saturated.
int32_t SaturatingShift(int32_t x, int exponent) {
  const int64_t shifted = static_cast<int64_t>(x) * (1 << exponent);
  return static_cast<int32_t>(shifted > INT32_MAX ? INT32_MAX : shifted < INT32_MIN ? INT32_MIN : shifted);
}

// 1 / (1 + x) in steps of 2^-31 for x in 0..1 in the same steps, by three steps of Newton and Raphson on half the
// denominator, from the linear estimate 48/17 - 32/17 d. Values around 2 are in steps of 2^-29.
int32_t ReciprocalOfOnePlus(int32_t x) {
  constexpr int32_t k48Over17 = 1515870810;
  constexpr int32_t k32Over17 = 1010580540;
  const int32_t half_denominator = static_cast<int32_t>((static_cast<int64_t>(x) + kOneQ31 + 1) / 2);
  int32_t estimate = k48Over17 + MultiplyHigh(half_denominator, -k32Over17);
  for (int i = 0; i < 3; ++i) {
    const int32_t error = kOneQ29 - MultiplyHigh(half_denominator, estimate);
    estimate += SaturatingShift(MultiplyHigh(estimate, error), 2);
  }
  return SaturatingShift(estimate, 1);
}

}  // namespace

void SoftmaxS8(const int8_t* input, int32_t num_rows, int32_t num_channels, const int32_t* exponentials,
               int8_t* output) {
  for (int32_t row = 0; row < num_rows; ++row, input += num_channels, output += num_channels) {
    int32_t greatest = INT8_MIN;
    for (int32_t i = 0; i < num_channels; ++i) greatest = input[i] > greatest ? input[i] : greatest;
    const int32_t offset = 255 - greatest;

    int32_t sum = 0;  // in steps of 2^-19
    for (int32_t i = 0; i < num_channels; ++i) sum += DivideByPowerOfTwo(exponentials[offset + input[i]], 12);
    const int headroom = __builtin_clz(static_cast<uint32_t>(sum));
    const int32_t fraction =
        static_cast<int32_t>(static_cast<uint32_t>(sum) << headroom & INT32_MAX);  // sum / its highest power of two - 1
    const int32_t reciprocal = ReciprocalOfOnePlus(fraction);
    const int exponent = 35 - headroom;  // 23..31: to steps of 1/256

    for (int32_t i = 0; i < num_channels; ++i) {
      output[i] =
          kOutputRange.Clamp(DivideByPowerOfTwo(MultiplyHigh(exponentials[offset + input[i]], reciprocal), exponent));
    }
  }
}

}  // namespace tfodcl
