// Which records are kept, and where they lie in the log (SPEC.md 6.2). Their bytes stay in the flash.

#ifndef TFODCL_LEARNER_REPLAY_MEMORY_H_
#define TFODCL_LEARNER_REPLAY_MEMORY_H_

#include "base/span.h"
#include "base/status.h"

namespace tfodcl {

// At most `max_records` records, shared evenly by the classes: while there are more, the class with the most records,
// among equals that with the highest label, loses its oldest. What is kept is so a function of the set of all records
// ever added, in whatever order (DESIGN.md, R2).
class ReplayMemory {
 public:
  // Labels are below `capacity`. `source` is an Arena or an ArenaMeasure.
  template <typename Source>
  Status TakeMemory(uint32_t max_records, uint32_t capacity, Source* source) {
    max_records_ = max_records;
    Status status = source->Allocate(uint64_t{max_records} + 1, &ids_);
    if (status == Status::kOk) status = source->Allocate(uint64_t{max_records} + 1, &labels_);
    if (status == Status::kOk) status = source->Allocate(uint64_t{max_records} + 1, &addresses_);
    if (status == Status::kOk) status = source->Allocate(uint64_t{capacity}, &num_of_);
    return status;
  }

  void Clear();

  // Adds a record unless it is kept already; then drops one if there are too many.
  void Add(uint32_t id, uint16_t label, uint32_t address);

  // Drops the records of a label with ids below `id`.
  void RemoveOlder(uint16_t label, uint32_t id);

  uint32_t max_records() const { return max_records_; }
  uint32_t size() const { return size_; }
  uint32_t num_of(uint16_t label) const { return num_of_[label]; }

  // The place of a record, or size() where it is not kept.
  uint32_t Find(uint32_t id) const;

  // Of the record at place 0 <= i < size(), in the order of their ids.
  uint32_t id(uint32_t i) const { return ids_[i]; }
  uint16_t label(uint32_t i) const { return labels_[i]; }
  uint32_t address(uint32_t i) const { return addresses_[i]; }
  void set_address(uint32_t i, uint32_t address) { addresses_[i] = address; }

 private:
  uint32_t PlaceOf(uint32_t id) const;
  void Insert(uint32_t i, uint32_t id, uint16_t label, uint32_t address);
  void Remove(uint32_t i);
  void DropOne();

  uint32_t max_records_ = 0;
  uint32_t size_ = 0;
  Span<uint32_t> ids_;        // (max_records + 1,), ascending
  Span<uint16_t> labels_;     // (max_records + 1,)
  Span<uint32_t> addresses_;  // (max_records + 1,)
  Span<uint32_t> num_of_;     // (capacity,)
};

}  // namespace tfodcl

#endif  // TFODCL_LEARNER_REPLAY_MEMORY_H_
