// Commands 0x20..0x33: classes, samples and what was learnt of them.

#include <cstring>

#include "serial/server.h"

namespace tfodcl {
namespace {

constexpr uint32_t kMaxProgressReplies = 20;
constexpr uint32_t kMaxFloats = kMaxReplyPayloadBytes / sizeof(float);
constexpr uint32_t kNotANumber = 0x7FC00000;

bool IsWithin(uint32_t offset, uint32_t count, uint32_t limit, uint32_t most) {
  return count <= most && offset <= limit && count <= limit - offset;
}

}  // namespace

Status Server::AddClass() {
  uint16_t label;
  Status status = learner_->AddClass(request_.payload, &label);
  if (status != Status::kOk) return status;
  ClassInfo info;
  status = learner_->GetClass(label, &info);
  reply_.U16(label);
  reply_.U32(info.num_learnt);
  return status;
}

Status Server::Learn() {
  const uint16_t label = ArgumentU16(0);
  ClassInfo info;
  Status status = learner_->GetClass(label, &info);
  if (status != Status::kOk) return status;
  TakeInput(ArgumentsFrom(2));
  status = learner_->LearnSample(label);
  if (status != Status::kOk) return status;
  has_latent_ = true;
  status = learner_->GetClass(label, &info);
  reply_.U32(info.num_learnt);
  reply_.U32(learner_->num_records());
  reply_.U32(learner_->num_pending());
  return status;
}

template <typename Step>
Status Server::TakeSteps(uint32_t num_steps, const Step& step) {
  const uint32_t interval = num_steps / kMaxProgressReplies + 1;
  for (uint32_t num_left = num_steps; num_left > 0;) {
    if (Status status = step(&num_left); status != Status::kOk) return status;
    if (num_left > 0 && (num_steps - num_left) % interval == 0) ReplyProgress(num_steps, num_left);
  }
  reply_.U32(num_steps);
  reply_.U32(0);
  return Status::kOk;
}

Status Server::EndClass() {
  uint32_t num_steps;
  if (Status status = class_learner_->EndClass(ArgumentU16(0), &num_steps); status != Status::kOk) return status;
  return TakeSteps(num_steps, [&](uint32_t* num_left) { return class_learner_->ReplayStep(num_left); });
}

Status Server::EndBatch() {
  uint32_t num_steps;
  if (Status status = batch_learner_->EndBatch(&num_steps); status != Status::kOk) return status;
  return TakeSteps(num_steps, [&](uint32_t* num_left) { return batch_learner_->TrainStep(num_left); });
}

Status Server::Batch() {
  reply_.U32(batch_learner_->num_batches());
  reply_.U32(batch_learner_->num_new());
  reply_.U32(batch_learner_->max_new());
  reply_.U32(batch_learner_->max_records());
  return Status::kOk;
}

Status Server::Rename() { return learner_->Rename(ArgumentU16(0), ArgumentsFrom(2)); }

Status Server::Forget() { return class_learner_->Forget(ArgumentU16(0)); }

Status Server::Save() { return class_learner_->Save(); }

Status Server::Class() {
  ClassInfo info;
  const Status status = learner_->GetClass(ArgumentU16(0), &info);
  if (status != Status::kOk) return status;
  reply_.U16(info.label);
  reply_.U32(info.num_learnt);
  reply_.U32(info.num_records);
  reply_.U32(info.num_ended);
  reply_.Text(info.name);
  return Status::kOk;
}

Status Server::Row() {
  const uint16_t label = ArgumentU16(0);
  const uint32_t offset = ArgumentU32(2), count = ArgumentU32(6);
  ClassInfo info;
  const Status status = learner_->GetClass(label, &info);
  if (status != Status::kOk) return status;
  const Span<const float> row = learner_->row(label);
  if (!IsWithin(offset, count, static_cast<uint32_t>(row.size()), kMaxFloats)) return Status::kOutOfRange;
  for (const float value : row.subspan(offset, count)) reply_.F32(value);
  return Status::kOk;
}

void Server::TakeInput(Bytes input) { std::memcpy(learner_->input().data(), input.data(), input.size()); }

Status Server::Classify() {
  if (learner_->num_classes() == 0) return Status::kNoClasses;
  TakeInput(request_.payload);
  uint16_t label;
  const Status status = learner_->Classify(&label);
  has_latent_ = has_scores_ = status == Status::kOk;
  if (status != Status::kOk) return status;
  reply_.U16(label);
  return Status::kOk;
}

Status Server::Evaluate() {
  const uint16_t true_label = ArgumentU16(0);
  const uint8_t flags = request_.payload[2];
  if (flags > 1) return Status::kInvalidArgument;
  if (learner_->num_classes() == 0) return Status::kNoClasses;
  TakeInput(ArgumentsFrom(3));
  uint16_t label;
  const Status status = learner_->Classify(&label);
  has_latent_ = has_scores_ = status == Status::kOk;
  if (status != Status::kOk) return status;
  if (flags == 1) num_correct_ = num_evaluated_ = 0;
  ++num_evaluated_;
  num_correct_ += label == true_label;
  reply_.U16(label);
  reply_.U32(num_correct_);
  reply_.U32(num_evaluated_);
  return Status::kOk;
}

Status Server::Scores() {
  const uint32_t offset = ArgumentU32(0), count = ArgumentU32(4);
  if (!has_scores_) return Status::kInvalidArgument;
  if (!IsWithin(offset, count, package_.capacity, kMaxFloats)) return Status::kOutOfRange;
  for (uint32_t label = offset; label < offset + count; ++label) {
    ClassInfo info;
    const bool is_learnt = learner_->GetClass(static_cast<uint16_t>(label), &info) == Status::kOk;
    if (is_learnt) {
      reply_.F32(learner_->scores()[label]);
    } else {
      reply_.U32(kNotANumber);
    }
  }
  return Status::kOk;
}

Status Server::Latent() {
  const uint32_t offset = ArgumentU32(0), count = ArgumentU32(4);
  if (!has_latent_) return Status::kInvalidArgument;
  if (!IsWithin(offset, count, package_.latent_dim, kMaxReplyPayloadBytes)) return Status::kOutOfRange;
  std::memcpy(reply_.Extend(count), learner_->latent().data() + offset, count);
  return Status::kOk;
}

}  // namespace tfodcl
