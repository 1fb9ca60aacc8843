#include "encoder/builtin/operators.h"
#include "kernels/add.h"
#include "kernels/concatenation.h"
#include "kernels/lookup.h"
#include "kernels/mean.h"
#include "kernels/mul.h"
#include "kernels/pad.h"
#include "kernels/pool.h"
#include "kernels/softmax.h"

namespace tfodcl {
namespace {

bool HaveSameShape(const ImageShape& a, const ImageShape& b) {
  return a.height == b.height && a.width == b.width && a.channels == b.channels;
}

bool IsScaleValid(int32_t multiplier, int shift, int greatest_shift) {
  return multiplier >= 0 && shift >= -31 && shift <= greatest_shift;
}

bool CheckPool(const OperatorCall& call) {
  return call.fields.U16(14) == 0 && call.input.shape.channels == call.output.shape.channels &&
         IsWindowValid(WindowOf(call.fields), call.input.shape, call.output.shape);
}

void RunMaxPool(const OperatorCall& call) {
  MaxPoolS8(call.graph.Input(call.input), call.input.shape, WindowOf(call.fields), call.fields.low(),
            call.fields.high(), call.graph.Memory(call.output.offset), call.output.shape);
}

void RunAveragePool(const OperatorCall& call) {
  AveragePoolS8(call.graph.Input(call.input), call.input.shape, WindowOf(call.fields), call.fields.low(),
                call.fields.high(), call.graph.Memory(call.output.offset), call.output.shape);
}

bool CheckMean(const OperatorCall& call) {
  const ImageShape& input = call.input.shape;
  return input.height * input.width <= kMaxMeanPixels &&
         HaveSameShape(call.output.shape, ImageShape{1, 1, input.channels}) &&
         IsScaleValid(call.fields.I32(8), call.fields.I32(12), 30);
}

void RunMean(const OperatorCall& call) {
  MeanS8(call.graph.Input(call.input), call.input.shape, call.input.zero_point, call.fields.I32(8), call.fields.I32(12),
         RangeOf(call), call.graph.Memory(call.output.offset));
}

// Whether the input stretches to the output's shape along dimensions of size 1.
bool IsBroadcastable(const ImageShape& input, const ImageShape& output) {
  return (input.height == 1 || input.height == output.height) && (input.width == 1 || input.width == output.width) &&
         (input.channels == 1 || input.channels == output.channels);
}

bool CheckPair(const OperatorCall& call) {
  const uint16_t second = call.fields.U16(8);
  return second < call.graph.header().num_tensors && IsBroadcastable(call.input.shape, call.output.shape) &&
         IsBroadcastable(call.graph.Tensor(second).shape, call.output.shape);
}

BroadcastInput Broadcast(const OperatorCall& call, const PlanTensor& tensor) {
  return BroadcastInput(call.graph.Input(tensor), tensor.shape);
}

bool CheckAdd(const OperatorCall& call) {
  const PlanOperator fields = call.fields;
  return fields.U8(13) == 0 && fields.U16(14) == 0 && IsScaleValid(fields.I32(16), fields.I8(10), 0) &&
         IsScaleValid(fields.I32(20), fields.I8(11), 0) && IsScaleValid(fields.I32(24), fields.I8(12), 0) &&
         CheckPair(call);
}

void RunAdd(const OperatorCall& call) {
  const PlanOperator fields = call.fields;
  const PlanTensor second = call.graph.Tensor(fields.U16(8));
  const AddScales scales = {call.input.zero_point, second.zero_point, fields.I32(16), fields.I32(20),
                            fields.I32(24),        fields.I8(10),     fields.I8(11),  fields.I8(12)};
  AddS8(Broadcast(call, call.input), Broadcast(call, second), scales, RangeOf(call),
        call.graph.Memory(call.output.offset), call.output.shape);
}

bool CheckMul(const OperatorCall& call) {
  return call.fields.U8(11) == 0 && IsScaleValid(call.fields.I32(12), call.fields.I8(10), 30) && CheckPair(call);
}

void RunMul(const OperatorCall& call) {
  const PlanTensor second = call.graph.Tensor(call.fields.U16(8));
  const MulScales scales = {call.input.zero_point, second.zero_point, call.fields.I32(12), call.fields.I8(10)};
  MulS8(Broadcast(call, call.input), Broadcast(call, second), scales, RangeOf(call),
        call.graph.Memory(call.output.offset), call.output.shape);
}

bool CheckLookup(const OperatorCall& call) {
  return call.input.shape.size() == call.output.shape.size() && call.graph.HasArray(call.fields.U32(8), 256);
}

void RunLookup(const OperatorCall& call) {
  LookupS8(call.graph.Input(call.input), call.input.shape.size(),
           reinterpret_cast<const int8_t*>(call.graph.Array(call.fields.U32(8))),
           call.graph.Memory(call.output.offset));
}

const int32_t* ExponentialsOf(const OperatorCall& call) {
  return reinterpret_cast<const int32_t*>(call.graph.Array(call.fields.U32(8)));
}

bool CheckSoftmax(const OperatorCall& call) {
  if (!HaveSameShape(call.input.shape, call.output.shape) || call.input.shape.channels > kMaxSoftmaxChannels ||
      !call.graph.HasArray(call.fields.U32(8), 4 * 256)) {
    return false;
  }
  const int32_t* exponentials = ExponentialsOf(call);
  for (int i = 0; i < 255; ++i) {
    if (exponentials[i] < 0) return false;
  }
  return exponentials[255] == INT32_MAX;
}

void RunSoftmax(const OperatorCall& call) {
  const ImageShape& shape = call.input.shape;
  SoftmaxS8(call.graph.Input(call.input), shape.height * shape.width, shape.channels, ExponentialsOf(call),
            call.graph.Memory(call.output.offset));
}

// Whether `input` at (top, left, front) lies within `output`.
bool IsWithin(const ImageShape& input, int64_t top, int64_t left, int64_t front, const ImageShape& output) {
  return top + input.height <= output.height && left + input.width <= output.width &&
         front + input.channels <= output.channels;
}

bool CheckPad(const OperatorCall& call) {
  const PlanOperator fields = call.fields;
  return IsWithin(call.input.shape, fields.U16(8), fields.U16(10), fields.U32(12), call.output.shape);
}

void RunPad(const OperatorCall& call) {
  const PlanOperator fields = call.fields;
  PadS8(call.graph.Input(call.input), call.input.shape, fields.U16(8), fields.U16(10), fields.I32(12),
        call.output.zero_point, call.graph.Memory(call.output.offset), call.output.shape);
}

// Calls place(tensor, top, left, front) for each input of a concatenation, until one returns false.
template <typename Place>
bool ForEachPart(const OperatorCall& call, Place place) {
  const uint8_t axis = call.fields.U8(8), num_inputs = call.fields.U8(9);
  int32_t position[3] = {0, 0, 0};
  for (uint8_t i = 0; i < num_inputs; ++i) {
    const uint16_t index = i == 0 ? call.fields.input() : call.fields.U16(8 + 2 * i);
    if (index >= call.graph.header().num_tensors) return false;
    const PlanTensor part = call.graph.Tensor(index);
    if (!place(part, position[0], position[1], position[2])) return false;
    position[axis] += axis == 0 ? part.shape.height : axis == 1 ? part.shape.width : part.shape.channels;
  }
  return true;
}

bool CheckConcatenation(const OperatorCall& call) {
  const uint8_t axis = call.fields.U8(8), num_inputs = call.fields.U8(9);
  if (axis > 2 || num_inputs < 1 || call.fields.num_bytes() != AlignUp(8 + 2 * num_inputs, 4)) return false;
  return ForEachPart(call, [&](const PlanTensor& part, int32_t top, int32_t left, int32_t front) {
    return IsWithin(part.shape, top, left, front, call.output.shape);
  });
}

void RunConcatenation(const OperatorCall& call) {
  ForEachPart(call, [&](const PlanTensor& part, int32_t top, int32_t left, int32_t front) {
    PlaceS8(call.graph.Input(part), part.shape, top, left, front, call.graph.Memory(call.output.offset),
            call.output.shape);
    return true;
  });
}

}  // namespace

const Operator kUnweightedOperators[9] = {
    {OperatorKind::kMaxPool, 16, true, CheckPool, RunMaxPool},
    {OperatorKind::kAveragePool, 16, true, CheckPool, RunAveragePool},
    {OperatorKind::kMean, 16, false, CheckMean, RunMean},
    {OperatorKind::kAdd, 28, true, CheckAdd, RunAdd},
    {OperatorKind::kMul, 16, true, CheckMul, RunMul},
    {OperatorKind::kLookup, 12, false, CheckLookup, RunLookup},
    {OperatorKind::kSoftmax, 12, false, CheckSoftmax, RunSoftmax},
    {OperatorKind::kPad, 16, false, CheckPad, RunPad},
    {OperatorKind::kConcatenation, 12, false, CheckConcatenation, RunConcatenation},
};

}  // namespace tfodcl
