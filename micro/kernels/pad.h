// PAD: an image within a larger one.

#ifndef TFODCL_KERNELS_PAD_H_
#define TFODCL_KERNELS_PAD_H_

#include "kernels/window.h"

namespace tfodcl {

// Places the input at (top, left, front) of the output and fills the rest with `fill`. The input lies within the
// output, and their memory apart.
void PadS8(const int8_t* input, const ImageShape& input_shape, int32_t top, int32_t left, int32_t front, int8_t fill,
           int8_t* output, const ImageShape& output_shape);

}  // namespace tfodcl

#endif  // TFODCL_KERNELS_PAD_H_
