// MEAN over height and width.

#ifndef TFODCL_KERNELS_MEAN_H_
#define TFODCL_KERNELS_MEAN_H_

#include "kernels/fixed_point.h"
#include "kernels/window.h"

namespace tfodcl {

// Most pixels of MeanS8's input: the sum of their distances from the zero point stays within 32 bits.
inline constexpr int32_t kMaxMeanPixels = 1 << 22;

// output[i] = the sum of channel i's distances from the input's zero point, scaled.
//
// multiplier (0..2^31 - 1) and shift (-31..30): input scale / output scale / number of pixels.
// output: one value a channel, apart from the input.
void MeanS8(const int8_t* input, const ImageShape& shape, int8_t input_zero_point, int32_t multiplier, int shift,
            const OutputRange& range, int8_t* output);

}  // namespace tfodcl

#endif  // TFODCL_KERNELS_MEAN_H_
