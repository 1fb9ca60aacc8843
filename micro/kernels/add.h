// ADD: the sum of two inputs, value by value.

#ifndef TFODCL_KERNELS_ADD_H_
#define TFODCL_KERNELS_ADD_H_

#include "kernels/elementwise.h"
#include "kernels/fixed_point.h"

namespace tfodcl {

// Distances from the zero points are multiplied by 2^kAddLeftShift, brought to a common scale and added.
inline constexpr int kAddLeftShift = 20;

// All multipliers 0 or 2^30..2^31 - 1, all shifts -31..0: of each input to the common scale, twice the greater input
// scale, and of the sum to the output's.
struct AddScales {
  int32_t zero_point_a;
  int32_t zero_point_b;
  int32_t multiplier_a;
  int32_t multiplier_b;
  int32_t output_multiplier;
  int shift_a;
  int shift_b;
  int output_shift;
};

// `output` may begin where an input of the output's shape does.
void AddS8(const BroadcastInput& a, const BroadcastInput& b, const AddScales& scales, const OutputRange& range,
           int8_t* output, const ImageShape& shape);

}  // namespace tfodcl

#endif  // TFODCL_KERNELS_ADD_H_
