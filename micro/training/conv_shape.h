// What convolutions have in common: a window that slides over the images of a batch.
//
// Images are float32, batch x height x width x channels, the channel changing fastest. The output pixels of a batch are
// counted row by row, image by image; the taps of the window, its places, row by row.

#ifndef TFODCL_TRAINING_CONV_SHAPE_H_
#define TFODCL_TRAINING_CONV_SHAPE_H_

#include "kernels/window.h"

namespace tfodcl {

// The rules of ImageShape and Window hold; a batch is at least 1. At stride s the output has
// (input + pads - window) div s + 1 rows and columns, with pads before (window's) and after (what is left).
struct ConvShape {
  int32_t batch;
  ImageShape input;
  Window window;
  ImageShape output;

  size_t num_pixels() const { return static_cast<size_t>(batch) * output.height * output.width; }
  size_t num_taps() const { return static_cast<size_t>(window.height) * window.width; }
  // Values of one image's input and output.
  size_t input_size() const { return static_cast<size_t>(input.size()); }
  size_t output_size() const { return static_cast<size_t>(output.size()); }
};

}  // namespace tfodcl

#endif  // TFODCL_TRAINING_CONV_SHAPE_H_
