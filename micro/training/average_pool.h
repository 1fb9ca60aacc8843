// Global average pool, float32: each channel's mean over all pixels of an image.

#ifndef TFODCL_TRAINING_AVERAGE_POOL_H_
#define TFODCL_TRAINING_AVERAGE_POOL_H_

#include <cstddef>

namespace tfodcl {

// Each at least 1. `pixels` of one image.
struct AveragePoolShape {
  size_t batch;
  size_t pixels;
  size_t channels;
};

// input (batch, pixels, channels) to output (batch, channels): sums in order of the pixels, divided by their number.
void AveragePoolForwardF32(const AveragePoolShape& shape, const float* input, float* output);

// The loss's gradient with respect to the output to that with respect to the input, which is overwritten.
void AveragePoolErrorF32(const AveragePoolShape& shape, const float* output_gradient, float* input_gradient);

}  // namespace tfodcl

#endif  // TFODCL_TRAINING_AVERAGE_POOL_H_
