// DEPTHWISE_CONV_2D without dilation.

#ifndef TFODCL_KERNELS_DEPTHWISE_CONV_H_
#define TFODCL_KERNELS_DEPTHWISE_CONV_H_

#include "kernels/channels.h"
#include "kernels/window.h"

namespace tfodcl {

// Bytes of `scratch` for DepthwiseConvS8: one window. Of any sizes.
inline uint64_t DepthwiseConvScratchBytes(const ImageShape& input, const Window& window) {
  return static_cast<uint64_t>(window.height) * window.width * input.channels;
}

// output[y][x][i] = Finish(sum over a window's rows and columns of input[..][i div depth_multiplier] x weights[..][i]),
// where depth_multiplier = output channels / input channels, a whole number.
//
// weights: window.height x window.width x output channels, zero point 0. input_zero_point: what lies outside the input.
// input, output and scratch do not overlap.
void DepthwiseConvS8(const int8_t* input, const ImageShape& input_shape, int8_t input_zero_point, const Window& window,
                     const int8_t* weights, const OutputChannels& channels, int8_t* scratch, int8_t* output,
                     const ImageShape& output_shape);

}  // namespace tfodcl

#endif  // TFODCL_KERNELS_DEPTHWISE_CONV_H_
