// One multiply-accumulate, the innermost operation of every sum of products here.

#ifndef TFODCL_TRAINING_MULTIPLY_ADD_H_
#define TFODCL_TRAINING_MULTIPLY_ADD_H_

namespace tfodcl {

// *sum += a x b; product and sum are rounded one after the other, as on every core.
//
// VMLA.F32 does just that in one instruction. GCC has it, but does not use it for cores that have the fused VFMA too.
inline void MultiplyAdd(float a, float b, float* sum) {
#ifdef __arm__
  asm("vmla.f32 %0, %1, %2" : "+t"(*sum) : "t"(a), "t"(b));
#else
  *sum += a * b;
#endif
}

}  // namespace tfodcl

#endif  // TFODCL_TRAINING_MULTIPLY_ADD_H_
