#include "training/relu.h"

namespace tfodcl {

void ReluForwardF32(Span<float> values) {
  for (float& value : values) {
    if (!(value > 0.0f)) value = 0.0f;
  }
}

void ReluErrorF32(Span<const float> output, Span<float> gradient) {
  for (size_t i = 0; i < output.size(); ++i) {
    if (!(output[i] > 0.0f)) gradient[i] = 0.0f;
  }
}

}  // namespace tfodcl
