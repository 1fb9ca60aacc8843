#include "training/taps.h"

#include <cstring>

namespace tfodcl {
namespace {

constexpr size_t kOutside = SIZE_MAX;

// Where in the batch's input a tap meets the first channel at an output pixel, or kOutside.
size_t PlaceOf(const ConvShape& shape, size_t tap, size_t pixel) {
  const Window& window = shape.window;
  const size_t line = pixel / shape.output.width;
  const int32_t x = static_cast<int32_t>(pixel % shape.output.width);
  const int32_t y = static_cast<int32_t>(line % shape.output.height);
  const int32_t row = y * window.stride_height - window.pad_top + static_cast<int32_t>(tap / window.width);
  const int32_t column = x * window.stride_width - window.pad_left + static_cast<int32_t>(tap % window.width);
  if (row < 0 || row >= shape.input.height || column < 0 || column >= shape.input.width) return kOutside;
  const size_t image = line / shape.output.height;
  return image * shape.input_size() + (static_cast<size_t>(row) * shape.input.width + column) * shape.input.channels;
}

}  // namespace

void CopyTapF32(const ConvShape& shape, const Tile& tile, const float* input, float* values) {
  const size_t channels = shape.input.channels;
  for (size_t pixel = tile.begin; pixel < tile.end; ++pixel, values += channels) {
    const size_t place = PlaceOf(shape, tile.tap, pixel);
    if (place == kOutside) {
      std::memset(values, 0, sizeof(float) * channels);
    } else {
      std::memcpy(values, input + place, sizeof(float) * channels);
    }
  }
}

void AddTapF32(const ConvShape& shape, const Tile& tile, const float* values, float* input) {
  const size_t channels = shape.input.channels;
  for (size_t pixel = tile.begin; pixel < tile.end; ++pixel, values += channels) {
    const size_t place = PlaceOf(shape, tile.tap, pixel);
    if (place == kOutside) continue;
    for (size_t c = 0; c < channels; ++c) input[place + c] += values[c];
  }
}

}  // namespace tfodcl
