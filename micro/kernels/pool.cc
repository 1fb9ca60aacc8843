#include "kernels/pool.h"

namespace tfodcl {
namespace {

// Calls pixel(first, rows, columns) for each output pixel in order: `first` is the window's first value inside the
// input, rows x columns its pixels there.
template <typename Pixel>
void ForEachWindow(const int8_t* input, const ImageShape& input_shape, const Window& window,
                   const ImageShape& output_shape, Pixel pixel) {
  for (int32_t y = 0; y < output_shape.height; ++y) {
    const int32_t row = y * window.stride_height - window.pad_top;
    const WindowPart rows = InsideInput(row, window.height, input_shape.height);
    for (int32_t x = 0; x < output_shape.width; ++x) {
      const int32_t column = x * window.stride_width - window.pad_left;
      const WindowPart columns = InsideInput(column, window.width, input_shape.width);
      const int32_t first = (row + rows.begin) * input_shape.width + column + columns.begin;
      pixel(input + first * input_shape.channels, rows.end - rows.begin, columns.end - columns.begin);
    }
  }
}

int8_t Clamp(int32_t x, int8_t low, int8_t high) { return static_cast<int8_t>(x < low ? low : x > high ? high : x); }

}  // namespace

void MaxPoolS8(const int8_t* input, const ImageShape& input_shape, const Window& window, int8_t low, int8_t high,
               int8_t* output, const ImageShape& output_shape) {
  const int32_t row_size = input_shape.width * input_shape.channels;
  ForEachWindow(input, input_shape, window, output_shape, [&](const int8_t* first, int32_t rows, int32_t columns) {
    for (int32_t channel = 0; channel < input_shape.channels; ++channel, ++first, ++output) {
      int32_t greatest = low;
      const int8_t* row = first;
      for (int32_t y = 0; y < rows; ++y, row += row_size) {
        const int8_t* value = row;
        for (int32_t x = 0; x < columns; ++x, value += input_shape.channels) {
          if (*value > greatest) greatest = *value;
        }
      }
      *output = Clamp(greatest, low, high);
    }
  });
}

void AveragePoolS8(const int8_t* input, const ImageShape& input_shape, const Window& window, int8_t low, int8_t high,
                   int8_t* output, const ImageShape& output_shape) {
  const int32_t row_size = input_shape.width * input_shape.channels;
  ForEachWindow(input, input_shape, window, output_shape, [&](const int8_t* first, int32_t rows, int32_t columns) {
    const int32_t count = rows * columns;
    for (int32_t channel = 0; channel < input_shape.channels; ++channel, ++first, ++output) {
      int32_t sum = 0;
      const int8_t* row = first;
      for (int32_t y = 0; y < rows; ++y, row += row_size) {
        const int8_t* value = row;
        for (int32_t x = 0; x < columns; ++x, value += input_shape.channels) sum += *value;
      }
      const int32_t half = sum > 0 ? count / 2 : -(count / 2);
      *output = Clamp((sum + half) / count, low, high);
    }
  });
}

}  // namespace tfodcl
