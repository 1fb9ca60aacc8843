#include "training/sgd.h"

namespace tfodcl {

void SgdStepF32(const Sgd& sgd, Span<float> weights, Span<float> velocities, Span<float> gradients) {
  for (size_t i = 0; i < weights.size(); ++i) {
    const float velocity = sgd.momentum * velocities[i] + (gradients[i] + sgd.weight_decay * weights[i]);
    weights[i] -= sgd.rate * velocity;
    velocities[i] = velocity;
    gradients[i] = 0.0f;
  }
}

}  // namespace tfodcl
