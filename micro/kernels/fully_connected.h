// FULLY_CONNECTED: every output value is a sum over all input values.

#ifndef TFODCL_KERNELS_FULLY_CONNECTED_H_
#define TFODCL_KERNELS_FULLY_CONNECTED_H_

#include "kernels/channels.h"

namespace tfodcl {

// output[i] = Finish(sum over k of input[k] x weights[i][k]).
//
// input: num_inputs values, 1..kMaxProducts. weights: num_outputs x num_inputs, row-major, zero point 0.
// output: num_outputs values, apart from the input.
void FullyConnectedS8(const int8_t* input, int32_t num_inputs, const int8_t* weights, int32_t num_outputs,
                      const OutputChannels& channels, int8_t* output);

// The same for two inputs at once, with each weight read once for both.
void FullyConnectedPairS8(const int8_t* input0, const int8_t* input1, int32_t num_inputs, const int8_t* weights,
                          int32_t num_outputs, const OutputChannels& channels, int8_t* output0, int8_t* output1);

}  // namespace tfodcl

#endif  // TFODCL_KERNELS_FULLY_CONNECTED_H_
