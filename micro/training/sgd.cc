#include "training/sgd.h"

namespace tfodcl {

void SgdBeginStepF32(const Sgd& sgd, Span<const float> weights, Span<float> velocities) {
  const float momentum = sgd.momentum, decay = sgd.weight_decay;
  for (size_t i = 0; i < weights.size(); ++i) velocities[i] = momentum * velocities[i] + decay * weights[i];
}

void SgdEndStepF32(const Sgd& sgd, Span<const float> velocities, Span<float> weights) {
  const float rate = sgd.rate;
  for (size_t i = 0; i < weights.size(); ++i) weights[i] -= rate * velocities[i];
}

}  // namespace tfodcl
