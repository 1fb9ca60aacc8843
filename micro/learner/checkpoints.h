// Where the parts of the newest complete checkpoint, and of one that is being written, lie in the log (SPEC.md 6.3,
// 6.10). What the parts hold is their owner's.

#ifndef TFODCL_LEARNER_CHECKPOINTS_H_
#define TFODCL_LEARNER_CHECKPOINTS_H_

#include "base/span.h"
#include "base/status.h"

namespace tfodcl {

struct CheckpointPart {
  uint32_t id;         // of the checkpoint, above 0
  uint32_t base;       // the newest complete checkpoint when this one was begun, 0: none
  uint32_t place;      // its own, below the number of places
  uint32_t num_parts;  // of the checkpoint; 0: this part does not say
};

// Parts may come in any order. Two checkpoints are followed at a time: the one with the greatest id that was seen, and
// its base; all others are too old to matter.
class Checkpoints {
 public:
  // Parts have places 0 .. num_places - 1; a checkpoint may have fewer. `source` is an Arena or an ArenaMeasure.
  template <typename Source>
  Status TakeMemory(uint64_t num_places, Source* source) {
    Status status = source->Allocate(num_places, &newest_.addresses);
    if (status == Status::kOk) status = source->Allocate(num_places, &base_.addresses);
    return status;
  }

  void Clear();

  // A part is in the log at `address`; of several copies the first counts.
  void Add(const CheckpointPart& part, uint32_t address);
  // A needed part has moved.
  void Move(const CheckpointPart& part, uint32_t address);

  // Whether this is a part of a checkpoint that is complete, or may yet become so, and at the address that counts.
  bool IsNeeded(const CheckpointPart& part, uint32_t address) const;

  // The newest complete checkpoint, 0: none.
  uint32_t complete_id() const;
  // The addresses of `count` of its parts from `place` on, of which it has all or none; empty where it has none.
  Span<const uint32_t> addresses(uint64_t place, size_t count) const;

  // The newest checkpoint will not be completed: what is there of it is not needed.
  void Abandon();

 private:
  struct Parts {
    uint32_t id = 0;           // 0: none
    uint32_t base = 0;         // before it
    uint32_t num_parts = 0;    // as one of them says; 0: not seen yet
    uint32_t num_present = 0;  // parts
    Span<uint32_t> addresses;  // by place; kAbsent: not there
  };
  static constexpr uint32_t kAbsent = 0xFFFFFFFF;

  static bool IsComplete(const Parts& parts) { return parts.num_parts > 0 && parts.num_present == parts.num_parts; }
  static void Clear(uint32_t id, uint32_t base, Parts* parts);
  const Parts* Complete() const;

  Parts newest_;
  Parts base_;
};

}  // namespace tfodcl

#endif  // TFODCL_LEARNER_CHECKPOINTS_H_
