#include "device.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/bytes.h"

namespace tfodcl {

Device::Device(const Geometry& geometry, const Settings& settings) : package_(kDim, settings), flash_(geometry) {
  package().inner_lr = 0.02f;
}

Status Device::Start() {
  flash_.PowerOn();
  size_t bytes = 0;
  if (Status status = Learner::RequiredBytes(package(), flash_.geometry(), &bytes); status != Status::kOk)
    return status;
  memory_.assign(bytes + kArenaAlignment, 0xA5);
  const size_t skipped = -reinterpret_cast<uintptr_t>(memory_.data()) % kArenaAlignment;
  arena_ = std::make_unique<Arena>(Span<uint8_t>(memory_.data() + skipped, bytes));
  learner_ = std::make_unique<Learner>();
  return learner_->Start(package(), &flash_, arena_.get());
}

Status Device::Add(const std::string& name, uint16_t* label) {
  return learner_->AddClass(Bytes(reinterpret_cast<const uint8_t*>(name.data()), name.size()), label);
}

std::vector<int8_t> Device::Sample(uint16_t seed, int sample) {
  std::vector<int8_t> values(kDim);
  for (uint32_t i = 0; i < kDim; ++i) {
    const uint32_t own = (seed * 2654435761u + i * 40503u) >> 7 & 0x7f;
    const uint32_t changed = (i * 7 + static_cast<uint32_t>(sample) * 13 + seed) % 23;
    values[i] = static_cast<int8_t>(static_cast<int>(own) - 64 + static_cast<int>(changed));
  }
  return values;
}

std::vector<uint8_t> Device::PayloadOf(uint16_t seed, int sample) {
  std::vector<uint8_t> payload;
  for (const int8_t value : Sample(seed, sample)) payload.push_back(static_cast<uint8_t>(value + 128));
  return payload;
}

void Device::SetInput(const std::vector<int8_t>& input) {
  std::copy(input.begin(), input.end(), learner_->input().begin());
}

Status Device::Learn(uint16_t label, uint16_t seed, int first, int count) {
  for (int i = first; i < first + count; ++i) {
    SetInput(Sample(seed, i));
    if (Status status = learner_->LearnSample(label); status != Status::kOk) return status;
  }
  return Status::kOk;
}

Status Device::End(uint16_t label) {
  uint32_t num_left = 0;
  if (Status status = learner_->EndClass(label, &num_left); status != Status::kOk) return status;
  while (num_left > 0) {
    const uint32_t before = num_left;
    if (Status status = learner_->ReplayStep(&num_left); status != Status::kOk) return status;
    EXPECT_EQ(num_left, before - 1);
  }
  return Status::kOk;
}

uint16_t Device::Classify(const std::vector<int8_t>& input) {
  uint16_t label = 0xFFFF;
  SetInput(input);
  EXPECT_EQ(learner_->Classify(&label), Status::kOk);
  return label;
}

std::vector<std::vector<float>> Device::Rows() {
  std::vector<std::vector<float>> rows;
  const auto add = [&](uint32_t label) {
    const Span<const float> row = learner_->row(label);
    rows.emplace_back(row.begin(), row.end());
  };
  for (const uint16_t label : learner_->labels()) add(label);
  add(package().capacity);
  return rows;
}

bool Device::IsInFlash(const std::vector<uint8_t>& bytes) const {
  const std::vector<uint8_t> readable = flash_.Readable();
  return std::search(readable.begin(), readable.end(), bytes.begin(), bytes.end()) != readable.end();
}

}  // namespace tfodcl
