#include "kernels/depthwise_conv.h"

namespace tfodcl {
namespace {

// One window without gaps -> the output values of a pixel, where each input channel has one output channel.
void OneToOne(const int8_t* patch, int32_t num_pixels, const int8_t* weights, int32_t num_channels,
              const OutputChannels& channels, int8_t* output) {
  int32_t i = 0;
  for (; i + 4 <= num_channels; i += 4) {
    const int8_t* x = patch + i;
    const int8_t* w = weights + i;
    int32_t sum0 = 0, sum1 = 0, sum2 = 0, sum3 = 0;
    for (int32_t k = 0; k < num_pixels; ++k, x += num_channels, w += num_channels) {
      sum0 += x[0] * w[0];
      sum1 += x[1] * w[1];
      sum2 += x[2] * w[2];
      sum3 += x[3] * w[3];
    }
    output[i] = channels.Finish(sum0, i);
    output[i + 1] = channels.Finish(sum1, i + 1);
    output[i + 2] = channels.Finish(sum2, i + 2);
    output[i + 3] = channels.Finish(sum3, i + 3);
  }
  for (; i < num_channels; ++i) {
    int32_t sum = 0;
    for (int32_t k = 0; k < num_pixels; ++k) sum += patch[k * num_channels + i] * weights[k * num_channels + i];
    output[i] = channels.Finish(sum, i);
  }
}

// The same where each input channel has `multiplier` output channels.
void OneToMany(const int8_t* patch, int32_t num_pixels, int32_t input_channels, int32_t multiplier,
               const int8_t* weights, const OutputChannels& channels, int8_t* output) {
  const int32_t num_channels = input_channels * multiplier;
  int32_t i = 0;
  for (int32_t channel = 0; channel < input_channels; ++channel) {
    for (const int32_t end = i + multiplier; i < end; ++i) {
      const int8_t* x = patch + channel;
      const int8_t* w = weights + i;
      int32_t sum = 0;
#pragma GCC unroll 4
      for (int32_t k = 0; k < num_pixels; ++k, x += input_channels, w += num_channels) sum += *x * *w;
      output[i] = channels.Finish(sum, i);
    }
  }
}

}  // namespace

void DepthwiseConvS8(const int8_t* input, const ImageShape& input_shape, int8_t input_zero_point, const Window& window,
                     const int8_t* weights, const OutputChannels& channels, int8_t* scratch, int8_t* output,
                     const ImageShape& output_shape) {
  const int32_t num_pixels = window.height * window.width;
  const int32_t multiplier = output_shape.channels / input_shape.channels;
  for (int32_t y = 0; y < output_shape.height; ++y) {
    const int32_t row = y * window.stride_height - window.pad_top;
    for (int32_t x = 0; x < output_shape.width; ++x, output += output_shape.channels) {
      const int32_t column = x * window.stride_width - window.pad_left;
      GatherWindow(input, input_shape, window, row, column, input_zero_point, scratch);
      if (multiplier == 1) {
        OneToOne(scratch, num_pixels, weights, output_shape.channels, channels, output);
      } else {
        OneToMany(scratch, num_pixels, input_shape.channels, multiplier, weights, channels, output);
      }
    }
  }
}

}  // namespace tfodcl
