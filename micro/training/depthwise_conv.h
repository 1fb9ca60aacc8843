// Depthwise convolution without dilation and without bias, float32: output, error and weight gradient.
//
// kernel: window.height x window.width x channels; shape.output.channels = shape.input.channels. Each channel is by
// itself, so there is no matrix whose elements are used more than once, nothing is copied, and there is no scratch.
// Each sum is in order of the images, rows and columns that it is over, each product rounded before it is added.

#ifndef TFODCL_TRAINING_DEPTHWISE_CONV_H_
#define TFODCL_TRAINING_DEPTHWISE_CONV_H_

#include "training/conv_shape.h"

namespace tfodcl {

// input (batch, input) and kernel to output (batch, output). Nothing overlaps.
void DepthwiseConvForwardF32(const ConvShape& shape, const float* input, const float* kernel, float* output);

// The loss's gradient with respect to the output to that with respect to the input, which is overwritten.
void DepthwiseConvErrorF32(const ConvShape& shape, const float* output_gradient, const float* kernel,
                           float* input_gradient);

// Adds the loss's gradient with respect to the kernel to kernel_gradient.
void DepthwiseConvWeightGradientF32(const ConvShape& shape, const float* input, const float* output_gradient,
                                    float* kernel_gradient);

}  // namespace tfodcl

#endif  // TFODCL_TRAINING_DEPTHWISE_CONV_H_
