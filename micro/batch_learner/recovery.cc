// Start, and what the learner knows of its items: SPEC.md 6.10.

#include <algorithm>
#include <functional>

#include "batch_learner/batch_learner.h"
#include "learner/sizes.h"

namespace tfodcl {
namespace {

constexpr uint32_t kMostScratchBytes = 32 << 10;  // of convolutions with windows, which work in tiles

// Records that are in the log while some replace others.
uint64_t MostListed(uint32_t max_records) { return uint64_t{max_records} + max_records / 3; }

}  // namespace

Status BatchLearner::Measure(const Package& package, const Geometry& geometry, Sizes* sizes) {
  if (package.network.empty() || package.replay_batch < 2 || package.replay_epochs < 1) return Status::kInvalidPackage;
  Codec codec;
  NetworkSection network;
  if (Status status = codec.Prepare(package.codec); status != Status::kOk) return status;
  if (Status status = network.Read(package.network); status != Status::kOk) return status;
  uint64_t array_words = 0;
  network.ForEachLayer([&](const NetworkLayer& layer) {
    array_words += layer.arrays_size();
    sizes->num_features = static_cast<uint32_t>(layer.input.size());  // of the last one, the head
  });
  const int64_t budget = BudgetRecords(package, codec);
  const uint32_t capacity = package.capacity, part_words = MostPartWeights(geometry);
  const auto fitting = [&](uint64_t num_parts) {
    const uint32_t part_bytes = kStateHeaderBytes + 4 * part_words;
    return std::max<int64_t>(FittingRecords(package, codec, geometry, num_parts, part_bytes), 0);
  };
  const uint32_t most = static_cast<uint32_t>(std::min(budget, fitting(0)));
  sizes->state = {capacity, most, static_cast<uint32_t>(array_words), part_words};
  const int64_t lasting = fitting(sizes->state.num_parts()) * 3 / 4;
  if (budget < capacity) return Status::kBudgetTooSmall;
  if (lasting < capacity) return Status::kLogFull;
  sizes->max_records = static_cast<uint32_t>(std::min(budget, lasting));
  const uint32_t max_new = network.max_new();
  sizes->max_new = max_new > 0 ? max_new : std::min<uint32_t>(package.replay_batch, UINT16_MAX);
  const uint32_t most_mixed = std::min(package.replay_batch, sizes->max_new + sizes->max_records);
  sizes->stage = {package.latent_dim, capacity, package.outer_lr, std::min<uint32_t>(most_mixed, UINT16_MAX),
                  kMostScratchBytes};
  sizes->record_bytes = RecordItemBytes(codec);
  sizes->batch_bytes = BatchBytes(codec, geometry);
  return Status::kOk;
}

template <typename Source>
Status BatchLearner::Parts::TakeMemory(const Sizes& sizes, Source* source, BatchLearnerMemory* memory) {
  const uint64_t capacity = sizes.stage.capacity, dim = sizes.stage.latent_dim, batch = sizes.stage.max_batch;
  const uint64_t max_new = sizes.max_new, max_records = sizes.max_records;
  Status status = Status::kOk;
  const auto take = [&](uint64_t* part, const auto& take_memory) {
    const uint64_t before = source->used();
    if (status == Status::kOk) status = take_memory();
    *part += source->used() - before;
  };
  take(&memory->head, [&] { return head.TakeMemory(capacity, sizes.num_features, source); });
  take(&memory->head, [&] { return source->Allocate(capacity, &known); });
  take(&memory->head, [&] { return source->Allocate(capacity, &current); });
  take(&memory->samples, [&] { return source->Allocate(max_new * dim, &new_latents); });
  take(&memory->samples, [&] { return source->Allocate(max_new, &new_labels); });
  take(&memory->mini_batch, [&] { return mini_batches.TakeMemory(max_new, max_records, source); });
  take(&memory->mini_batch, [&] { return source->Allocate(batch * dim, &z); });
  take(&memory->mini_batch, [&] { return source->Allocate(batch, &targets); });
  take(&memory->records,
       [&] { return records.TakeMemory(MostListed(sizes.max_records), sizes.stage.capacity, source); });
  take(&memory->checkpoints, [&] { return state.TakeMemory(sizes.state, source); });
  take(&memory->checkpoints, [&] { return checkpoints.TakeMemory(sizes.state.num_parts(), source); });
  take(&memory->other, [&] { return source->Allocate(capacity, &names); });
  take(&memory->other, [&] { return source->Allocate(uint64_t{sizes.record_bytes}, &item); });
  take(&memory->other, [&] { return source->Allocate(dim, &decoded); });
  return status;
}

Status BatchLearner::RequiredBytes(const Package& package, const Geometry& geometry, BatchLearnerMemory* memory) {
  *memory = BatchLearnerMemory();
  Sizes sizes;
  size_t encoder_bytes = 0;
  Status status = Encoder::RequiredBytes(package.encoder, package.plan, &encoder_bytes);
  if (status == Status::kOk) status = Measure(package, geometry, &sizes);
  if (status == Status::kOk) status = AdaptiveStage::RequiredBytes(package.network, sizes.stage, &memory->stage);
  ArenaMeasure measure;
  Parts parts;
  if (status == Status::kOk) status = parts.TakeMemory(sizes, &measure, memory);
  if (status != Status::kOk) return status;
  memory->encoder = encoder_bytes;
  memory->log = Log::RequiredBytes(geometry, sizes.batch_bytes);
  return Status::kOk;
}

Status BatchLearner::Start(const Package& package, Flash* flash, Arena* arena) {
  state_ = Status::kNoPackage;
  log_.reset();
  package_ = package;
  const Geometry& geometry = flash->geometry();
  Status status = RequiredBytes(package, geometry, &memory_);
  if (status == Status::kOk && memory_.total() > arena->rest().size()) status = Status::kArenaTooSmall;
  if (status == Status::kOk) status = Measure(package, geometry, &sizes_);
  if (status == Status::kOk) status = encoder_.Prepare(package.encoder, package.plan, arena);
  if (status == Status::kOk) status = codec_.Prepare(package.codec);
  if (status == Status::kOk && latent().size() != package.latent_dim) status = Status::kInvalidPackage;
  if (status == Status::kOk) status = parts_.stage.Prepare(package.network, sizes_.stage, arena);
  BatchLearnerMemory taken;
  if (status == Status::kOk) status = parts_.TakeMemory(sizes_, arena, &taken);
  if (status != Status::kOk) return state_ = status;
  log_.emplace(flash, static_cast<LogOwner*>(this));
  status = log_->Prepare(sizes_.batch_bytes, arena);
  if (status != Status::kOk) log_.reset();
  if (status == Status::kOk) status = costs_.Measure(Part::kMount, [&] { return Recover(); });
  return state_ = status;
}

void BatchLearner::Clear() {
  parts_.stage.Reset(package_.network);
  parts_.records.Clear();
  parts_.checkpoints.Clear();
  parts_.state.Clear();
  parts_.mini_batches.Abandon();
  std::fill(parts_.names.begin(), parts_.names.end(), ClassName());
  std::fill(parts_.head.rows().begin(), parts_.head.rows().end(), 0.0f);
  scores_ = {};
  num_new_ = 0;
  next_id_ = 1;
}

// Which records are kept is in the checkpoint, which may lie behind them in the log: so it is mounted twice.
Status BatchLearner::Recover() {
  Clear();
  are_records_known_ = false;
  if (Status status = log_->Mount(package_.identity); status != Status::kOk) return status;
  parts_.checkpoints.Abandon();
  if (parts_.checkpoints.complete_id() != 0) {
    if (Status status = LoadState(); status != Status::kOk) return status;
    are_records_known_ = true;
    if (Status status = log_->Mount(package_.identity); status != Status::kOk) return status;
    if (num_records() != parts_.state.listed().size()) return Status::kCorruptLog;
  }
  SetHead();
  return Status::kOk;
}

Status BatchLearner::LoadState() {
  const Span<const uint32_t> addresses = parts_.checkpoints.addresses(0, parts_.state.num_parts());
  for (uint32_t number = 0; number < addresses.size(); ++number) {
    const Span<uint8_t> words = parts_.state.part(number, parts_.stage.arrays());
    const Status status = log_->Read(addresses[number] + kStateHeaderBytes, words);
    if (status != Status::kOk) return status;
  }
  const Span<const uint32_t> ids = parts_.state.listed();
  const bool ascend = std::adjacent_find(ids.begin(), ids.end(), std::greater_equal<uint32_t>()) == ids.end();
  const bool valid = ascend && ids.size() <= sizes_.max_records && num_batches() > 0;
  if (!valid) return Status::kCorruptLog;
  parts_.head.Load(parts_.stage);
  return Status::kOk;
}

Status BatchLearner::OnItem(const Item& item) {
  if (item.kind == kStateItem) return are_records_known_ ? Status::kOk : OnState(item);
  uint8_t encoded[kItemHeaderBytes];
  if (item.size_bytes < kItemHeaderBytes) return Status::kCorruptLog;
  if (Status status = log_->Read(item.address, encoded); status != Status::kOk) return status;
  const ItemHeader header = DecodeItemHeader(encoded);
  if (header.label >= package_.capacity) return Status::kCorruptLog;
  next_id_ = std::max(next_id_, header.id + 1);
  if (item.kind == kRecordItem) return OnRecord(item, header);
  return item.kind == kClassItem ? parts_.names[header.label].Take(item, header.id, *log_) : Status::kCorruptLog;
}

Status BatchLearner::OnRecord(const Item& item, const ItemHeader& header) {
  if (item.size_bytes != sizes_.record_bytes) return Status::kCorruptLog;
  if (!are_records_known_) return Status::kOk;
  const Span<const uint32_t> ids = parts_.state.listed();
  const bool is_kept = std::binary_search(ids.begin(), ids.end(), header.id);
  if (is_kept) parts_.records.Insert(header.id, header.label, item.address);
  return Status::kOk;
}

Status BatchLearner::ReadStateHeader(const Item& item, StateHeader* header) const {
  uint8_t encoded[kStateHeaderBytes];
  if (item.size_bytes < kStateHeaderBytes) return Status::kCorruptLog;
  if (Status status = log_->Read(item.address, encoded); status != Status::kOk) return status;
  *header = DecodeStateHeader(encoded);
  const bool valid = header->id > header->base && header->number < parts_.state.num_parts() &&
                     item.size_bytes == kStateHeaderBytes + parts_.state.PartBytes(header->number);
  return valid ? Status::kOk : Status::kCorruptLog;
}

CheckpointPart BatchLearner::PartOf(const StateHeader& header) const {
  return {header.id, header.base, header.number, parts_.state.num_parts()};
}

Status BatchLearner::OnState(const Item& item) {
  StateHeader header;
  if (Status status = ReadStateHeader(item, &header); status != Status::kOk) return status;
  next_id_ = std::max(next_id_, header.id + 1);
  parts_.checkpoints.Add(PartOf(header), item.address);
  return Status::kOk;
}

// What lies at an address that is not known may be torn: no field of it is relied on.
bool BatchLearner::IsNeeded(const Item& item) {
  if (item.kind == kStateItem) {
    StateHeader header;
    return ReadStateHeader(item, &header) == Status::kOk && parts_.checkpoints.IsNeeded(PartOf(header), item.address);
  }
  uint8_t encoded[kItemHeaderBytes];
  if (log_->Read(item.address, encoded) != Status::kOk) return false;
  const ItemHeader header = DecodeItemHeader(encoded);
  if (header.label >= package_.capacity) return false;
  if (item.kind == kClassItem) return parts_.names[header.label].IsAt(header.id, item.address);
  const uint32_t place = parts_.records.Find(header.id);
  return place < num_records() && parts_.records.address(place) == item.address;
}

void BatchLearner::OnMoved(const Item& item, uint32_t to) {
  if (item.kind == kStateItem) {
    StateHeader header;
    if (ReadStateHeader(item, &header) == Status::kOk) parts_.checkpoints.Move(PartOf(header), to);
    return;
  }
  uint8_t encoded[kItemHeaderBytes];
  if (log_->Read(item.address, encoded) != Status::kOk) return;
  const ItemHeader header = DecodeItemHeader(encoded);
  if (item.kind == kClassItem) {
    parts_.names[header.label].Move(to);
  } else {
    parts_.records.set_address(parts_.records.Find(header.id), to);
  }
}

}  // namespace tfodcl
