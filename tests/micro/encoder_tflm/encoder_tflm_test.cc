// How the adapter shares an arena with an interpreter, seen from a stand-in for TensorFlow Lite Micro that knows no
// operators, but wants memory: more while it prepares than it uses in the end.

#include <gtest/gtest.h>

#include <cstring>

#include "encoder/encoder.h"
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/micro/recording_micro_allocator.h"
#include "tensorflow/lite/schema/schema_utils.h"

namespace {

// What the stand-in does, and what it was given last.
struct StandIn {
  size_t used_bytes = 2000;
  size_t preparing_bytes = 3500;
  uint32_t version = 3;
  bool knows_operators = true;
  TfLiteStatus invoked = kTfLiteOk;
  uint8_t* arena = nullptr;
  size_t arena_bytes = 0;
};

StandIn stand_in;
TfLiteIntArray one_dimension = {1, {4}};
TfLiteTensor tensor = {kTfLiteInt8, &one_dimension, {0.5f, -3}, 4};

}  // namespace

class tflite::OperatorCode {};

namespace flatbuffers {

template <>
uint32_t Vector<Offset<tflite::OperatorCode>>::size() const {
  return 1;
}
template <>
const tflite::OperatorCode* Vector<Offset<tflite::OperatorCode>>::Get(uint32_t) const {
  return nullptr;
}

}  // namespace flatbuffers

namespace tflite {

using OperatorCodes = flatbuffers::Vector<flatbuffers::Offset<OperatorCode>>;

uint32_t Model::version() const { return stand_in.version; }
const OperatorCodes* Model::operator_codes() const { return reinterpret_cast<const OperatorCodes*>(this); }
const Model* GetModel(const void* buffer) { return static_cast<const Model*>(buffer); }
BuiltinOperator GetBuiltinCode(const OperatorCode*) { return BuiltinOperator_ADD; }

TFLMRegistration Register_CONV_2D() { return {}; }
TFLMRegistration Register_DEPTHWISE_CONV_2D() { return {}; }
TFLMRegistration Register_FULLY_CONNECTED() { return {}; }
TFLMRegistration Register_SOFTMAX() { return {}; }

template <unsigned int n>
const TFLMRegistration* MicroMutableOpResolver<n>::FindOp(BuiltinOperator) const {
  static const TFLMRegistration registration;
  return stand_in.knows_operators ? &registration : nullptr;
}
template <unsigned int n>
TfLiteStatus MicroMutableOpResolver<n>::AddAdd() {
  return kTfLiteOk;
}
template <unsigned int n>
TfLiteStatus MicroMutableOpResolver<n>::AddAveragePool2D() {
  return kTfLiteOk;
}
template <unsigned int n>
TfLiteStatus MicroMutableOpResolver<n>::AddConcatenation() {
  return kTfLiteOk;
}
template <unsigned int n>
TfLiteStatus MicroMutableOpResolver<n>::AddLogistic() {
  return kTfLiteOk;
}
template <unsigned int n>
TfLiteStatus MicroMutableOpResolver<n>::AddMaxPool2D() {
  return kTfLiteOk;
}
template <unsigned int n>
TfLiteStatus MicroMutableOpResolver<n>::AddMean() {
  return kTfLiteOk;
}
template <unsigned int n>
TfLiteStatus MicroMutableOpResolver<n>::AddMul() {
  return kTfLiteOk;
}
template <unsigned int n>
TfLiteStatus MicroMutableOpResolver<n>::AddPad() {
  return kTfLiteOk;
}
template <unsigned int n>
TfLiteStatus MicroMutableOpResolver<n>::AddQuantize() {
  return kTfLiteOk;
}
template <unsigned int n>
TfLiteStatus MicroMutableOpResolver<n>::AddReshape() {
  return kTfLiteOk;
}
template <unsigned int n>
TfLiteStatus MicroMutableOpResolver<n>::AddConv2D(const TFLMRegistration&) {
  return kTfLiteOk;
}
template <unsigned int n>
TfLiteStatus MicroMutableOpResolver<n>::AddDepthwiseConv2D(const TFLMRegistration&) {
  return kTfLiteOk;
}
template <unsigned int n>
TfLiteStatus MicroMutableOpResolver<n>::AddFullyConnected(const TFLMRegistration&) {
  return kTfLiteOk;
}
template <unsigned int n>
TfLiteStatus MicroMutableOpResolver<n>::AddSoftmax(const TFLMRegistration&) {
  return kTfLiteOk;
}
template class MicroMutableOpResolver<14>;

RecordingMicroAllocator* RecordingMicroAllocator::Create(uint8_t* arena, size_t arena_bytes) {
  static RecordingMicroAllocator allocator;
  stand_in.arena = arena;
  stand_in.arena_bytes = arena_bytes;
  return &allocator;
}
RecordedAllocation RecordingMicroAllocator::GetRecordedAllocation(RecordedAllocationType type) const {
  return {0, type == RecordedAllocationType::kPersistentBufferData ? 300u : 10u, 1};
}

MicroInterpreter::MicroInterpreter(const Model*, const MicroOpResolver&, MicroAllocator*, MicroResourceVariables*,
                                   MicroProfilerInterface*) {}
MicroInterpreter::~MicroInterpreter() {}
TfLiteStatus MicroInterpreter::AllocateTensors() {
  if (stand_in.arena_bytes < stand_in.preparing_bytes) return kTfLiteError;
  std::memset(stand_in.arena, 0x5a, stand_in.arena_bytes);
  return kTfLiteOk;
}
TfLiteStatus MicroInterpreter::Invoke() { return stand_in.invoked; }
size_t MicroInterpreter::inputs_size() const { return 1; }
size_t MicroInterpreter::outputs_size() const { return 1; }
TfLiteTensor* MicroInterpreter::input_tensor(size_t) { return &tensor; }
TfLiteTensor* MicroInterpreter::output_tensor(size_t) { return &tensor; }
size_t MicroInterpreter::arena_used_bytes() const { return stand_in.used_bytes; }
template <>
int8_t* MicroInterpreter::typed_input_tensor<int8_t>(int) {
  return reinterpret_cast<int8_t*>(stand_in.arena);
}
template <>
int8_t* MicroInterpreter::typed_output_tensor<int8_t>(int) {
  return reinterpret_cast<int8_t*>(stand_in.arena + 4);
}

}  // namespace tflite

