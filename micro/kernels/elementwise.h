// How ADD and MUL meet two inputs of different shapes: along a dimension in which one input has size 1, its value is
// repeated.

#ifndef TFODCL_KERNELS_ELEMENTWISE_H_
#define TFODCL_KERNELS_ELEMENTWISE_H_

#include "kernels/window.h"

namespace tfodcl {

// One input of an operator on two: its values, and how far apart neighbours are along each output dimension; 0 where
// the input has size 1.
struct BroadcastInput {
  BroadcastInput(const int8_t* data, const ImageShape& shape)
      : data(data),
        row_step(shape.height == 1 ? 0 : shape.width * shape.channels),
        column_step(shape.width == 1 ? 0 : shape.channels),
        channel_step(shape.channels == 1 ? 0 : 1) {}

  const int8_t* data;
  int32_t row_step;
  int32_t column_step;
  int32_t channel_step;
};

// output[i] = combine(a's value, b's value) for each value of the output, in order. `output` may begin where an input
// of the output's shape does.
template <typename Combine>
void ForEachPair(const BroadcastInput& a, const BroadcastInput& b, const ImageShape& shape, int8_t* output,
                 Combine combine) {
  for (int32_t y = 0; y < shape.height; ++y) {
    for (int32_t x = 0; x < shape.width; ++x) {
      const int8_t* from_a = a.data + y * a.row_step + x * a.column_step;
      const int8_t* from_b = b.data + y * b.row_step + x * b.column_step;
      for (int32_t i = 0; i < shape.channels; ++i, from_a += a.channel_step, from_b += b.channel_step) {
        *output++ = combine(*from_a, *from_b);
      }
    }
  }
}

}  // namespace tfodcl

#endif  // TFODCL_KERNELS_ELEMENTWISE_H_
