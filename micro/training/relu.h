// ReLU, float32, in place. Its output is all that its gradient needs.

#ifndef TFODCL_TRAINING_RELU_H_
#define TFODCL_TRAINING_RELU_H_

#include "base/span.h"

namespace tfodcl {

// value = max(value, 0).
void ReluForwardF32(Span<float> values);

// The loss's gradient with respect to the output becomes that with respect to the input: 0 where the output is 0.
// gradient has the size of output.
void ReluErrorF32(Span<const float> output, Span<float> gradient);

}  // namespace tfodcl

#endif  // TFODCL_TRAINING_RELU_H_
