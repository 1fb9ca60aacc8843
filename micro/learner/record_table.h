// Records in the order of their ids, and where they lie in the log. Their bytes stay in the flash.

#ifndef TFODCL_LEARNER_RECORD_TABLE_H_
#define TFODCL_LEARNER_RECORD_TABLE_H_

#include "base/span.h"
#include "base/status.h"

namespace tfodcl {

class RecordTable {
 public:
  // Holds at most `most` records, of labels below `capacity`. `source` is an Arena or an ArenaMeasure.
  template <typename Source>
  Status TakeMemory(uint64_t most, uint32_t capacity, Source* source) {
    Status status = source->Allocate(most, &ids_);
    if (status == Status::kOk) status = source->Allocate(most, &labels_);
    if (status == Status::kOk) status = source->Allocate(most, &addresses_);
    if (status == Status::kOk) status = source->Allocate(uint64_t{capacity}, &num_of_);
    return status;
  }

  void Clear();

  // False, and nothing changes, where the record is there already. There is room for it.
  bool Insert(uint32_t id, uint16_t label, uint32_t address);

  // Takes out the records at all places where is_removed(place) holds; it is asked once of each, in order.
  template <typename IsRemoved>
  void RemoveIf(const IsRemoved& is_removed) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < size_; ++i) {
      if (is_removed(i)) {
        --num_of_[labels_[i]];
        continue;
      }
      ids_[kept] = ids_[i];
      labels_[kept] = labels_[i];
      addresses_[kept] = addresses_[i];
      ++kept;
    }
    size_ = kept;
  }

  uint32_t size() const { return size_; }
  uint32_t num_of(uint32_t label) const { return num_of_[label]; }

  // The place of a record, or size() where it is not there.
  uint32_t Find(uint32_t id) const;

  // Of the record at place 0 <= i < size(), in the order of their ids.
  uint32_t id(uint32_t i) const { return ids_[i]; }
  uint16_t label(uint32_t i) const { return labels_[i]; }
  uint32_t address(uint32_t i) const { return addresses_[i]; }
  void set_address(uint32_t i, uint32_t address) { addresses_[i] = address; }

 private:
  uint32_t PlaceOf(uint32_t id) const;

  uint32_t size_ = 0;
  Span<uint32_t> ids_;  // ascending
  Span<uint16_t> labels_;
  Span<uint32_t> addresses_;
  Span<uint32_t> num_of_;  // (capacity,)
};

}  // namespace tfodcl

#endif  // TFODCL_LEARNER_RECORD_TABLE_H_
