// CONCATENATION: images beside one another, along any dimension. One call for each input.

#ifndef TFODCL_KERNELS_CONCATENATION_H_
#define TFODCL_KERNELS_CONCATENATION_H_

#include "kernels/window.h"

namespace tfodcl {

// Copies the input to (top, left, front) of the output, within which it lies; all else stays as it is.
void PlaceS8(const int8_t* input, const ImageShape& input_shape, int32_t top, int32_t left, int32_t front,
             int8_t* output, const ImageShape& output_shape);

}  // namespace tfodcl

#endif  // TFODCL_KERNELS_CONCATENATION_H_
