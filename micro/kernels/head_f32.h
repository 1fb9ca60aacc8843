// The arithmetic of the head, float32 (SPEC.md 2.4): sparse latents times rows, softmax, update of rows.
//
// Every sum has a stated order and no product is fused into a sum, so that all cores get the same bits.

#ifndef TFODCL_KERNELS_HEAD_F32_H_
#define TFODCL_KERNELS_HEAD_F32_H_

#include "base/span.h"

namespace tfodcl {

// One value of a latent that is not zero. Latents after a ReLU have few of them.
struct SparseValue {
  uint32_t position;
  float value;  // real: scale x (int8 value - zero point), rounded once
};

// The values of `latent`, int8 (latent_dim,), that differ from `zero_point`, in order of position.
// `out` has room for latent_dim; returns the part of it that is used.
Span<const SparseValue> GatherSparseF32(Span<const int8_t> latent, int32_t zero_point, float scale,
                                        Span<SparseValue> out);

// <latent, row>. The i-th product goes to sum i mod 4, in order of i; the result is (s0 + s1) + (s2 + s3).
float DotSparseF32(Span<const SparseValue> latent, const float* row);

// row += factor x latent.
void AddSparseF32(Span<const SparseValue> latent, float factor, float* row);

// Logits to the gradient of the cross-entropy with respect to them, softmax - onehot, in place.
// logits (n + 1,): of n >= 1 classes, then one for each of `num_to_come` equal ones. `target` < n is the class's place.
// The exponentials are those of ExpF32 of the logits less their maximum, summed in order, the last one times
// `num_to_come`. With num_to_come = 0 the last logit counts for nothing and its gradient is 0.
void SoftmaxErrorF32(Span<float> logits, uint32_t num_to_come, uint32_t target);

}  // namespace tfodcl

#endif  // TFODCL_KERNELS_HEAD_F32_H_
