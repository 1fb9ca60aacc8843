#include "encoder/builtin/operators.h"
#include "kernels/conv.h"
#include "kernels/depthwise_conv.h"
#include "kernels/fully_connected.h"

namespace tfodcl {
namespace {

// Arrays of one element for each output channel, behind one another at `offset` of the plan: biases, multipliers,
// shifts.
OutputChannels ReadChannels(const OperatorCall& call, uint32_t offset) {
  const uint8_t* array = call.graph.Array(offset);
  const int32_t* biases = reinterpret_cast<const int32_t*>(array);
  const int32_t num_channels = call.output.shape.channels;
  return {biases, biases + num_channels, reinterpret_cast<const int8_t*>(biases + 2 * num_channels), RangeOf(call)};
}

bool AreChannelsValid(const OperatorCall& call, uint32_t offset) {
  const uint64_t num_channels = call.output.shape.channels;
  if (!call.graph.HasArray(offset, 9 * num_channels)) return false;
  const OutputChannels channels = ReadChannels(call, offset);
  for (uint64_t i = 0; i < num_channels; ++i) {
    if (channels.biases[i] < -(1 << 30) || channels.biases[i] >= 1 << 30) return false;
    if (channels.multipliers[i] < 0 || channels.shifts[i] < -31 || channels.shifts[i] > 30) return false;
  }
  return true;
}

// Fields of CONV_2D and DEPTHWISE_CONV_2D.
uint32_t WeightsOf(PlanOperator fields) { return fields.U32(16); }
uint32_t ChannelsOf(PlanOperator fields) { return fields.U32(20); }
uint32_t ScratchOf(PlanOperator fields) { return fields.U32(24); }

// Whether `size` bytes of scratch lie in the arena, apart from input and output.
bool IsScratchValid(const OperatorCall& call, uint64_t size) {
  const uint64_t begin = ScratchOf(call.fields), end = begin + size;
  const auto apart = [&](const PlanTensor& tensor) {
    const uint64_t tensor_end = uint64_t{tensor.offset} + tensor.shape.size();
    return tensor.is_constant || end <= tensor.offset || begin >= tensor_end;
  };
  if (size == 0) return begin == 0;
  return call.graph.HasArena(ScratchOf(call.fields), size) && apart(call.input) && apart(call.output);
}

bool IsConvolutionValid(const OperatorCall& call, uint64_t num_products, uint64_t num_weights, uint64_t scratch_bytes) {
  return call.fields.U16(14) == 0 && IsWindowValid(WindowOf(call.fields), call.input.shape, call.output.shape) &&
         num_products <= kMaxProducts && call.graph.HasWeights(WeightsOf(call.fields), num_weights) &&
         IsScratchValid(call, scratch_bytes) && AreChannelsValid(call, ChannelsOf(call.fields));
}

bool CheckConv(const OperatorCall& call) {
  const Window window = WindowOf(call.fields);
  const uint64_t num_pixels = static_cast<uint64_t>(window.height) * window.width;
  const uint64_t num_products = num_pixels * call.input.shape.channels;
  return IsConvolutionValid(call, num_products, num_products * call.output.shape.channels,
                            ConvScratchBytes(call.input.shape, window));
}

void RunConv(const OperatorCall& call) {
  ConvS8(call.graph.Input(call.input), call.input.shape, call.input.zero_point, WindowOf(call.fields),
         call.graph.Weights(WeightsOf(call.fields)), ReadChannels(call, ChannelsOf(call.fields)),
         call.graph.Memory(ScratchOf(call.fields)), call.graph.Memory(call.output.offset), call.output.shape);
}

bool CheckDepthwiseConv(const OperatorCall& call) {
  const Window window = WindowOf(call.fields);
  const uint64_t num_pixels = static_cast<uint64_t>(window.height) * window.width;
  return call.output.shape.channels % call.input.shape.channels == 0 &&
         IsConvolutionValid(call, num_pixels, num_pixels * call.output.shape.channels,
                            DepthwiseConvScratchBytes(call.input.shape, window));
}

void RunDepthwiseConv(const OperatorCall& call) {
  DepthwiseConvS8(call.graph.Input(call.input), call.input.shape, call.input.zero_point, WindowOf(call.fields),
                  call.graph.Weights(WeightsOf(call.fields)), ReadChannels(call, ChannelsOf(call.fields)),
                  call.graph.Memory(ScratchOf(call.fields)), call.graph.Memory(call.output.offset), call.output.shape);
}

bool CheckFullyConnected(const OperatorCall& call) {
  const uint64_t num_inputs = call.input.shape.size();
  return num_inputs <= kMaxProducts && call.output.shape.height == 1 && call.output.shape.width == 1 &&
         call.graph.HasWeights(call.fields.U32(8), num_inputs * call.output.shape.channels) &&
         AreChannelsValid(call, call.fields.U32(12));
}

void RunFullyConnected(const OperatorCall& call) {
  FullyConnectedS8(call.graph.Input(call.input), call.input.shape.size(), call.graph.Weights(call.fields.U32(8)),
                   call.output.shape.channels, ReadChannels(call, call.fields.U32(12)),
                   call.graph.Memory(call.output.offset));
}

}  // namespace

const Operator kWeightedOperators[3] = {
    {OperatorKind::kConv, 28, true, CheckConv, RunConv},
    {OperatorKind::kDepthwiseConv, 28, true, CheckDepthwiseConv, RunDepthwiseConv},
    {OperatorKind::kFullyConnected, 16, true, CheckFullyConnected, RunFullyConnected},
};

}  // namespace tfodcl
