// exp in float32 that is the same on every core: its only operations are those that IEEE 754 rounds exactly.

#ifndef TFODCL_KERNELS_EXP_F32_H_
#define TFODCL_KERNELS_EXP_F32_H_

namespace tfodcl {

// exp(x) for x <= 0, off by less than one unit in the last place of the exact value. Below -87.336, where the exact value is no
// normal float32, and for NaN: 0.
float ExpF32(float x);

}  // namespace tfodcl

#endif  // TFODCL_KERNELS_EXP_F32_H_
