// What is taken over of a training batch, and made durable: SPEC.md 6.9, 6.10.

#include <algorithm>

#include "batch_learner/batch_learner.h"

namespace tfodcl {

Status BatchLearner::TakeOver() {
  CountSamples();
  parts_.head.Consolidate(parts_.stage, parts_.current, parts_.state.counts());
  const uint32_t number = num_batches() + 1, room = sizes_.max_records - num_records();
  const uint32_t num_taken = std::min(num_new_, std::max(room, sizes_.max_records / (number + 1)));
  const Span<uint16_t> dropped = parts_.mini_batches.OrderDropped().subspan(0, num_taken - std::min(num_taken, room));
  std::sort(dropped.begin(), dropped.end());
  if (Status status = AppendRecords(num_taken); status != Status::kOk) return status;
  parts_.state.set_num_batches(number);
  ListRecords(dropped);
  num_new_ = 0;
  SetHead();
  if (Status status = SaveState(); status != Status::kOk) return status;
  parts_.records.RemoveIf([&](uint32_t i) { return std::binary_search(dropped.begin(), dropped.end(), i); });
  return Status::kOk;
}

void BatchLearner::CountSamples() {
  for (uint32_t label = 0; label < package_.capacity; ++label) parts_.current[label] = parts_.records.num_of(label);
  for (uint32_t i = 0; i < num_new_; ++i) ++parts_.current[parts_.new_labels[i]];
}

Status BatchLearner::AppendRecords(uint32_t num_taken) {
  for (const uint16_t place : parts_.mini_batches.OrderKept().subspan(0, num_taken)) {
    const uint16_t label = parts_.new_labels[place];
    EncodeItemHeader({next_id_, label}, parts_.item.data());
    const Span<uint8_t> payload = parts_.item.subspan(kItemHeaderBytes, codec_.payload_bytes());
    costs_.Measure(Part::kRecordEncoded, [&] { codec_.Encode(NewLatent(place), payload); });
    uint32_t address = 0;
    if (Status status = log_->Append(kRecordItem, parts_.item, &address); status != Status::kOk) return status;
    parts_.records.Insert(next_id_++, label, address);
  }
  return Status::kOk;
}

// All but the dropped ones; their places ascend.
void BatchLearner::ListRecords(Span<const uint16_t> dropped) {
  const Span<uint32_t> ids = parts_.state.record_ids();
  size_t count = 0;
  for (uint32_t i = 0; i < num_records(); ++i) {
    if (!std::binary_search(dropped.begin(), dropped.end(), i)) ids[count++] = parts_.records.id(i);
  }
  std::fill(ids.begin() + count, ids.end(), 0);
}

Status BatchLearner::SaveState() {
  StateHeader header{next_id_++, parts_.checkpoints.complete_id(), 0};
  for (; header.number < parts_.state.num_parts(); ++header.number) {
    uint8_t encoded[kStateHeaderBytes];
    EncodeStateHeader(header, encoded);
    const Bytes words = parts_.state.part(header.number, parts_.stage.arrays());
    uint32_t address = 0;
    if (Status status = log_->AppendNow(kStateItem, encoded, words, &address); status != Status::kOk) return status;
    parts_.checkpoints.Add(PartOf(header), address);
  }
  return Status::kOk;
}

}  // namespace tfodcl
