// CONV_2D without dilation.

#ifndef TFODCL_KERNELS_CONV_H_
#define TFODCL_KERNELS_CONV_H_

#include "kernels/channels.h"
#include "kernels/window.h"

namespace tfodcl {

// Bytes of `scratch` for ConvS8: two windows, or nothing where windows of one pixel are read in place. Of any sizes.
inline uint64_t ConvScratchBytes(const ImageShape& input, const Window& window) {
  const uint64_t pixels = static_cast<uint64_t>(window.height) * window.width;
  return pixels == 1 ? 0 : 2 * pixels * input.channels;
}

// output[y][x][i] = Finish(sum over a window's rows, columns and channels of input x weights[i]).
//
// weights: output channels x window.height x window.width x input channels, zero point 0; a channel's products are at
// most kMaxProducts. A window of one pixel has no pads. input_zero_point: what lies outside the input.
// input, output and scratch do not overlap.
void ConvS8(const int8_t* input, const ImageShape& input_shape, int8_t input_zero_point, const Window& window,
            const int8_t* weights, const OutputChannels& channels, int8_t* scratch, int8_t* output,
            const ImageShape& output_shape);

}  // namespace tfodcl

#endif  // TFODCL_KERNELS_CONV_H_
