// The encoder by TensorFlow Lite Micro's interpreter, all of whose objects lie in the arena.

#include "encoder/encoder.h"

#include <new>

#include "encoder/plan_header.h"
#include "tensorflow/lite/c/common.h"
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/micro/recording_micro_allocator.h"
#include "tensorflow/lite/schema/schema_generated.h"
#include "tensorflow/lite/schema/schema_utils.h"

namespace tfodcl {
namespace {

constexpr uint32_t kSchemaVersion = 3;
constexpr uintptr_t kSectionAlignment = 32;
constexpr size_t kGrowthBytes = 1024;

// What the interpreter took for an operator of encoders like ours, and for itself, on a Cortex-M, rounded up.
constexpr size_t kOperatorBytes = 320;
constexpr size_t kInterpreterBytes = 2048;

// Those of a plan (SPEC.md 4.3), RESHAPE, and what a lookup stands for.
constexpr unsigned kNumOperators = 14;
using Resolver = tflite::MicroMutableOpResolver<kNumOperators>;

bool AddOperators(Resolver* resolver) {
  return resolver->AddAdd() == kTfLiteOk && resolver->AddAveragePool2D() == kTfLiteOk &&
         resolver->AddConcatenation() == kTfLiteOk && resolver->AddConv2D() == kTfLiteOk &&
         resolver->AddDepthwiseConv2D() == kTfLiteOk && resolver->AddFullyConnected() == kTfLiteOk &&
         resolver->AddLogistic() == kTfLiteOk && resolver->AddMaxPool2D() == kTfLiteOk &&
         resolver->AddMean() == kTfLiteOk && resolver->AddMul() == kTfLiteOk && resolver->AddPad() == kTfLiteOk &&
         resolver->AddQuantize() == kTfLiteOk && resolver->AddReshape() == kTfLiteOk &&
         resolver->AddSoftmax() == kTfLiteOk;
}

bool HasEveryOperator(const tflite::Model& model, const Resolver& resolver) {
  for (uint32_t i = 0; i < model.operator_codes()->size(); ++i) {
    if (resolver.FindOp(tflite::GetBuiltinCode(model.operator_codes()->Get(i))) == nullptr) return false;
  }
  return true;
}

bool Describe(const TfLiteTensor* tensor, EncoderTensor* description) {
  if (tensor == nullptr || tensor->type != kTfLiteInt8 || tensor->dims == nullptr) return false;
  uint32_t sizes[3] = {1, 1, 1};
  for (int i = tensor->dims->size - 1, j = 2; i >= 0 && j >= 0; --i, --j) {
    sizes[j] = static_cast<uint32_t>(tensor->dims->data[i]);
  }
  *description = {sizes[0], sizes[1], sizes[2], tensor->params.scale, tensor->params.zero_point};
  return true;
}

}  // namespace

struct Encoder::State {
  Resolver resolver;
  alignas(tflite::MicroInterpreter) uint8_t interpreter_storage[sizeof(tflite::MicroInterpreter)];
  tflite::RecordingMicroAllocator* allocator = nullptr;
  tflite::MicroInterpreter* interpreter = nullptr;

  // Prepares an interpreter in `memory`; whether that is large enough.
  bool Build(const tflite::Model& model, Span<uint8_t> memory) {
    if (interpreter != nullptr) interpreter->~MicroInterpreter();
    interpreter = nullptr;
    allocator = tflite::RecordingMicroAllocator::Create(memory.data(), memory.size());
    if (allocator == nullptr) return false;
    interpreter = new (interpreter_storage) tflite::MicroInterpreter(&model, resolver, allocator);
    return interpreter->AllocateTensors() == kTfLiteOk;
  }
};

const char* Encoder::BackEnd() { return "tflm"; }

Status Encoder::RequiredBytes(Bytes tflite, Bytes plan, size_t* bytes) {
  PlanHeader header;
  const Status status = ReadPlanHeader(plan, &header);
  if (status != Status::kOk) return status;
  if (header.encoder_bytes != tflite.size()) return Status::kInvalidPackage;
  // The plan shares memory that the interpreter's planner does not: up to a quarter more.
  const size_t tensor_bytes = header.arena_bytes + header.arena_bytes / 4;
  *bytes = Arena::BytesOf<uint8_t>(sizeof(State)) +
           Arena::BytesOf<uint8_t>(tensor_bytes + kOperatorBytes * header.num_operators + kInterpreterBytes);
  return Status::kOk;
}

Status Encoder::Prepare(Bytes tflite, Bytes, Arena* arena) {
  if (reinterpret_cast<uintptr_t>(tflite.data()) % kSectionAlignment != 0) return Status::kInvalidArgument;
  const tflite::Model* model = tflite::GetModel(tflite.data());
  if (model == nullptr || model->version() != kSchemaVersion) return Status::kInvalidPackage;

  Span<uint8_t> storage;
  const Status status = arena->Allocate(sizeof(State), &storage);
  if (status != Status::kOk) return status;
  state_ = new (storage.data()) State;
  if (!AddOperators(&state_->resolver) || !HasEveryOperator(*model, state_->resolver)) {
    return Status::kUnsupportedOperator;
  }

  // Once with all memory, to see how much is used; then with that much, and more where preparing takes more.
  const Span<uint8_t> rest = arena->rest();
  if (!state_->Build(*model, rest)) return Status::kArenaTooSmall;
  size_t size = AlignUp(state_->interpreter->arena_used_bytes(), kArenaAlignment);
  while (size < rest.size() && !state_->Build(*model, rest.subspan(0, size))) size += kGrowthBytes;
  if (size >= rest.size()) {
    size = rest.size() / kArenaAlignment * kArenaAlignment;
    if (!state_->Build(*model, rest.subspan(0, size))) return Status::kArenaTooSmall;
  }
  Span<uint8_t> memory;  // the first bytes of `rest`
  if (arena->Allocate(size, &memory) != Status::kOk) return Status::kArenaTooSmall;

  tflite::MicroInterpreter* interpreter = state_->interpreter;
  const bool single = interpreter->inputs_size() == 1 && interpreter->outputs_size() == 1;
  TfLiteTensor* input = interpreter->input_tensor(0);
  TfLiteTensor* output = interpreter->output_tensor(0);
  if (!single || !Describe(input, &input_tensor_) || !Describe(output, &latent_tensor_)) {
    return Status::kInvalidPackage;
  }
  input_ = Span<int8_t>(interpreter->typed_input_tensor<int8_t>(0), input->bytes);
  latent_ = Span<int8_t>(interpreter->typed_output_tensor<int8_t>(0), output->bytes);

  const auto recorded = [&](tflite::RecordedAllocationType type) {
    return state_->allocator->GetRecordedAllocation(type).used_bytes;
  };
  const size_t parameters = recorded(tflite::RecordedAllocationType::kPersistentBufferData);
  const size_t structures = recorded(tflite::RecordedAllocationType::kTfLiteEvalTensorData) +
                            recorded(tflite::RecordedAllocationType::kPersistentTfLiteTensorData) +
                            recorded(tflite::RecordedAllocationType::kPersistentTfLiteTensorQuantizationData) +
                            recorded(tflite::RecordedAllocationType::kTfLiteTensorVariableBufferData) +
                            recorded(tflite::RecordedAllocationType::kNodeAndRegistrationArray);
  memory_ = {size - parameters - structures, parameters, structures + Arena::BytesOf<uint8_t>(sizeof(State))};
  return Status::kOk;
}

Status Encoder::Invoke() { return state_->interpreter->Invoke() == kTfLiteOk ? Status::kOk : Status::kInvalidPackage; }

}  // namespace tfodcl
