// Where the parts of the newest complete checkpoint, and of one that is being written, lie in the log (SPEC.md 6.3).

#ifndef TFODCL_LEARNER_CHECKPOINTS_H_
#define TFODCL_LEARNER_CHECKPOINTS_H_

#include "base/span.h"
#include "base/status.h"
#include "learner/items.h"

namespace tfodcl {

// Parts may come in any order. Two checkpoints are followed at a time: the one with the greatest id that was seen, and
// its base; all others are too old to matter.
class Checkpoints {
 public:
  // Rows of `latent_dim` weights in parts of at most `part_weights`. `source` is an Arena or an ArenaMeasure.
  template <typename Source>
  Status TakeMemory(uint32_t capacity, uint32_t latent_dim, uint32_t part_weights, Source* source) {
    capacity_ = capacity;
    part_weights_ = part_weights;
    parts_per_row_ = (latent_dim + part_weights - 1) / part_weights;
    const uint64_t num_parts = (uint64_t{capacity} + 1) * parts_per_row_;
    Status status = source->Allocate(num_parts, &newest_.addresses);
    if (status == Status::kOk) status = source->Allocate(num_parts, &base_.addresses);
    return status;
  }

  void Clear();

  // A part with a valid header is in the log at `address`; of several copies the first counts.
  void Add(const CheckpointHeader& header, uint32_t address);
  // A needed part has moved.
  void Move(const CheckpointHeader& header, uint32_t address);

  // Whether this is a part of a checkpoint that is complete, or may yet become so, and at the address that counts.
  bool IsNeeded(const CheckpointHeader& header, uint32_t address) const;

  // The newest complete checkpoint, 0: none.
  uint32_t complete_id() const;
  // The addresses of a row's parts in it, (parts_per_row,); empty where it does not have the row.
  Span<const uint32_t> row(uint32_t label) const;

  // The newest checkpoint will not be completed: what is there of it is not needed.
  void Abandon();

  uint32_t parts_per_row() const { return parts_per_row_; }
  uint32_t part_weights() const { return part_weights_; }

 private:
  struct Parts {
    uint32_t id = 0;           // 0: none
    uint32_t base = 0;         // before it
    uint32_t num_rows = 0;     // as the row to come says; 0: not seen yet
    uint32_t num_present = 0;  // parts
    Span<uint32_t> addresses;  // (capacity + 1, parts_per_row); kAbsent: not there
  };
  static constexpr uint32_t kAbsent = 0xFFFFFFFF;

  bool IsComplete(const Parts& parts) const;
  static void Clear(uint32_t id, uint32_t base, Parts* parts);
  const Parts* Complete() const;
  size_t PlaceOf(const CheckpointHeader& header) const {
    return size_t{header.label} * parts_per_row_ + header.first / part_weights_;
  }

  uint32_t capacity_ = 0;
  uint32_t part_weights_ = 1;
  uint32_t parts_per_row_ = 0;
  Parts newest_;
  Parts base_;
};

}  // namespace tfodcl

#endif  // TFODCL_LEARNER_CHECKPOINTS_H_
