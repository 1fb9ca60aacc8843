#include "training/fully_connected.h"

#include <cstring>

#include "training/matmul.h"

namespace tfodcl {

void FullyConnectedForwardF32(const FullyConnectedShape& shape, const float* input, const float* weights,
                              const float* bias, float* output) {
  for (size_t sample = 0; sample < shape.batch; ++sample) {
    std::memcpy(output + sample * shape.outputs, bias, sizeof(float) * shape.outputs);
  }
  MatMulF32({shape.batch, shape.outputs, shape.inputs}, input, weights, SumFrom::kResult, output);
}

void FullyConnectedErrorF32(const FullyConnectedShape& shape, const float* output_gradient, const float* weights,
                            float* input_gradient) {
  MatMulTransposedBF32({shape.batch, shape.inputs, shape.outputs}, output_gradient, weights, SumFrom::kZero,
                       input_gradient);
}

void FullyConnectedWeightGradientF32(const FullyConnectedShape& shape, const float* input, const float* output_gradient,
                                     float* weights_gradient, float* bias_gradient) {
  MatMulTransposedAF32({shape.inputs, shape.outputs, shape.batch}, input, output_gradient, SumFrom::kResult,
                       weights_gradient);
  for (size_t sample = 0; sample < shape.batch; ++sample) {
    for (size_t i = 0; i < shape.outputs; ++i) bias_gradient[i] += output_gradient[sample * shape.outputs + i];
  }
}

}  // namespace tfodcl
