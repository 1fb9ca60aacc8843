// Convolution without dilation and without bias, float32: output, error and weight gradient. A pointwise convolution is
// one whose window is a single pixel.
//
// kernel: window.height x window.width x input channels x output channels, as in TensorFlow. For each tap of the window
// with V, what it meets at the pixels of a tile (training/taps.h), and K, its part of the kernel (input channels,
// output channels), matrix products are summed up:
//   output Y += V K,   input gradient: V gets dY K^T,   weight gradient dK += V^T dY
// An output is the sum of its products in order of the taps, and of the input channels for each of them; what an input
// gets is added in order of the taps; a weight's gradient is summed in order of the pixels. So all tilings give the
// same bits.
//
// A tile is copied (CopyTapF32) and then multiplied (ConvForwardTileF32, ConvWeightGradientTileF32). A port that can
// copy while it computes calls these by itself, with two buffers.

#ifndef TFODCL_TRAINING_CONV_H_
#define TFODCL_TRAINING_CONV_H_

#include "base/span.h"
#include "training/taps.h"

namespace tfodcl {

// How a layer is cut into pieces for which there is memory: output pixels of a tile, at least 1. The last one may have
// fewer.
struct ConvTiling {
  size_t tile_pixels;
};

// Whether the tap meets the input's own pixels in their order, so that nothing is copied: a window of one pixel at
// stride 1.
bool ConvReadsInPlace(const ConvShape& shape);

// Bytes of `scratch` that the functions below take: one tile, or nothing where they read in place.
uint64_t ConvScratchBytes(const ConvShape& shape, const ConvTiling& tiling);

// The largest tiles for which `scratch_bytes` suffice. tile_pixels is 0 where they do not suffice for one pixel.
ConvTiling PlanConvTiling(const ConvShape& shape, uint64_t scratch_bytes);

// input (batch, input) and kernel to output (batch, output). Nothing overlaps.
void ConvForwardF32(const ConvShape& shape, const ConvTiling& tiling, const float* input, const float* kernel,
                    Span<float> scratch, float* output);

// The loss's gradient with respect to the output to that with respect to the input, which is overwritten.
void ConvErrorF32(const ConvShape& shape, const ConvTiling& tiling, const float* output_gradient, const float* kernel,
                  Span<float> scratch, float* input_gradient);

// Adds the loss's gradient with respect to the kernel to kernel_gradient.
void ConvWeightGradientF32(const ConvShape& shape, const ConvTiling& tiling, const float* input,
                           const float* output_gradient, Span<float> scratch, float* kernel_gradient);

// One tile of ConvForwardF32 and of ConvWeightGradientF32: `values` are those that the tap meets. All other arrays are
// the whole ones. Forward, the tiles of tap 0 come first, and those of one tap before those of the next.
void ConvForwardTileF32(const ConvShape& shape, const Tile& tile, const float* values, const float* kernel,
                        float* output);
void ConvWeightGradientTileF32(const ConvShape& shape, const Tile& tile, const float* values,
                               const float* output_gradient, float* kernel_gradient);

}  // namespace tfodcl

#endif  // TFODCL_TRAINING_CONV_H_
