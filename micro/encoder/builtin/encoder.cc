#include "encoder/encoder.h"

#include <new>

#include "encoder/builtin/graph.h"
#include "encoder/builtin/operators.h"

namespace tfodcl {
namespace {

// Of both sections in flash (SPEC.md 1), and therefore of weights at multiples of 16 in the .tflite.
constexpr uintptr_t kSectionAlignment = 32;

bool IsAligned(Bytes section) { return reinterpret_cast<uintptr_t>(section.data()) % kSectionAlignment == 0; }

EncoderTensor Describe(const PlanTensor& tensor) {
  const ImageShape& shape = tensor.shape;
  return {static_cast<uint32_t>(shape.height), static_cast<uint32_t>(shape.width),
          static_cast<uint32_t>(shape.channels), tensor.scale, tensor.zero_point};
}

}  // namespace

struct Encoder::State {
  Graph graph;
};

const char* Encoder::BackEnd() { return "builtin"; }

Status Encoder::RequiredBytes(Bytes tflite, Bytes plan, size_t* bytes) {
  PlanHeader header;
  const Status status = ReadPlanHeader(plan, &header);
  if (status != Status::kOk) return status;
  if (header.encoder_bytes != tflite.size()) return Status::kInvalidPackage;
  *bytes = Arena::BytesOf<State>(1) + Arena::BytesOf<int8_t>(header.arena_bytes);
  return Status::kOk;
}

Status Encoder::Prepare(Bytes tflite, Bytes plan, Arena* arena) {
  PlanHeader header;
  Status status = ReadPlanHeader(plan, &header);
  if (status != Status::kOk) return status;
  if (!IsAligned(tflite) || !IsAligned(plan)) return Status::kInvalidArgument;

  Span<State> state;
  Span<int8_t> memory;
  status = arena->Allocate(1, &state);
  if (status == Status::kOk) status = arena->Allocate(header.arena_bytes, &memory);
  if (status != Status::kOk) return status;

  state_ = new (state.data()) State{Graph(tflite, plan, header, memory)};
  const Graph& graph = state_->graph;
  status = graph.Check();
  if (status == Status::kOk) status = CheckOperators(graph);
  if (status != Status::kOk) return status;

  const PlanTensor input = graph.Tensor(header.input), latent = graph.Tensor(header.output);
  input_tensor_ = Describe(input);
  latent_tensor_ = Describe(latent);
  input_ = memory.subspan(input.offset, input.shape.size());
  memory_ = {Arena::BytesOf<int8_t>(header.arena_bytes), 0, Arena::BytesOf<State>(1)};
  latent_ = memory.subspan(latent.offset, latent.shape.size());
  return Status::kOk;
}

Status Encoder::Invoke() {
  RunOperators(state_->graph);
  return Status::kOk;
}

}  // namespace tfodcl
