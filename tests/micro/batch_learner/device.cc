#include "device.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "base/bytes.h"

namespace tfodcl {
namespace {

constexpr uint32_t kHeaderBytes = 32, kLayerBytes = 16, kNumLayers = 4;

class SectionWriter {
 public:
  explicit SectionWriter(size_t first) : bytes_(first) {}

  void Layer(uint32_t number, LayerKind kind, uint8_t size, uint8_t stride, uint32_t channels, bool has_arrays) {
    uint8_t* entry = &bytes_[kHeaderBytes + kLayerBytes * number];
    entry[0] = static_cast<uint8_t>(kind);
    entry[1] = size;
    entry[2] = stride;
    WriteU32(channels, entry + 4);
    WriteU32(has_arrays ? static_cast<uint32_t>(bytes_.size()) : 0, entry + 8);
  }

  // Values between low and high, and zeros up to an aligned offset.
  void Array(size_t count, float low, float high) {
    const size_t begin = bytes_.size();
    bytes_.resize(AlignUp(begin + 4 * count, 32));
    for (size_t i = 0; i < count; ++i) {
      state_ = state_ * 1664525 + 1013904223;
      WriteF32(low + (high - low) * static_cast<float>(state_ >> 8) / 16777216.0f, &bytes_[begin + 4 * i]);
    }
  }

  void Norm(size_t channels) {
    Array(channels, 1, 1);
    Array(channels, 0, 0.1f);
    Array(channels, 0, 0);
    Array(channels, 1, 1);
  }

  std::vector<uint8_t> bytes_;

 private:
  uint32_t state_ = 7;
};

}  // namespace

std::vector<uint8_t> SmallNetwork(uint32_t capacity, uint16_t max_new) {
  SectionWriter writer(AlignUp(kHeaderBytes + kLayerBytes * kNumLayers, 32));
  const uint16_t shorts[] = {kNumLayers, 2, 2, max_new};
  for (size_t i = 0; i < 4; ++i) WriteU16(shorts[i], &writer.bytes_[2 * i]);
  WriteU32(3, &writer.bytes_[8]);
  const float constants[] = {0.9f, 5e-4f, 1.25f, 0.5f, 0.9f};
  for (size_t i = 0; i < 5; ++i) WriteF32(constants[i], &writer.bytes_[12 + 4 * i]);
  writer.Layer(0, LayerKind::kDepthwise, 3, 1, 3, true);
  writer.Array(27, -0.5f, 0.5f);
  writer.Norm(3);
  writer.Layer(1, LayerKind::kPointwise, 1, 1, 5, true);
  writer.Array(15, -0.5f, 0.5f);
  writer.Norm(5);
  writer.Layer(2, LayerKind::kPool, 0, 1, 5, false);
  writer.Layer(3, LayerKind::kHead, 1, 1, capacity, true);
  writer.Array(5 * capacity, -0.5f, 0.5f);
  return writer.bytes_;
}

Device::Device(const Geometry& geometry, const Settings& settings)
    : network_(SmallNetwork(settings.capacity, settings.max_new)), package_(kLatentDim, settings), flash_(geometry) {
  package().network = network_.bytes();
}

Status Device::Start(size_t missing) {
  flash_.PowerOn();
  BatchLearnerMemory memory;
  const Status status = BatchLearner::RequiredBytes(package(), flash_.geometry(), &memory);
  if (status != Status::kOk) return status;
  memory_.emplace(memory.total());
  arena_ = std::make_unique<Arena>(memory_->bytes().subspan(0, memory.total() - missing));
  learner_ = std::make_unique<BatchLearner>();
  return learner_->Start(package(), &flash_, arena_.get());
}

Status Device::Add(const std::string& name, uint16_t* label) {
  return learner_->AddClass(Bytes(reinterpret_cast<const uint8_t*>(name.data()), name.size()), label);
}

std::vector<int8_t> Device::Sample(uint16_t label, int number) {
  std::vector<int8_t> values(kLatentDim);
  for (uint32_t i = 0; i < kLatentDim; ++i) {
    const uint32_t own = ((label + 1) * 2654435761u + i % 3 * 40503u * (label + 1)) >> 9 & 0x7f;
    const uint32_t changed = (i * 7 + static_cast<uint32_t>(number) * 13 + label) % 23;
    values[i] = static_cast<int8_t>(static_cast<int>(own) - 64 + static_cast<int>(changed));
  }
  return values;
}

void Device::SetInput(const std::vector<int8_t>& input) {
  std::copy(input.begin(), input.end(), learner_->input().begin());
}

Status Device::Learn(uint16_t label, int first, int count) {
  for (int i = first; i < first + count; ++i) {
    SetInput(Sample(label, i));
    if (Status status = learner_->LearnSample(label); status != Status::kOk) return status;
  }
  return Status::kOk;
}

Status Device::End() {
  uint32_t num_left = 0;
  if (Status status = learner_->EndBatch(&num_left); status != Status::kOk) return status;
  while (num_left > 0) {
    const uint32_t before = num_left;
    if (Status status = learner_->TrainStep(&num_left); status != Status::kOk) return status;
    EXPECT_EQ(num_left, before - 1);
  }
  return Status::kOk;
}

Status Device::Teach(uint16_t label, int first, int count) {
  const Status status = Learn(label, first, count);
  return status == Status::kOk ? End() : status;
}

uint16_t Device::Classify(uint16_t label, int number) {
  uint16_t found = 0xFFFF;
  SetInput(Sample(label, number));
  EXPECT_EQ(learner_->Classify(&found), Status::kOk);
  return found;
}

std::vector<uint32_t> Device::State() {
  const Span<const float> arrays = learner_->arrays();
  std::vector<uint32_t> state(arrays.size());
  std::memcpy(state.data(), arrays.data(), sizeof(float) * arrays.size());
  state.push_back(learner_->num_batches());
  for (uint32_t label = 0; label < package().capacity; ++label) {
    ClassInfo info{};
    static_cast<void>(learner_->GetClass(static_cast<uint16_t>(label), &info));
    state.insert(state.end(), {info.num_learnt, info.num_records, static_cast<uint32_t>(info.name.size())});
    for (const float weight : learner_->row(label)) {
      state.push_back(0);
      std::memcpy(&state.back(), &weight, sizeof(weight));
    }
  }
  return state;
}

}  // namespace tfodcl
