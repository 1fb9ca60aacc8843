// SOFTMAX over the channels, int8 to int8 of scale 1/256 and zero point -128.

#ifndef TFODCL_KERNELS_SOFTMAX_H_
#define TFODCL_KERNELS_SOFTMAX_H_

#include <cstdint>

namespace tfodcl {

// Most channels: their exponentials add up to less than 2^28 in steps of 2^-19.
inline constexpr int32_t kMaxSoftmaxChannels = 511;

// Of `num_rows` rows of `num_channels` values, each row by itself.
//
// exponentials: exp(beta x input scale x (i - 255)) for i = 0..255, in steps of 2^-31, 0..2^31 - 1, and the last one,
// exp(0), 2^31 - 1. `output` may be `input`.
void SoftmaxS8(const int8_t* input, int32_t num_rows, int32_t num_channels, const int32_t* exponentials,
               int8_t* output);

}  // namespace tfodcl

#endif  // TFODCL_KERNELS_SOFTMAX_H_
