// Which records are kept (SPEC.md 6.2).

#ifndef TFODCL_LEARNER_REPLAY_MEMORY_H_
#define TFODCL_LEARNER_REPLAY_MEMORY_H_

#include "learner/record_table.h"

namespace tfodcl {

// At most `max_records` records, shared evenly by the classes: while there are more, the class with the most records,
// among equals that with the highest label, loses its oldest. What is kept is so a function of the set of all records
// ever added, in whatever order (DESIGN.md, R2).
class ReplayMemory : public RecordTable {
 public:
  // Labels are below `capacity`. `source` is an Arena or an ArenaMeasure.
  template <typename Source>
  Status TakeMemory(uint32_t max_records, uint32_t capacity, Source* source) {
    max_records_ = max_records;
    capacity_ = capacity;
    return RecordTable::TakeMemory(uint64_t{max_records} + 1, capacity, source);
  }

  // Adds a record unless it is kept already; then drops one if there are too many.
  void Add(uint32_t id, uint16_t label, uint32_t address);

  // Drops the records of a label with ids below `id`.
  void RemoveOlder(uint16_t label, uint32_t id);

  uint32_t max_records() const { return max_records_; }

 private:
  void DropOne();

  uint32_t max_records_ = 0;
  uint32_t capacity_ = 0;
};

}  // namespace tfodcl

#endif  // TFODCL_LEARNER_REPLAY_MEMORY_H_
