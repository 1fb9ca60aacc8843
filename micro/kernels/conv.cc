#include "kernels/conv.h"

#include "kernels/fully_connected.h"

namespace tfodcl {
namespace {

// The windows of one convolution, in the order of its output pixels.
class Patches {
 public:
  Patches(const int8_t* input, const ImageShape& shape, int8_t zero_point, const Window& window, int32_t output_width)
      : input_(input), shape_(shape), zero_point_(zero_point), window_(window), output_width_(output_width) {}

  // The values of the next window, without gaps: in the input, or in `scratch`.
  const int8_t* Next(int8_t* scratch) {
    const int32_t row = y_ * window_.stride_height - window_.pad_top;
    const int32_t column = x_ * window_.stride_width - window_.pad_left;
    if (++x_ == output_width_) {
      x_ = 0;
      ++y_;
    }
    if (window_.height * window_.width == 1) return input_ + (row * shape_.width + column) * shape_.channels;
    GatherWindow(input_, shape_, window_, row, column, zero_point_, scratch);
    return scratch;
  }

 private:
  const int8_t* input_;
  const ImageShape& shape_;
  const int8_t zero_point_;
  const Window& window_;
  const int32_t output_width_;
  int32_t x_ = 0;
  int32_t y_ = 0;
};

}  // namespace

void ConvS8(const int8_t* input, const ImageShape& input_shape, int8_t input_zero_point, const Window& window,
            const int8_t* weights, const OutputChannels& channels, int8_t* scratch, int8_t* output,
            const ImageShape& output_shape) {
  const int32_t num_products = window.height * window.width * input_shape.channels;
  const int32_t num_pixels = output_shape.height * output_shape.width;
  const int32_t num_channels = output_shape.channels;
  Patches patches(input, input_shape, input_zero_point, window, output_shape.width);
  int32_t pixel = 0;
  for (; pixel + 2 <= num_pixels; pixel += 2, output += 2 * num_channels) {
    const int8_t* patch0 = patches.Next(scratch);
    const int8_t* patch1 = patches.Next(scratch + num_products);
    FullyConnectedPairS8(patch0, patch1, num_products, weights, num_channels, channels, output, output + num_channels);
  }
  if (pixel < num_pixels) {
    FullyConnectedS8(patches.Next(scratch), num_products, weights, num_channels, channels, output);
  }
}

}  // namespace tfodcl
