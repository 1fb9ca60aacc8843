#include "kernels/fully_connected.h"

namespace tfodcl {
namespace {

int32_t Dot(const int8_t* a, const int8_t* b, int32_t size) {
  int32_t sum = 0;
#pragma GCC unroll 8
  for (int32_t k = 0; k < size; ++k) sum += a[k] * b[k];
  return sum;
}

}  // namespace

void FullyConnectedS8(const int8_t* input, int32_t num_inputs, const int8_t* weights, int32_t num_outputs,
                      const OutputChannels& channels, int8_t* output) {
  int32_t i = 0;
  for (; i + 4 <= num_outputs; i += 4, weights += 4 * num_inputs) {
    const int8_t* w0 = weights;
    const int8_t* w1 = w0 + num_inputs;
    const int8_t* w2 = w1 + num_inputs;
    const int8_t* w3 = w2 + num_inputs;
    int32_t sum0 = 0, sum1 = 0, sum2 = 0, sum3 = 0;
#pragma GCC unroll 8
    for (int32_t k = 0; k < num_inputs; ++k) {
      const int32_t x = input[k];
      sum0 += x * w0[k];
      sum1 += x * w1[k];
      sum2 += x * w2[k];
      sum3 += x * w3[k];
    }
    output[i] = channels.Finish(sum0, i);
    output[i + 1] = channels.Finish(sum1, i + 1);
    output[i + 2] = channels.Finish(sum2, i + 2);
    output[i + 3] = channels.Finish(sum3, i + 3);
  }
  for (; i < num_outputs; ++i, weights += num_inputs) output[i] = channels.Finish(Dot(input, weights, num_inputs), i);
}

void FullyConnectedPairS8(const int8_t* input0, const int8_t* input1, int32_t num_inputs, const int8_t* weights,
                          int32_t num_outputs, const OutputChannels& channels, int8_t* output0, int8_t* output1) {
  int32_t i = 0;
  for (; i + 2 <= num_outputs; i += 2, weights += 2 * num_inputs) {
    const int8_t* w0 = weights;
    const int8_t* w1 = weights + num_inputs;
    int32_t sum00 = 0, sum01 = 0, sum10 = 0, sum11 = 0;
#pragma GCC unroll 8
    for (int32_t k = 0; k < num_inputs; ++k) {
      const int32_t x0 = input0[k], x1 = input1[k];
      sum00 += x0 * w0[k];
      sum01 += x0 * w1[k];
      sum10 += x1 * w0[k];
      sum11 += x1 * w1[k];
    }
    output0[i] = channels.Finish(sum00, i);
    output0[i + 1] = channels.Finish(sum01, i + 1);
    output1[i] = channels.Finish(sum10, i);
    output1[i + 1] = channels.Finish(sum11, i + 1);
  }
  if (i < num_outputs) {
    output0[i] = channels.Finish(Dot(input0, weights, num_inputs), i);
    output1[i] = channels.Finish(Dot(input1, weights, num_inputs), i);
  }
}

}  // namespace tfodcl
