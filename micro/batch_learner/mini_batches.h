// Which samples the mini-batches of a training batch have (SPEC.md 6.8), and what is kept of it (6.9).

#ifndef TFODCL_BATCH_LEARNER_MINI_BATCHES_H_
#define TFODCL_BATCH_LEARNER_MINI_BATCHES_H_

#include "base/span.h"
#include "base/status.h"

namespace tfodcl {

// Samples of a mini-batch.
struct Mixing {
  uint32_t num_new;
  uint32_t num_replayed;

  // Of `batch_size` samples, where there are `num_new` >= 1 new ones and `num_kept` records in all.
  static Mixing Of(uint32_t batch_size, uint32_t num_new, uint32_t num_kept);
};

class MiniBatches {
 public:
  // Training batches of at most `max_new` new samples, at most `max_records` records; both at most 65,535. `source` is
  // an Arena or an ArenaMeasure.
  template <typename Source>
  Status TakeMemory(uint64_t max_new, uint64_t max_records, Source* source) {
    Status status = source->Allocate(max_new, &new_order_);
    if (status == Status::kOk) status = source->Allocate(max_records, &replay_order_);
    return status;
  }

  // Training batch `number` = 1, 2, ..: `num_epochs` passes over its `num_new` >= 1 samples.
  void Begin(uint32_t number, uint32_t num_new, uint32_t num_kept, uint32_t batch_size, uint32_t num_epochs);
  void Abandon() { num_left_ = 0; }

  // Of those that follow.
  uint32_t num_left() const { return num_left_; }
  const Mixing& mixing() const { return mixing_; }

  // Begins the next one, of which there is one left. Then come the places of mixing().num_new new samples and of
  // num_replayed records, one call of these each.
  void BeginNext();
  uint16_t NextNew() { return new_order_[next_new_++]; }
  uint16_t NextReplay();

  // When none is left: new samples in the order in which they are kept, and records in that in which they are dropped.
  Span<const uint16_t> OrderKept();
  Span<uint16_t> OrderDropped();

 private:
  enum class Draw : uint32_t { kNew = 0, kReplays = 1, kKept = 2 };
  void Permute(Draw what, uint32_t number, Span<uint16_t> order) const;

  uint32_t seed_ = 0;
  Mixing mixing_{};
  uint32_t num_left_ = 0;
  uint32_t epoch_ = 0;
  uint32_t pass_ = 0;
  size_t num_new_ = 0;
  size_t num_kept_ = 0;
  size_t next_new_ = 0;
  size_t next_replay_ = 0;
  Span<uint16_t> new_order_;     // (max_new,)
  Span<uint16_t> replay_order_;  // (max_records,)
};

}  // namespace tfodcl

#endif  // TFODCL_BATCH_LEARNER_MINI_BATCHES_H_
