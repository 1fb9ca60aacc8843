// ReLU, float32, in place. Its output is all that its gradient needs.

#ifndef TFODCL_TRAINING_RELU_H_
#define TFODCL_TRAINING_RELU_H_

#include "base/span.h"
#include "training/batch_renorm.h"

namespace tfodcl {

// value = max(value, 0).
void ReluForwardF32(Span<float> values);

// The loss's gradient with respect to the output becomes that with respect to the input: 0 where the output is 0.
// gradient has the size of output.
void ReluErrorF32(Span<const float> output, Span<float> gradient);

// The same for the output max(scale x from + offset, 0), of which only `from` is there. `from` and gradient are (rows,
// channels).
void MappedReluErrorF32(size_t rows, size_t channels, const ChannelMap& map, const float* from, float* gradient);

}  // namespace tfodcl

#endif  // TFODCL_TRAINING_RELU_H_
