#include "learner/learner.h"

#include <algorithm>

#include "learner/shuffle.h"

namespace tfodcl {

Status Learner::Checked(Status status) {
  if (status != Status::kOk && status != Status::kLogFull) state_ = status;
  return status;
}

Status Learner::CheckClass(uint16_t label) const {
  if (state_ != Status::kOk) return state_;
  return parts_.head.IsLearnt(label) ? Status::kOk : Status::kUnknownClass;
}

Status Learner::GetClass(uint16_t label, ClassInfo* info) const {
  if (Status status = CheckClass(label); status != Status::kOk) return status;
  const Class& known = parts_.classes[label];
  info->label = label;
  info->num_learnt = known.num_learnt;
  info->num_records = parts_.memory.num_of(label);
  info->num_ended = known.num_ended;
  info->name = known.name.text();
  return Status::kOk;
}

uint32_t Learner::num_pending() const { return log_ ? log_->num_pending() : 0; }

LogStatistics Learner::log_statistics() const { return log_ ? log_->statistics() : LogStatistics{}; }

Status Learner::AddClass(Bytes name, uint16_t* label) {
  if (state_ != Status::kOk) return state_;
  if (!IsClassName(name)) return Status::kInvalidName;
  uint32_t free = 0;
  for (const uint16_t known : labels()) {
    if (parts_.classes[known].name.Is(name)) {
      *label = known;
      return Status::kOk;
    }
    if (known == free) ++free;
  }
  if (free == package_.capacity) return Status::kCapacityReached;
  if (num_classes() == max_records()) return Status::kBudgetTooSmall;
  *label = static_cast<uint16_t>(free);
  if (Status status = WriteName(*label, name); status != Status::kOk) return status;
  parts_.classes[*label].num_learnt = 0;
  parts_.classes[*label].num_ended = 0;
  parts_.head.AddClass(*label);
  return Status::kOk;
}

Status Learner::Rename(uint16_t label, Bytes name) {
  if (Status status = CheckClass(label); status != Status::kOk) return status;
  if (!IsClassName(name)) return Status::kInvalidName;
  for (const uint16_t known : labels()) {
    if (parts_.classes[known].name.Is(name)) return known == label ? Status::kOk : Status::kNameTaken;
  }
  return WriteName(label, name);
}

Status Learner::WriteName(uint16_t label, Bytes name) {
  const Status status = Checked(parts_.classes[label].name.Write({next_id_, label}, name, &*log_));
  if (status == Status::kOk) ++next_id_;
  return status;
}

Status Learner::LearnSample(uint16_t label) {
  if (Status status = CheckClass(label); status != Status::kOk) return status;
  if (Status status = Encode(); status != Status::kOk) return status;
  const Span<uint8_t> item = parts_.item.subspan(0, kItemHeaderBytes + codec_.payload_bytes());
  EncodeItemHeader({next_id_, label}, item.data());
  const Span<uint8_t> payload = item.subspan(kItemHeaderBytes, codec_.payload_bytes());
  costs_.Measure(Part::kRecordEncoded, [&] { codec_.Encode(latent(), payload); });
  uint32_t address = 0;
  if (Status status = Checked(log_->Append(kRecordItem, item, &address)); status != Status::kOk) return status;
  replay_ = Replay();
  parts_.memory.Add(next_id_++, label, address);
  TakeInnerStep(latent(), label);
  ++parts_.classes[label].num_learnt;
  return Status::kOk;
}

Status Learner::Encode() {
  return costs_.Measure(Part::kInference, [&] { return encoder_.Invoke(); });
}

void Learner::TakeInnerStep(Span<const int8_t> latent, uint16_t label) {
  costs_.Measure(Part::kInnerStep,
                 [&] { parts_.head.Step(latent, Span<const uint16_t>(&label, 1), package_.inner_lr); });
}

Status Learner::EndClass(uint16_t label, uint32_t* num_steps) {
  if (Status status = CheckClass(label); status != Status::kOk) return status;
  if (Status status = Checked(log_->Flush()); status != Status::kOk) return status;
  parts_.classes[label].num_ended = parts_.classes[label].num_learnt;
  BeginReplay();
  *num_steps = NumReplaySteps();
  return Status::kOk;
}

void Learner::BeginReplay() {
  replay_ = Replay();
  replay_.seed = next_id_;
  replay_.num_records = num_records();
  replay_.num_epochs = num_records() > 0 ? package_.replay_epochs : 0;
}

uint32_t Learner::NumReplaySteps() const {
  const uint64_t batch = package_.replay_batch;
  const auto batches = [batch](uint32_t num_records) { return (num_records + batch - 1) / batch; };
  if (replay_.epoch == replay_.num_epochs) return 0;
  const uint64_t epochs_after = replay_.num_epochs - replay_.epoch - 1;
  const uint64_t num_steps = batches(replay_.num_records - replay_.next) + epochs_after * batches(replay_.num_records);
  return static_cast<uint32_t>(std::min<uint64_t>(num_steps, UINT32_MAX));
}

Status Learner::ReplayStep(uint32_t* num_left) {
  if (state_ != Status::kOk) return state_;
  if (replay_.epoch == replay_.num_epochs) return Status::kInvalidArgument;
  if (Status status = Checked(MeasureReplayStep()); status != Status::kOk) return status;
  *num_left = NumReplaySteps();
  return Status::kOk;
}

Status Learner::MeasureReplayStep() {
  return costs_.Measure(Part::kReplayStep, [&] { return TakeReplayStep(); });
}

Status Learner::TakeReplayStep() {
  if (replay_.next == 0) Shuffle(replay_.seed, replay_.epoch, parts_.order.subspan(0, replay_.num_records));
  const uint32_t size = std::min(package_.replay_batch, replay_.num_records - replay_.next);
  for (uint32_t n = 0; n < size; ++n) {
    const uint32_t place = parts_.order[replay_.next + n];
    const Span<int8_t> latent = parts_.latents.subspan(size_t{n} * package_.latent_dim, package_.latent_dim);
    if (Status status = ReadRecord(place, latent); status != Status::kOk) return status;
    parts_.targets[n] = parts_.memory.label(place);
  }
  parts_.head.Step(parts_.latents, parts_.targets.subspan(0, size), package_.outer_lr);
  replay_.next += size;
  if (replay_.next == replay_.num_records) {
    replay_.next = 0;
    ++replay_.epoch;
  }
  return Status::kOk;
}

Status Learner::ReadRecord(uint32_t place, Span<int8_t> latent) {
  const Span<uint8_t> payload = parts_.item.subspan(0, codec_.payload_bytes());
  const uint32_t address = parts_.memory.address(place) + kItemHeaderBytes;
  if (Status status = log_->Read(address, payload); status != Status::kOk) return status;
  return costs_.Measure(Part::kRecordDecoded, [&] { return codec_.Decode(payload, latent); });
}

Status Learner::Classify(uint16_t* label) {
  if (state_ != Status::kOk) return state_;
  if (num_classes() == 0) return Status::kNoClasses;
  if (Status status = Encode(); status != Status::kOk) return status;
  *label = parts_.head.Score(latent(), parts_.scores);
  return Status::kOk;
}

Status Learner::Save() {
  if (state_ != Status::kOk) return state_;
  const uint32_t id = next_id_++;
  const uint32_t base = parts_.checkpoints.complete_id();
  Status status = Status::kOk;
  for (const uint16_t label : labels()) {
    const Class& one = parts_.classes[label];
    if (status == Status::kOk) status = SaveRow(id, base, label, one.num_learnt, one.num_ended);
  }
  // The row to come is the last: where it is, all others are.
  if (status == Status::kOk) status = SaveRow(id, base, package_.capacity, num_classes(), 0);
  if (status != Status::kOk) parts_.checkpoints.Abandon();
  return Checked(status);
}

Status Learner::SaveRow(uint32_t id, uint32_t base, uint32_t label, uint32_t num_learnt, uint32_t num_ended) {
  CheckpointHeader header{id, base, label, 0, num_learnt, num_ended};
  const uint32_t part_weights = parts_.part_weights;
  for (; header.first < package_.latent_dim; header.first += part_weights) {
    const Span<const float> weights =
        row(label).subspan(header.first, std::min(part_weights, package_.latent_dim - header.first));
    uint8_t encoded[kCheckpointHeaderBytes];
    EncodeCheckpointHeader(header, encoded);
    const Bytes body(reinterpret_cast<const uint8_t*>(weights.data()), weights.size() * sizeof(float));
    uint32_t address = 0;
    if (Status status = log_->AppendNow(kCheckpointItem, encoded, body, &address); status != Status::kOk) return status;
    parts_.checkpoints.Add(PartOf(header), address);
  }
  return Status::kOk;
}

Status Learner::Forget(uint16_t label) {
  if (Status status = CheckClass(label); status != Status::kOk) return status;
  uint8_t item[kItemHeaderBytes];
  EncodeItemHeader({next_id_, label}, item);
  uint32_t address = 0;
  if (Status status = Checked(log_->Append(kForgetItem, item, &address)); status != Status::kOk) return status;
  if (Status status = Checked(log_->Flush()); status != Status::kOk) return status;
  greatest_forget_id_ = next_id_++;
  replay_ = Replay();
  parts_.classes[label] = Class{};
  parts_.classes[label].forget_id = greatest_forget_id_;
  parts_.classes[label].forget_address = address;
  parts_.memory.RemoveOlder(label, greatest_forget_id_);
  parts_.head.RemoveClass(label);
  return Checked(FinishForget());
}

Status Learner::Reset() {
  if (state_ != Status::kOk && !log_) return state_;
  state_ = log_->Format(package_.identity);
  Clear();
  return state_;
}

}  // namespace tfodcl
