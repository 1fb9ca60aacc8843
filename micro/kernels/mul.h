// MUL: the product of two inputs, value by value.

#ifndef TFODCL_KERNELS_MUL_H_
#define TFODCL_KERNELS_MUL_H_

#include "kernels/elementwise.h"
#include "kernels/fixed_point.h"

namespace tfodcl {

// multiplier (0 or 2^30..2^31 - 1) and shift (-31..30): scale of a x scale of b / output scale.
struct MulScales {
  int32_t zero_point_a;
  int32_t zero_point_b;
  int32_t multiplier;
  int shift;
};

// `output` may begin where an input of the output's shape does.
void MulS8(const BroadcastInput& a, const BroadcastInput& b, const MulScales& scales, const OutputRange& range,
           int8_t* output, const ImageShape& shape);

}  // namespace tfodcl

#endif  // TFODCL_KERNELS_MUL_H_
