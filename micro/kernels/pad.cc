#include "kernels/pad.h"

#include <cstring>

#include "kernels/concatenation.h"

namespace tfodcl {

void PadS8(const int8_t* input, const ImageShape& input_shape, int32_t top, int32_t left, int32_t front, int8_t fill,
           int8_t* output, const ImageShape& output_shape) {
  std::memset(output, fill, output_shape.size());
  PlaceS8(input, input_shape, top, left, front, output, output_shape);
}

}  // namespace tfodcl
