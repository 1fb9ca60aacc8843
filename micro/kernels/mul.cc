#include "kernels/mul.h"

namespace tfodcl {

void MulS8(const BroadcastInput& a, const BroadcastInput& b, const MulScales& scales, const OutputRange& range,
           int8_t* output, const ImageShape& shape) {
  ForEachPair(a, b, shape, output, [&](int32_t x, int32_t y) {
    const int32_t product = (x - scales.zero_point_a) * (y - scales.zero_point_b);
    return range.Clamp(MultiplyByQuantizedMultiplier(product, scales.multiplier, scales.shift));
  });
}

}  // namespace tfodcl
