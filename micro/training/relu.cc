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

// The comparison is of the bits that ChannelMapF32 gives.
void MappedReluErrorF32(size_t rows, size_t channels, const ChannelMap& map, const float* from, float* gradient) {
  for (size_t row = 0; row < rows; ++row, from += channels, gradient += channels) {
    for (size_t c = 0; c < channels; ++c) {
      if (!(from[c] * map.scale[c] + map.offset[c] > 0.0f)) gradient[c] = 0.0f;
    }
  }
}

}  // namespace tfodcl
