#include "batch_learner/batch_learner.h"

#include <algorithm>

namespace tfodcl {

Status BatchLearner::Checked(Status status) {
  if (status != Status::kOk && status != Status::kLogFull) state_ = status;
  return status;
}

Status BatchLearner::CheckClass(uint16_t label) const {
  if (state_ != Status::kOk) return state_;
  const bool is_known = label < package_.capacity && parts_.names[label].is_given();
  return is_known ? Status::kOk : Status::kUnknownClass;
}

uint32_t BatchLearner::num_classes() const {
  uint32_t count = 0;
  for (const ClassName& name : parts_.names) count += name.is_given();
  return count;
}

Status BatchLearner::GetClass(uint16_t label, ClassInfo* info) const {
  if (Status status = CheckClass(label); status != Status::kOk) return status;
  const uint32_t count = parts_.state.counts()[label];
  *info = {label, count, parts_.records.num_of(label), count, parts_.names[label].text()};
  return Status::kOk;
}

Status BatchLearner::AddClass(Bytes name, uint16_t* label) {
  if (state_ != Status::kOk) return state_;
  if (!IsClassName(name)) return Status::kInvalidName;
  uint32_t free = package_.capacity;
  for (uint32_t i = package_.capacity; i-- > 0;) {
    const ClassName& known = parts_.names[i];
    if (!known.is_given()) free = i;
    if (known.is_given() && known.Is(name)) {
      *label = static_cast<uint16_t>(i);
      return Status::kOk;
    }
  }
  if (free == package_.capacity) return Status::kCapacityReached;
  *label = static_cast<uint16_t>(free);
  return WriteName(*label, name);
}

Status BatchLearner::Rename(uint16_t label, Bytes name) {
  if (Status status = CheckClass(label); status != Status::kOk) return status;
  if (!IsClassName(name)) return Status::kInvalidName;
  for (uint32_t i = 0; i < package_.capacity; ++i) {
    if (parts_.names[i].is_given() && parts_.names[i].Is(name)) return i == label ? Status::kOk : Status::kNameTaken;
  }
  return WriteName(label, name);
}

Status BatchLearner::WriteName(uint16_t label, Bytes name) {
  const Status status = Checked(parts_.names[label].Write({next_id_, label}, name, &*log_));
  if (status == Status::kOk) ++next_id_;
  return status;
}

Status BatchLearner::Encode() {
  return costs_.Measure(Part::kInference, [&] { return encoder_.Invoke(); });
}

void BatchLearner::Dequantize(Span<const int8_t> latent, Span<float> z) const {
  const int32_t zero_point = package_.latent_zero_point;
  for (size_t i = 0; i < latent.size(); ++i) z[i] = static_cast<float>(latent[i] - zero_point) * package_.latent_scale;
}

Span<const int8_t> BatchLearner::NewLatent(size_t place) const {
  return parts_.new_latents.subspan(place * package_.latent_dim, package_.latent_dim);
}

Status BatchLearner::LearnSample(uint16_t label) {
  if (Status status = CheckClass(label); status != Status::kOk) return status;
  if (parts_.mini_batches.num_left() > 0) return Status::kInvalidArgument;
  if (num_new_ == sizes_.max_new) return Status::kBatchFull;
  if (Status status = Encode(); status != Status::kOk) return status;
  std::copy(latent().begin(), latent().end(), parts_.new_latents.data() + size_t{num_new_} * package_.latent_dim);
  parts_.new_labels[num_new_++] = label;
  return Status::kOk;
}

// Known are the classes trained before, and those of new samples.
void BatchLearner::SetHead() {
  const Span<const uint32_t> counts = parts_.state.counts();
  for (size_t label = 0; label < counts.size(); ++label) parts_.known[label] = counts[label] > 0;
  for (uint32_t i = 0; i < num_new_; ++i) parts_.known[parts_.new_labels[i]] = 1;
  parts_.stage.SetHead(parts_.head.rows(), parts_.known);
}

Status BatchLearner::EndBatch(uint32_t* num_steps) {
  if (state_ != Status::kOk) return state_;
  if (num_new_ == 0 || parts_.mini_batches.num_left() > 0) return Status::kInvalidArgument;
  SetHead();
  parts_.mini_batches.Begin(num_batches() + 1, num_new_, num_records(), package_.replay_batch, package_.replay_epochs);
  *num_steps = parts_.mini_batches.num_left();
  return Status::kOk;
}

Status BatchLearner::TrainStep(uint32_t* num_left) {
  if (state_ != Status::kOk) return state_;
  if (parts_.mini_batches.num_left() == 0) return Status::kInvalidArgument;
  state_ = costs_.Measure(Part::kReplayStep, [&] { return TakeStep(); });
  *num_left = parts_.mini_batches.num_left();
  if (state_ == Status::kOk && *num_left == 0) state_ = TakeOver();
  return state_;
}

Status BatchLearner::TakeStep() {
  MiniBatches* mini_batches = &parts_.mini_batches;
  mini_batches->BeginNext();
  const uint32_t num_new = mini_batches->mixing().num_new;
  const size_t size = num_new + mini_batches->mixing().num_replayed, dim = package_.latent_dim;
  for (size_t n = 0; n < size; ++n) {
    const Span<float> z = parts_.z.subspan(n * dim, dim);
    if (n < num_new) {
      const uint16_t place = mini_batches->NextNew();
      Dequantize(NewLatent(place), z);
      parts_.targets[n] = parts_.new_labels[place];
    } else {
      const uint16_t place = mini_batches->NextReplay();
      if (Status status = ReadRecord(place, parts_.decoded); status != Status::kOk) return status;
      Dequantize(parts_.decoded, z);
      parts_.targets[n] = parts_.records.label(place);
    }
  }
  parts_.stage.Step(parts_.z.subspan(0, size * dim), parts_.targets.subspan(0, size));
  return Status::kOk;
}

Status BatchLearner::ReadRecord(uint32_t place, Span<int8_t> latent) {
  const Span<uint8_t> payload = parts_.item.subspan(0, codec_.payload_bytes());
  const Status status = log_->Read(parts_.records.address(place) + kItemHeaderBytes, payload);
  if (status != Status::kOk) return status;
  return costs_.Measure(Part::kRecordDecoded, [&] { return codec_.Decode(payload, latent); });
}

Status BatchLearner::Classify(uint16_t* label) {
  if (state_ != Status::kOk) return state_;
  if (num_batches() == 0) return Status::kNoClasses;
  if (Status status = Encode(); status != Status::kOk) return status;
  const Span<float> z = parts_.z.subspan(0, package_.latent_dim);
  Dequantize(latent(), z);
  scores_ = parts_.stage.Logits(z);
  *label = static_cast<uint16_t>(std::max_element(scores_.begin(), scores_.end()) - scores_.begin());
  return Status::kOk;
}

Status BatchLearner::Reset() {
  if (state_ != Status::kOk && !log_) return state_;
  state_ = log_->Format(package_.identity);
  Clear();
  SetHead();
  return state_;
}

}  // namespace tfodcl
