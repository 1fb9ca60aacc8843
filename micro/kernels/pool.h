// MAX_POOL_2D and AVERAGE_POOL_2D. Pixels outside the input do not count. Input and output have the same channels,
// scale and zero point.

#ifndef TFODCL_KERNELS_POOL_H_
#define TFODCL_KERNELS_POOL_H_

#include "kernels/window.h"

namespace tfodcl {

// The greatest value of each channel in each window, within `low`..`high`. `output` may begin where `input` does if
// the window has no pads.
void MaxPoolS8(const int8_t* input, const ImageShape& input_shape, const Window& window, int8_t low, int8_t high,
               int8_t* output, const ImageShape& output_shape);

// The mean of each channel in each window, rounded to the nearest, halves away from 0, within `low`..`high`. `output`
// may begin where `input` does if the window has no pads.
void AveragePoolS8(const int8_t* input, const ImageShape& input_shape, const Window& window, int8_t low, int8_t high,
                   int8_t* output, const ImageShape& output_shape);

}  // namespace tfodcl

#endif  // TFODCL_KERNELS_POOL_H_
