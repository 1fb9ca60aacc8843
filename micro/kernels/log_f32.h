// log in float32 that is the same on every core: its only operations are those that IEEE 754 rounds exactly.

#ifndef TFODCL_KERNELS_LOG_F32_H_
#define TFODCL_KERNELS_LOG_F32_H_

namespace tfodcl {

// log(x) for finite x >= 1, off by less than 0.891 units in the last place of the exact value.
float LogF32(float x);

}  // namespace tfodcl

#endif  // TFODCL_KERNELS_LOG_F32_H_
