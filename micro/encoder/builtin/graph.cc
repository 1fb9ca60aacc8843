#include "encoder/builtin/graph.h"

#include "base/crc32.h"

namespace tfodcl {
namespace {

constexpr uint8_t kConstant = 1;

}  // namespace

PlanTensor Graph::Tensor(uint16_t index) const {
  const uint8_t* bytes = plan_.data() + kPlanHeaderBytes + kPlanTensorBytes * index;
  const ImageShape shape = {ReadU16(bytes + 8), ReadU16(bytes + 10), static_cast<int32_t>(ReadU32(bytes + 4))};
  return {shape, static_cast<int8_t>(bytes[16]), bytes[17] == kConstant, ReadU32(bytes), ReadF32(bytes + 12)};
}

PlanOperator Graph::FirstOperator() const {
  return PlanOperator(plan_.data() + kPlanHeaderBytes + kPlanTensorBytes * header_.num_tensors);
}

const int8_t* Graph::Input(const PlanTensor& tensor) const {
  return tensor.is_constant ? Weights(tensor.offset) : Memory(tensor.offset);
}

bool Graph::IsValid(const PlanTensor& tensor) const {
  const ImageShape& shape = tensor.shape;
  if (shape.height < 1 || shape.width < 1 || shape.channels < 1) return false;
  const uint64_t num_pixels = static_cast<uint64_t>(shape.height) * shape.width;
  if (num_pixels > INT32_MAX) return false;
  const uint64_t num_bytes = num_pixels * shape.channels;
  if (!(tensor.scale > 0) || num_bytes > INT32_MAX) return false;
  return tensor.is_constant ? HasWeights(tensor.offset, num_bytes) : HasArena(tensor.offset, num_bytes);
}

Status Graph::Check() const {
  if (tflite_.size() != header_.encoder_bytes || Crc32(tflite_) != header_.encoder_crc32) {
    return Status::kInvalidPackage;
  }
  const uint8_t* bytes = plan_.data() + kPlanHeaderBytes;
  for (uint16_t i = 0; i < header_.num_tensors; ++i, bytes += kPlanTensorBytes) {
    if (bytes[17] > kConstant || ReadU16(bytes + 18) != 0 || !IsValid(Tensor(i))) return Status::kInvalidPackage;
  }
  const bool constant = Tensor(header_.input).is_constant || Tensor(header_.output).is_constant;
  return constant ? Status::kInvalidPackage : Status::kOk;
}

}  // namespace tfodcl
