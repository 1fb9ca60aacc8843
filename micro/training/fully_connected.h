// Fully connected layer, float32: output, error and gradients of weights and bias.
//
// weights: inputs x outputs, as in TensorFlow. Sums are those of training/matmul.h, and begin with the bias.

#ifndef TFODCL_TRAINING_FULLY_CONNECTED_H_
#define TFODCL_TRAINING_FULLY_CONNECTED_H_

#include <cstddef>

namespace tfodcl {

// Each at least 1.
struct FullyConnectedShape {
  size_t batch;
  size_t inputs;
  size_t outputs;
};

// output (batch, outputs) = input (batch, inputs) weights + bias (outputs,). Nothing overlaps.
void FullyConnectedForwardF32(const FullyConnectedShape& shape, const float* input, const float* weights,
                              const float* bias, float* output);

// The loss's gradient with respect to the output to that with respect to the input, which is overwritten.
void FullyConnectedErrorF32(const FullyConnectedShape& shape, const float* output_gradient, const float* weights,
                            float* input_gradient);

// Adds the loss's gradients with respect to weights and bias to weights_gradient and bias_gradient.
void FullyConnectedWeightGradientF32(const FullyConnectedShape& shape, const float* input, const float* output_gradient,
                                     float* weights_gradient, float* bias_gradient);

}  // namespace tfodcl

#endif  // TFODCL_TRAINING_FULLY_CONNECTED_H_