namespace tfodcl {
namespace {

class TflmEncoder : public ::testing::Test {
 protected:
  TflmEncoder() { stand_in = StandIn(); }

  Status Prepare(size_t arena_bytes) {
    arena_ = Arena(Span<uint8_t>(memory_, arena_bytes));
    return encoder_.Prepare(Bytes(model_, sizeof(model_)), Bytes(), &arena_);
  }

  alignas(32) uint8_t model_[32] = {};
  alignas(32) uint8_t memory_[16384];
  Arena arena_{Span<uint8_t>()};
  Encoder encoder_;
};

TEST_F(TflmEncoder, TakesWhatTheInterpreterNeedsAndLeavesTheRest) {
  ASSERT_EQ(Prepare(sizeof(memory_)), Status::kOk);
  EXPECT_GE(stand_in.arena_bytes, stand_in.preparing_bytes);
  EXPECT_LT(stand_in.arena_bytes, stand_in.preparing_bytes + 1024);
  EXPECT_EQ(stand_in.arena + stand_in.arena_bytes, memory_ + arena_.used());
  const EncoderMemory memory = encoder_.memory();
  EXPECT_EQ(memory.parameter_bytes, 300u);
  EXPECT_EQ(memory.tensor_bytes + memory.parameter_bytes + memory.other_bytes, arena_.used());

  EXPECT_EQ(encoder_.input().data(), reinterpret_cast<int8_t*>(stand_in.arena));
  EXPECT_EQ(encoder_.latent().size(), 4u);
  EXPECT_EQ(encoder_.latent_tensor().channels, 4u);
  EXPECT_EQ(encoder_.latent_tensor().height, 1u);
  EXPECT_EQ(encoder_.latent_tensor().scale, 0.5f);
  EXPECT_EQ(encoder_.latent_tensor().zero_point, -3);
}

TEST_F(TflmEncoder, FitsIntoEveryArenaThatIsLargeEnoughAndRefusesAllOthers) {
  ASSERT_EQ(Prepare(sizeof(memory_)), Status::kOk);
  const size_t own = arena_.used() - stand_in.arena_bytes;
  for (size_t rest = 0; rest < 6000; rest += 16) {
    ASSERT_EQ(Prepare(own + rest), rest < stand_in.preparing_bytes ? Status::kArenaTooSmall : Status::kOk) << rest;
    ASSERT_LE(arena_.used(), own + rest);
  }
  EXPECT_EQ(Prepare(own - 16), Status::kArenaTooSmall);
}

TEST_F(TflmEncoder, NamesWhatIsWrong) {
  stand_in.knows_operators = false;
  EXPECT_EQ(Prepare(sizeof(memory_)), Status::kUnsupportedOperator);
  stand_in = StandIn();
  stand_in.version = 2;
  EXPECT_EQ(Prepare(sizeof(memory_)), Status::kInvalidPackage);
  stand_in = StandIn();
  tensor.type = kTfLiteNoType;
  EXPECT_EQ(Prepare(sizeof(memory_)), Status::kInvalidPackage);
  tensor.type = kTfLiteInt8;
  ASSERT_EQ(Prepare(sizeof(memory_)), Status::kOk);
  stand_in.invoked = kTfLiteError;
  EXPECT_EQ(encoder_.Invoke(), Status::kInvalidPackage);
  EXPECT_EQ(encoder_.Prepare(Bytes(model_ + 1, 16), Bytes(), &arena_), Status::kInvalidArgument);
  size_t bytes = 0;
  EXPECT_EQ(Encoder::RequiredBytes(Bytes(model_, 32), Bytes(), &bytes), Status::kNoPlan);
}

}  // namespace
}  // namespace tfodcl
