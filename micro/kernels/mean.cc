#include "kernels/mean.h"

namespace tfodcl {

void MeanS8(const int8_t* input, const ImageShape& shape, int8_t input_zero_point, int32_t multiplier, int shift,
            const OutputRange& range, int8_t* output) {
  const int32_t num_pixels = shape.height * shape.width;
  for (int32_t i = 0; i < shape.channels; ++i) {
    int32_t sum = -input_zero_point * num_pixels;
    const int8_t* value = input + i;
    for (int32_t pixel = 0; pixel < num_pixels; ++pixel, value += shape.channels) sum += *value;
    output[i] = range.Clamp(MultiplyByQuantizedMultiplier(sum, multiplier, shift));
  }
}

}  // namespace tfodcl
