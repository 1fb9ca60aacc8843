// Start, and what the learner knows of its items: SPEC.md 6.

#include <algorithm>
#include <cstring>

#include "learner/learner.h"
#include "learner/sizes.h"

namespace tfodcl {
template <typename Source>
Status Learner::Parts::TakeMemory(const Package& package, const Codec& codec, const Geometry& geometry,
                                  Source* source) {
  uint32_t max_records = 0;
  Status status = MaxRecords(package, codec, geometry, &max_records);
  if (status != Status::kOk) return status;
  const uint32_t batch = std::min(package.replay_batch, max_records);
  const uint64_t capacity = package.capacity;
  const Head::Shape shape{package.capacity, package.latent_dim, package.latent_scale, package.latent_zero_point, batch};
  status = head.TakeMemory(shape, source);
  if (status == Status::kOk) status = memory.TakeMemory(max_records, package.capacity, source);
  part_weights = PartWeights(package.latent_dim, geometry);
  parts_per_row = (package.latent_dim + part_weights - 1) / part_weights;
  if (status == Status::kOk) status = checkpoints.TakeMemory((capacity + 1) * parts_per_row, source);
  if (status == Status::kOk) status = source->Allocate(capacity, &classes);
  if (status == Status::kOk) status = source->Allocate(capacity, &scores);
  if (status == Status::kOk) status = source->Allocate(uint64_t{RecordItemBytes(codec)}, &item);
  if (status == Status::kOk) status = source->Allocate(uint64_t{max_records}, &order);
  if (status == Status::kOk) status = source->Allocate(uint64_t{batch} * package.latent_dim, &latents);
  if (status == Status::kOk) status = source->Allocate(uint64_t{batch}, &targets);
  return status;
}

Status Learner::RequiredBytes(const Package& package, const Geometry& geometry, size_t* bytes) {
  size_t encoder_bytes = 0;
  Status status = Encoder::RequiredBytes(package.encoder, package.plan, &encoder_bytes);
  Codec codec;
  if (status == Status::kOk) status = codec.Prepare(package.codec);
  ArenaMeasure measure;
  Parts parts;
  if (status == Status::kOk) status = parts.TakeMemory(package, codec, geometry, &measure);
  if (status != Status::kOk) return status;
  const uint64_t sum = measure.used() + encoder_bytes + Log::RequiredBytes(geometry, BatchBytes(codec, geometry));
  if (sum > SIZE_MAX) return Status::kArenaTooSmall;
  *bytes = static_cast<size_t>(sum);
  return Status::kOk;
}

Status Learner::Start(const Package& package, Flash* flash, Arena* arena) {
  state_ = Status::kNoPackage;
  log_.reset();
  package_ = package;
  size_t required = 0;
  Status status = RequiredBytes(package, flash->geometry(), &required);
  if (status == Status::kOk && required > arena->rest().size()) status = Status::kArenaTooSmall;
  if (status == Status::kOk) status = encoder_.Prepare(package.encoder, package.plan, arena);
  if (status == Status::kOk) status = codec_.Prepare(package.codec);
  if (status == Status::kOk && latent().size() != package.latent_dim) status = Status::kInvalidPackage;
  if (status == Status::kOk) status = parts_.TakeMemory(package, codec_, flash->geometry(), arena);
  if (status != Status::kOk) return state_ = status;
  log_.emplace(flash, static_cast<LogOwner*>(this));
  status = log_->Prepare(BatchBytes(codec_, flash->geometry()), arena);
  if (status != Status::kOk) log_.reset();
  if (status == Status::kOk) status = costs_.Measure(Part::kMount, [&] { return Recover(); });
  return state_ = status;
}

void Learner::Clear() {
  parts_.head.Clear();
  parts_.memory.Clear();
  parts_.checkpoints.Clear();
  std::fill(parts_.classes.begin(), parts_.classes.end(), Class{});
  replay_ = Replay();
  next_id_ = 1;
  greatest_forget_id_ = 0;
  forgotten_id_ = 0;
}

Status Learner::Recover() {
  Clear();
  Status status = log_->Mount(package_.identity);
  if (status != Status::kOk) return status;
  DropUnknown();
  status = LoadCheckpoint();
  if (status == Status::kOk) status = LearnYounger();
  state_ = status;  // of what follows, Save asks for it
  if (status == Status::kOk && greatest_forget_id_ > forgotten_id_) status = FinishForget();
  return status;
}

void Learner::DropUnknown() {
  for (uint32_t label = 0; label < package_.capacity; ++label) {
    if (!parts_.classes[label].name.is_given()) parts_.memory.RemoveOlder(static_cast<uint16_t>(label), next_id_);
  }
}

Status Learner::LoadCheckpoint() {
  Checkpoints* checkpoints = &parts_.checkpoints;
  checkpoints->Abandon();
  if (checkpoints->complete_id() == 0) return Status::kOk;
  if (Status status = LoadRow(package_.capacity); status != Status::kOk) return status;
  for (uint32_t label = 0; label < package_.capacity; ++label) {
    const Class& one = parts_.classes[label];
    const bool learnt = one.name.is_given() && one.forget_id < checkpoints->complete_id();
    if (!learnt || SavedRow(label).empty()) continue;
    parts_.head.AddClass(static_cast<uint16_t>(label));
    if (Status status = LoadRow(label); status != Status::kOk) return status;
  }
  return Status::kOk;
}

Status Learner::LoadRow(uint32_t label) {
  uint8_t encoded[kCheckpointHeaderBytes];
  const Span<float> row = parts_.head.row(label);
  for (const uint32_t address : SavedRow(label)) {
    if (Status status = log_->Read(address, encoded); status != Status::kOk) return status;
    const CheckpointHeader header = DecodeCheckpointHeader(encoded);
    const size_t count = std::min<size_t>(parts_.part_weights, row.size() - header.first);
    const Span<uint8_t> weights(reinterpret_cast<uint8_t*>(row.data() + header.first), count * sizeof(float));
    if (Status status = log_->Read(address + kCheckpointHeaderBytes, weights); status != Status::kOk) return status;
    if (label == package_.capacity) continue;
    parts_.classes[label].num_learnt = header.num_learnt;
    parts_.classes[label].num_ended = header.num_ended;
  }
  return Status::kOk;
}

// One inner step for each record that is younger than the checkpoint, then one outer loop. A class that the checkpoint
// does not have comes before its first record, or, without one, at last.
Status Learner::LearnYounger() {
  uint32_t first = 0;
  while (first < num_records() && parts_.memory.id(first) <= parts_.checkpoints.complete_id()) ++first;
  const Span<int8_t> latent = parts_.latents.subspan(0, package_.latent_dim);
  for (uint32_t place = first; place < num_records(); ++place) {
    const uint16_t label = parts_.memory.label(place);
    if (!parts_.head.IsLearnt(label)) parts_.head.AddClass(label);
    if (Status status = ReadRecord(place, latent); status != Status::kOk) return status;
    TakeInnerStep(latent, label);
    ++parts_.classes[label].num_learnt;
  }
  for (uint32_t label = 0; label < package_.capacity; ++label) {
    Class* one = &parts_.classes[label];
    if (!one->name.is_given()) continue;
    if (!parts_.head.IsLearnt(label)) parts_.head.AddClass(static_cast<uint16_t>(label));
    if (first < num_records()) one->num_ended = one->num_learnt;
  }
  if (first == num_records()) return Status::kOk;
  BeginReplay();
  while (replay_.epoch < replay_.num_epochs) {
    if (Status status = MeasureReplayStep(); status != Status::kOk) return status;
  }
  return Status::kOk;
}

// A checkpoint without the class takes the place of all earlier ones; then nothing needs what knew of it.
Status Learner::FinishForget() {
  if (Status status = Save(); status != Status::kOk) return status;
  if (Status status = log_->Purge(); status != Status::kOk) return status;
  uint8_t item[kForgottenItemBytes];
  WriteU32(next_id_, item);
  uint32_t address = 0;
  if (Status status = log_->Append(kForgottenItem, item, &address); status != Status::kOk) return status;
  forgotten_id_ = next_id_++;
  return log_->Flush();
}

Status Learner::OnItem(const Item& item) {
  if (item.kind == kCheckpointItem) return OnCheckpoint(item);
  uint8_t encoded[kItemHeaderBytes] = {};
  const bool is_forgotten = item.kind == kForgottenItem;
  const uint32_t header_bytes = is_forgotten ? kForgottenItemBytes : kItemHeaderBytes;
  if (item.size_bytes < header_bytes) return Status::kCorruptLog;
  if (Status status = log_->Read(item.address, Span<uint8_t>(encoded, header_bytes)); status != Status::kOk) {
    return status;
  }
  const ItemHeader header = DecodeItemHeader(encoded);
  if (header.label >= package_.capacity) return Status::kCorruptLog;
  next_id_ = std::max(next_id_, header.id + 1);
  switch (item.kind) {
    case kRecordItem:
      return OnRecord(item, header);
    case kClassItem:
      return OnClass(item, header);
    case kForgetItem:
      return OnForget(item, header);
    case kForgottenItem:
      forgotten_id_ = std::max(forgotten_id_, header.id);
      return Status::kOk;
  }
  return Status::kCorruptLog;
}

Status Learner::OnRecord(const Item& item, const ItemHeader& header) {
  if (item.size_bytes != RecordItemBytes(codec_)) return Status::kCorruptLog;
  if (header.id > parts_.classes[header.label].forget_id) parts_.memory.Add(header.id, header.label, item.address);
  return Status::kOk;
}

Status Learner::OnClass(const Item& item, const ItemHeader& header) {
  Class* one = &parts_.classes[header.label];
  return header.id < one->forget_id ? Status::kOk : one->name.Take(item, header.id, *log_);
}

Status Learner::OnForget(const Item& item, const ItemHeader& header) {
  if (item.size_bytes != kItemHeaderBytes) return Status::kCorruptLog;
  Class* one = &parts_.classes[header.label];
  greatest_forget_id_ = std::max(greatest_forget_id_, header.id);
  if (header.id <= one->forget_id) return Status::kOk;
  one->forget_id = header.id;
  one->forget_address = item.address;
  if (one->name.id() < one->forget_id) one->name.Clear();
  parts_.memory.RemoveOlder(header.label, one->forget_id);
  return Status::kOk;
}

Status Learner::ReadCheckpointHeader(const Item& item, CheckpointHeader* header) const {
  uint8_t encoded[kCheckpointHeaderBytes];
  if (item.size_bytes < kCheckpointHeaderBytes) return Status::kCorruptLog;
  if (Status status = log_->Read(item.address, encoded); status != Status::kOk) return status;
  *header = DecodeCheckpointHeader(encoded);
  const uint32_t part_weights = parts_.part_weights;
  if (header->id == 0 || header->base >= header->id || header->label > package_.capacity) return Status::kCorruptLog;
  if (header->label == package_.capacity && header->num_learnt > package_.capacity) return Status::kCorruptLog;
  if (header->first >= package_.latent_dim || header->first % part_weights != 0) return Status::kCorruptLog;
  const uint32_t count = std::min(part_weights, package_.latent_dim - header->first);
  const bool valid = item.size_bytes == kCheckpointHeaderBytes + count * sizeof(float);
  return valid ? Status::kOk : Status::kCorruptLog;
}

Status Learner::OnCheckpoint(const Item& item) {
  CheckpointHeader header;
  if (Status status = ReadCheckpointHeader(item, &header); status != Status::kOk) return status;
  next_id_ = std::max(next_id_, header.id + 1);
  parts_.checkpoints.Add(PartOf(header), item.address);
  return Status::kOk;
}

// The row to come, the last one, says how many there are.
CheckpointPart Learner::PartOf(const CheckpointHeader& header) const {
  const uint32_t place = header.label * parts_.parts_per_row + header.first / parts_.part_weights;
  const uint32_t num_rows = header.label == package_.capacity ? header.num_learnt + 1 : 0;
  return {header.id, header.base, place, num_rows * parts_.parts_per_row};
}

Span<const uint32_t> Learner::SavedRow(uint32_t label) const {
  return parts_.checkpoints.addresses(uint64_t{label} * parts_.parts_per_row, parts_.parts_per_row);
}

// What lies at an address that is not known may be torn: no field of it is relied on.
bool Learner::IsNeeded(const Item& item) {
  if (item.kind == kCheckpointItem) {
    CheckpointHeader header;
    return ReadCheckpointHeader(item, &header) == Status::kOk &&
           parts_.checkpoints.IsNeeded(PartOf(header), item.address);
  }
  uint8_t encoded[kItemHeaderBytes];
  if (item.kind == kForgottenItem || log_->Read(item.address, encoded) != Status::kOk) return false;
  const ItemHeader header = DecodeItemHeader(encoded);
  if (header.label >= package_.capacity) return false;
  const Class& one = parts_.classes[header.label];
  if (item.kind == kForgetItem) {
    return header.id > forgotten_id_ && one.forget_id == header.id && one.forget_address == item.address;
  }
  if (item.kind == kClassItem) return one.name.IsAt(header.id, item.address);
  const uint32_t place = parts_.memory.Find(header.id);
  return place < num_records() && parts_.memory.address(place) == item.address;
}

void Learner::OnMoved(const Item& item, uint32_t to) {
  if (item.kind == kCheckpointItem) {
    CheckpointHeader header;
    if (ReadCheckpointHeader(item, &header) == Status::kOk) parts_.checkpoints.Move(PartOf(header), to);
    return;
  }
  uint8_t encoded[kItemHeaderBytes];
  if (log_->Read(item.address, encoded) != Status::kOk) return;
  const ItemHeader header = DecodeItemHeader(encoded);
  if (item.kind == kForgetItem) {
    parts_.classes[header.label].forget_address = to;
  } else if (item.kind == kClassItem) {
    parts_.classes[header.label].name.Move(to);
  } else {
    parts_.memory.set_address(parts_.memory.Find(header.id), to);
  }
}

}  // namespace tfodcl
