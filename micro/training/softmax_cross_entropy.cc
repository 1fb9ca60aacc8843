#include "training/softmax_cross_entropy.h"

#include "kernels/exp_f32.h"
#include "kernels/log_f32.h"

namespace tfodcl {
namespace {

// Of one sample; its gradient is divided by `batch`.
float SampleLoss(Span<const uint8_t> known, uint16_t label, float batch, float* logits) {
  float greatest = logits[label];
  for (size_t i = 0; i < known.size(); ++i) {
    if (known[i] != 0 && logits[i] > greatest) greatest = logits[i];
  }
  const float below = greatest - logits[label];
  float sum = 0.0f;
  for (size_t i = 0; i < known.size(); ++i) {
    logits[i] = known[i] != 0 ? ExpF32(logits[i] - greatest) : 0.0f;
    sum += logits[i];
  }
  for (size_t i = 0; i < known.size(); ++i) logits[i] = (logits[i] / sum - (i == label ? 1.0f : 0.0f)) / batch;
  return LogF32(sum) + below;
}

}  // namespace

float SoftmaxCrossEntropyF32(Span<const uint8_t> known, Span<const uint16_t> labels, float* logits) {
  const float batch = static_cast<float>(labels.size());
  float loss = 0.0f;
  for (const uint16_t label : labels) {
    loss += SampleLoss(known, label, batch, logits);
    logits += known.size();
  }
  return loss / batch;
}

}  // namespace tfodcl
