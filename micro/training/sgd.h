// Stochastic gradient descent with momentum and weight decay, float32.

#ifndef TFODCL_TRAINING_SGD_H_
#define TFODCL_TRAINING_SGD_H_

#include "base/span.h"

namespace tfodcl {

// rate above 0; momentum in 0..1, 1 excluded; weight_decay, the factor of the L2 term in the gradient, 0 or more.
struct Sgd {
  float rate;
  float momentum;
  float weight_decay;
};

// velocity = momentum x velocity + gradient + weight_decay x weight;  weight -= rate x velocity;  gradient = 0, for the
// gradients of the next mini-batch, which are added to it. All spans have one size; velocities are 0 at first.
void SgdStepF32(const Sgd& sgd, Span<float> weights, Span<float> velocities, Span<float> gradients);

}  // namespace tfodcl

#endif  // TFODCL_TRAINING_SGD_H_
