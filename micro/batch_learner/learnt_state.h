// What a training batch leaves, as the words of a checkpoint (SPEC.md 6.10): the ledger, then the stage's arrays.

#ifndef TFODCL_BATCH_LEARNER_LEARNT_STATE_H_
#define TFODCL_BATCH_LEARNER_LEARNT_STATE_H_

#include <algorithm>

#include "base/span.h"
#include "base/status.h"

namespace tfodcl {

struct StateShape {
  uint32_t capacity;     // classes
  uint32_t max_listed;   // ids of records that the ledger has room for
  uint32_t array_words;  // of the stage's arrays
  uint32_t part_words;   // of a part, but for the last one of ledger and arrays

  uint64_t ledger_words() const { return uint64_t{1} + capacity + max_listed; }
  uint64_t num_ledger_parts() const { return (ledger_words() + part_words - 1) / part_words; }
  uint64_t num_parts() const { return num_ledger_parts() + (uint64_t{array_words} + part_words - 1) / part_words; }
};

class LearntState {
 public:
  // `source` is an Arena or an ArenaMeasure.
  template <typename Source>
  Status TakeMemory(const StateShape& shape, Source* source) {
    shape_ = shape;
    return source->Allocate(shape.ledger_words(), &ledger_);
  }

  // No training batch, no samples, no records.
  void Clear() { std::fill(ledger_.begin(), ledger_.end(), 0); }

  uint32_t num_batches() const { return ledger_[0]; }
  void set_num_batches(uint32_t count) { ledger_[0] = count; }
  // Samples that each class was trained with, (capacity,).
  Span<uint32_t> counts() { return ledger_.subspan(1, shape_.capacity); }
  Span<const uint32_t> counts() const { return ledger_.subspan(1, shape_.capacity); }
  // Of the records that are kept, ascending, then zeros: (max_listed,).
  Span<uint32_t> record_ids() { return ledger_.subspan(1 + shape_.capacity, shape_.max_listed); }

  // Of these, the ids.
  Span<const uint32_t> listed() const {
    const Span<const uint32_t> ids = ledger_.subspan(1 + shape_.capacity, shape_.max_listed);
    return ids.subspan(0, static_cast<size_t>(std::find(ids.begin(), ids.end(), 0u) - ids.begin()));
  }

  uint32_t num_parts() const { return static_cast<uint32_t>(shape_.num_parts()); }
  // The bytes of part 0 <= number < num_parts, of the ledger or of `arrays`.
  Span<uint8_t> part(uint32_t number, Span<float> arrays);
  uint32_t PartBytes(uint32_t number) const { return static_cast<uint32_t>(sizeof(uint32_t) * WordsOf(number).count); }

 private:
  struct Words {
    bool are_ledger;  // else of the arrays
    size_t first;
    size_t count;
  };
  Words WordsOf(uint32_t number) const;

  StateShape shape_{};
  Span<uint32_t> ledger_;
};

}  // namespace tfodcl

#endif  // TFODCL_BATCH_LEARNER_LEARNT_STATE_H_
