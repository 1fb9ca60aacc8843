#include "training/average_pool.h"

namespace tfodcl {

void AveragePoolForwardF32(const AveragePoolShape& shape, const float* input, float* output) {
  const float pixels = static_cast<float>(shape.pixels);
  for (size_t image = 0; image < shape.batch; ++image, output += shape.channels) {
    for (size_t c = 0; c < shape.channels; ++c) output[c] = 0.0f;
    for (size_t pixel = 0; pixel < shape.pixels; ++pixel, input += shape.channels) {
      for (size_t c = 0; c < shape.channels; ++c) output[c] += input[c];
    }
    for (size_t c = 0; c < shape.channels; ++c) output[c] /= pixels;
  }
}

void AveragePoolErrorF32(const AveragePoolShape& shape, const float* output_gradient, float* input_gradient) {
  const float pixels = static_cast<float>(shape.pixels);
  for (size_t image = 0; image < shape.batch; ++image, output_gradient += shape.channels) {
    for (size_t pixel = 0; pixel < shape.pixels; ++pixel, input_gradient += shape.channels) {
      for (size_t c = 0; c < shape.channels; ++c) input_gradient[c] = output_gradient[c] / pixels;
    }
  }
}

}  // namespace tfodcl
