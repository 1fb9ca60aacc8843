#include "training/depthwise_conv.h"

#include <cstddef>
#include <cstring>

#include "training/channel_blocks.h"
#include "training/multiply_add.h"

namespace tfodcl {
namespace {

// A way through an array: from `begin`, by a step for each row and for each column of a grid.
struct Walk {
  const float* begin;
  ptrdiff_t row_step;
  ptrdiff_t column_step;
};

struct Grid {
  int32_t rows;
  int32_t columns;
};

// sums[c] += the sum over the grid of a[..][c] x b[..][c].
void AddProducts(const Grid& grid, const Walk& a, const Walk& b, size_t channels, float* sums) {
  ForChannelBlocks<16>(channels, [&](size_t channel, auto count) {
    constexpr int kCount = decltype(count)::value;
    float kept[kCount];
#pragma GCC unroll 16
    for (int i = 0; i < kCount; ++i) kept[i] = sums[channel + i];
    const float* a_row = a.begin + channel;
    const float* b_row = b.begin + channel;
    for (int32_t row = grid.rows; row > 0; --row, a_row += a.row_step, b_row += b.row_step) {
      const float* one = a_row;
      const float* other = b_row;
      for (int32_t column = grid.columns; column > 0; --column, one += a.column_step, other += b.column_step) {
#pragma GCC unroll 16
        for (int i = 0; i < kCount; ++i) MultiplyAdd(one[i], other[i], &kept[i]);
      }
    }
#pragma GCC unroll 16
    for (int i = 0; i < kCount; ++i) sums[channel + i] = kept[i];
  });
}

// One dimension of the layer.
struct Dimension {
  int32_t input;
  int32_t output;
  int32_t window;
  int32_t stride;
  int32_t pad;
};

Dimension Vertical(const ConvShape& shape) {
  return {shape.input.height, shape.output.height, shape.window.height, shape.window.stride_height,
          shape.window.pad_top};
}

Dimension Horizontal(const ConvShape& shape) {
  return {shape.input.width, shape.output.width, shape.window.width, shape.window.stride_width, shape.window.pad_left};
}

// `count` pairs of places that are multiplied: the first pair, in the two arrays of which a sum is made.
struct Pairs {
  int32_t count;
  int32_t place;
  int32_t tap;
};

// Of an output place: input places (rising by 1) with taps (rising by 1).
Pairs PairsOfOutput(const Dimension& d, int32_t output) {
  const int32_t origin = output * d.stride - d.pad;
  const WindowPart part = InsideInput(origin, d.window, d.input);
  return {part.end - part.begin, origin + part.begin, part.begin};
}

// Of an input place: output places (falling by 1) with taps (rising by the stride).
Pairs PairsOfInput(const Dimension& d, int32_t input) {
  const int32_t from_origin = input + d.pad;  // = output x stride + tap
  const int32_t past_end = from_origin - (d.output - 1) * d.stride;
  const int32_t first = past_end > 0 ? past_end : from_origin % d.stride;
  const int32_t last = from_origin < d.window ? from_origin : d.window - 1;
  return {last < first ? 0 : (last - first) / d.stride + 1, (from_origin - first) / d.stride, first};
}

// Of a tap: output places (rising by 1) with input places (rising by the stride); `tap` is the first of the latter.
Pairs PairsOfTap(const Dimension& d, int32_t tap) {
  const int32_t offset = tap - d.pad;  // = input - output x stride
  const int32_t first = offset < 0 ? (-offset + d.stride - 1) / d.stride : 0;
  const int32_t inside = d.input - 1 - offset;
  const int32_t last = inside < 0 ? -1 : inside / d.stride < d.output ? inside / d.stride : d.output - 1;
  return {last < first ? 0 : last - first + 1, first, first * d.stride + offset};
}

// height x width x channels.
struct Array {
  const float* values;
  int32_t width;
  int32_t channels;

  // From (row, column), by steps of whole rows and columns.
  Walk From(int32_t row, int32_t column, int32_t row_step, int32_t column_step) const {
    const ptrdiff_t row_values = static_cast<ptrdiff_t>(width) * channels;
    return {values + row * row_values + static_cast<ptrdiff_t>(column) * channels, row_step * row_values,
            static_cast<ptrdiff_t>(column_step) * channels};
  }
};

}  // namespace

void DepthwiseConvForwardF32(const ConvShape& shape, const float* input, const float* kernel, float* output) {
  const int32_t channels = shape.input.channels;
  const Array taps = {kernel, shape.window.width, channels};
  for (int32_t image = 0; image < shape.batch; ++image) {
    const Array from = {input + image * shape.input_size(), shape.input.width, channels};
    for (int32_t y = 0; y < shape.output.height; ++y) {
      const Pairs rows = PairsOfOutput(Vertical(shape), y);
      for (int32_t x = 0; x < shape.output.width; ++x, output += channels) {
        const Pairs columns = PairsOfOutput(Horizontal(shape), x);
        std::memset(output, 0, sizeof(float) * channels);
        AddProducts({rows.count, columns.count}, from.From(rows.place, columns.place, 1, 1),
                    taps.From(rows.tap, columns.tap, 1, 1), channels, output);
      }
    }
  }
}

void DepthwiseConvErrorF32(const ConvShape& shape, const float* output_gradient, const float* kernel,
                           float* input_gradient) {
  const int32_t channels = shape.input.channels;
  const Window& window = shape.window;
  const Array taps = {kernel, window.width, channels};
  for (int32_t image = 0; image < shape.batch; ++image) {
    const Array from = {output_gradient + image * shape.output_size(), shape.output.width, channels};
    for (int32_t y = 0; y < shape.input.height; ++y) {
      const Pairs rows = PairsOfInput(Vertical(shape), y);
      for (int32_t x = 0; x < shape.input.width; ++x, input_gradient += channels) {
        const Pairs columns = PairsOfInput(Horizontal(shape), x);
        std::memset(input_gradient, 0, sizeof(float) * channels);
        if (rows.count == 0 || columns.count == 0) continue;
        AddProducts({rows.count, columns.count}, from.From(rows.place, columns.place, -1, -1),
                    taps.From(rows.tap, columns.tap, window.stride_height, window.stride_width), channels,
                    input_gradient);
      }
    }
  }
}

void DepthwiseConvWeightGradientF32(const ConvShape& shape, const float* input, const float* output_gradient,
                                    float* kernel_gradient) {
  const int32_t channels = shape.input.channels;
  const Window& window = shape.window;
  for (int32_t image = 0; image < shape.batch; ++image) {
    const Array in = {input + image * shape.input_size(), shape.input.width, channels};
    const Array out = {output_gradient + image * shape.output_size(), shape.output.width, channels};
    float* gradient = kernel_gradient;
    for (int32_t i = 0; i < window.height; ++i) {
      const Pairs rows = PairsOfTap(Vertical(shape), i);
      for (int32_t j = 0; j < window.width; ++j, gradient += channels) {
        const Pairs columns = PairsOfTap(Horizontal(shape), j);
        if (rows.count == 0 || columns.count == 0) continue;
        AddProducts({rows.count, columns.count}, out.From(rows.place, columns.place, 1, 1),
                    in.From(rows.tap, columns.tap, window.stride_height, window.stride_width), channels, gradient);
      }
    }
  }
}

}  // namespace tfodcl
