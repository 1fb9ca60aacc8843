// The end of every kernel with weights: a sum for each output channel becomes an int8 value.

#ifndef TFODCL_KERNELS_CHANNELS_H_
#define TFODCL_KERNELS_CHANNELS_H_

#include "kernels/fixed_point.h"

namespace tfodcl {

// One element for each output channel.
//
// `biases` have the input's zero point folded in: bias - zero point x sum of the channel's weights, in -2^30..2^30 - 1, so
// that kernels multiply input values as they are, and places outside the input count as the zero point.
// `multipliers` 0 or 2^30..2^31 - 1 and `shifts` -31..30: input scale x weight scale / output scale.
struct OutputChannels {
  const int32_t* biases;
  const int32_t* multipliers;
  const int8_t* shifts;
  OutputRange range;

  // The output value of channel `i` whose products add up to `sum`.
  int8_t Finish(int32_t sum, int32_t i) const {
    return range.Clamp(MultiplyByQuantizedMultiplier(sum + biases[i], multipliers[i], shifts[i]));
  }
};

// Most products that are added up for one output value: each is at most 2^14, so that no sum leaves 32 bits.
inline constexpr int32_t kMaxProducts = 1 << 16;

}  // namespace tfodcl

#endif  // TFODCL_KERNELS_CHANNELS_H_
