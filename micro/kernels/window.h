// What convolutions and pools have in common: a window that slides over an image.
//
// Images are int8, height x width x channels, the channel changing fastest. The window at output row y and column x
// begins at input row y x stride_height - pad_top and column x x stride_width - pad_left.

#ifndef TFODCL_KERNELS_WINDOW_H_
#define TFODCL_KERNELS_WINDOW_H_

#include <cstddef>
#include <cstdint>

namespace tfodcl {

// Dimensions of an image, each at least 1, together at most 2^31 - 1 values.
struct ImageShape {
  int32_t height;
  int32_t width;
  int32_t channels;

  int32_t size() const { return height * width * channels; }
};

// All in 1..255, pads in 0..255 and smaller than the window, so that each window meets the input.
struct Window {
  int32_t height;
  int32_t width;
  int32_t stride_height;
  int32_t stride_width;
  int32_t pad_top;
  int32_t pad_left;
};

// First and one past last index of a window's part that lies inside the input, along one dimension.
struct WindowPart {
  int32_t begin;
  int32_t end;
};

// Of a window of `size` that begins at `origin` of an input of `input_size`.
inline WindowPart InsideInput(int32_t origin, int32_t size, int32_t input_size) {
  const int32_t rest = input_size - origin;
  return {origin < 0 ? -origin : 0, rest < size ? rest : size};
}

// Copies the window that begins at (row, column), which may lie partly outside, to `patch`: window.height x
// window.width x channels values, without gaps. Places outside the input get `fill`. Neither overlaps the other.
void GatherWindow(const int8_t* input, const ImageShape& shape, const Window& window, int32_t row, int32_t column,
                  int8_t fill, int8_t* patch);

}  // namespace tfodcl

#endif  // TFODCL_KERNELS_WINDOW_H_
