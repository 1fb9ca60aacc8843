#include "kernels/add.h"

namespace tfodcl {

void AddS8(const BroadcastInput& a, const BroadcastInput& b, const AddScales& scales, const OutputRange& range,
           int8_t* output, const ImageShape& shape) {
  ForEachPair(a, b, shape, output, [&](int32_t x, int32_t y) {
    const int32_t left = (x - scales.zero_point_a) * (1 << kAddLeftShift);
    const int32_t right = (y - scales.zero_point_b) * (1 << kAddLeftShift);
    const int32_t sum = MultiplyByQuantizedMultiplier(left, scales.multiplier_a, scales.shift_a) +
                        MultiplyByQuantizedMultiplier(right, scales.multiplier_b, scales.shift_b);
    return range.Clamp(MultiplyByQuantizedMultiplier(sum, scales.output_multiplier, scales.output_shift));
  });
}

}  // namespace tfodcl
