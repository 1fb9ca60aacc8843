#include "kernels/head_f32.h"

#include "kernels/exp_f32.h"

namespace tfodcl {

Span<const SparseValue> GatherSparseF32(Span<const int8_t> latent, int32_t zero_point, float scale,
                                        Span<SparseValue> out) {
  size_t count = 0;
  for (size_t i = 0; i < latent.size(); ++i) {
    const int32_t steps = latent[i] - zero_point;
    if (steps == 0) continue;
    out[count++] = {static_cast<uint32_t>(i), static_cast<float>(steps) * scale};
  }
  return out.subspan(0, count);
}

float DotSparseF32(Span<const SparseValue> latent, const float* row) {
  float sums[4] = {};
  size_t i = 0;
  for (; i + 4 <= latent.size(); i += 4) {
    for (size_t k = 0; k < 4; ++k) sums[k] += latent[i + k].value * row[latent[i + k].position];
  }
  for (size_t k = 0; i < latent.size(); ++i, ++k) sums[k] += latent[i].value * row[latent[i].position];
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

void AddSparseF32(Span<const SparseValue> latent, float factor, float* row) {
  for (const SparseValue& one : latent) row[one.position] += factor * one.value;
}

void SoftmaxErrorF32(Span<float> logits, uint32_t num_to_come, uint32_t target) {
  const size_t num_classes = logits.size() - 1;
  const size_t num_counted = num_to_come > 0 ? num_classes + 1 : num_classes;
  float greatest = logits[0];
  for (size_t i = 1; i < num_counted; ++i) {
    if (logits[i] > greatest) greatest = logits[i];
  }
  logits[num_classes] = num_to_come > 0 ? ExpF32(logits[num_classes] - greatest) : 0.0f;
  float sum = 0.0f;
  for (size_t i = 0; i < num_classes; ++i) {
    logits[i] = ExpF32(logits[i] - greatest);
    sum += logits[i];
  }
  sum += static_cast<float>(num_to_come) * logits[num_classes];
  for (float& logit : logits) logit /= sum;
  logits[target] -= 1.0f;
}

}  // namespace tfodcl
