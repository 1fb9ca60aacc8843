// Convolutions as sums of matrix products, one for each tap of the window: what the tap meets at all output pixels is a
// matrix (im2col, tap by tap).

#ifndef TFODCL_TRAINING_TAPS_H_
#define TFODCL_TRAINING_TAPS_H_

#include "training/conv_shape.h"

namespace tfodcl {

// One tap at output pixels begin .. end - 1 of all num_pixels().
struct Tile {
  size_t tap;
  size_t begin;
  size_t end;

  size_t size() const { return end - begin; }
};

// values (tile.size(), input channels) = what the tap meets in input, 0 outside of it. Nothing overlaps.
void CopyTapF32(const ConvShape& shape, const Tile& tile, const float* input, float* values);

// The reverse: values are added to the places of input that they would be copied from; what has none is left out.
// Nothing overlaps.
void AddTapF32(const ConvShape& shape, const Tile& tile, const float* values, float* input);

}  // namespace tfodcl

#endif  // TFODCL_TRAINING_TAPS_H_
