#include "kernels/concatenation.h"

#include <cstring>

namespace tfodcl {

void PlaceS8(const int8_t* input, const ImageShape& input_shape, int32_t top, int32_t left, int32_t front,
             int8_t* output, const ImageShape& output_shape) {
  for (int32_t y = 0; y < input_shape.height; ++y) {
    int8_t* to = output + ((top + y) * output_shape.width + left) * output_shape.channels + front;
    for (int32_t x = 0; x < input_shape.width; ++x, input += input_shape.channels, to += output_shape.channels) {
      std::memmove(to, input, input_shape.channels);
    }
  }
}

}  // namespace tfodcl
