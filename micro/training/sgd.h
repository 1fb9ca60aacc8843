// Stochastic gradient descent with momentum and weight decay, float32:
//
//   velocity = momentum x velocity + weight_decay x weight + gradient
//   weight -= rate x velocity
//
// in two halves. The kernels of layers add gradients to what is there, so that a mini-batch's gradients are added to
// the velocities between the halves, and need no memory of their own.

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

// Before the gradients: velocity = momentum x velocity + weight_decay x weight. Velocities are 0 at first. Both spans
// have one size.
void SgdBeginStepF32(const Sgd& sgd, Span<const float> weights, Span<float> velocities);

// After them: weight -= rate x velocity.
void SgdEndStepF32(const Sgd& sgd, Span<const float> velocities, Span<float> weights);

}  // namespace tfodcl

#endif  // TFODCL_TRAINING_SGD_H_
