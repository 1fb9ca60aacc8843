// A device that learns training batches: every layer behind the latent, from new samples and replays (QLR-CL, arXiv
// 2110.10486). SPEC.md 6.7 to 6.10.
//
// The state is that after the last training batch that was completed. A checkpoint takes effect at once, when its last
// part is written, so a power loss costs the training batch that was under way and nothing else.

#ifndef TFODCL_BATCH_LEARNER_BATCH_LEARNER_H_
#define TFODCL_BATCH_LEARNER_BATCH_LEARNER_H_

#include <optional>

#include "base/arena.h"
#include "batch_learner/consolidated_head.h"
#include "batch_learner/learnt_state.h"
#include "batch_learner/mini_batches.h"
#include "codec/codec.h"
#include "encoder/encoder.h"
#include "learner/checkpoints.h"
#include "learner/class_name.h"
#include "learner/device_learner.h"
#include "learner/record_table.h"
#include "package/package.h"
#include "stage/adaptive_stage.h"
#include "store/log.h"

namespace tfodcl {

// Bytes of an arena, by part.
struct BatchLearnerMemory {
  uint64_t encoder = 0;
  StageMemory stage;
  uint64_t head = 0;         // consolidated rows
  uint64_t samples = 0;      // new latents of a training batch, int8, with labels
  uint64_t mini_batch = 0;   // latents of a step, float32, with labels; orders
  uint64_t records = 0;      // where they lie in the log
  uint64_t checkpoints = 0;  // ledger, and where the parts lie in the log
  uint64_t log = 0;
  uint64_t other = 0;  // names, one record

  uint64_t total() const {
    return encoder + stage.total() + head + samples + mini_batch + records + checkpoints + log + other;
  }
};

// The functions below Start return the status of Start while that has not succeeded, kNoPackage before it. A failure of
// the flash, and kLogFull of the last TrainStep, are returned by all of them until the next Start.
class BatchLearner final : public DeviceLearner, private LogOwner {
 public:
  // What Start takes, to the byte. `package` has a network. kInvalidPackage: not one that a device can learn;
  // kBudgetTooSmall, kLogFull: replay budget or log do not hold a record of every class; those of Encoder and
  // AdaptiveStage.
  static Status RequiredBytes(const Package& package, const Geometry& geometry, BatchLearnerMemory* memory);

  // As Learner::Start. The errors of RequiredBytes and of preparing its parts; kArenaTooSmall; kForeignLog, kCorruptLog
  // (only Reset works then).
  Status Start(const Package& package, Flash* flash, Arena* arena) override;

  Status status() const override { return state_; }

  // The label of the class `name`, new or known. A new one takes the lowest free label, and is durable at once.
  // kInvalidName, kCapacityReached, kLogFull.
  Status AddClass(Bytes name, uint16_t* label) override;

  // Durable at once. kUnknownClass, kInvalidName, kNameTaken, kLogFull.
  Status Rename(uint16_t label, Bytes name) override;

  // Encodes input(); its latent is a new sample of the training batch. kUnknownClass; kBatchFull;
  // kInvalidArgument between EndBatch and the last TrainStep.
  Status LearnSample(uint16_t label) override;

  // The end of the samples: begins the training, of `num_steps` mini-batches, each of which is one call of TrainStep.
  // kInvalidArgument where there are no samples, or it has begun.
  Status EndBatch(uint32_t* num_steps);

  // The next mini-batch; `num_left` counts those that follow. With the last one, head and records take over what was
  // learnt, and it is durable. kInvalidArgument where none is left.
  Status TrainStep(uint32_t* num_left);

  // The class of input(): its label, and the scores of all classes. kNoClasses: no training batch was completed.
  Status Classify(uint16_t* label) override;

  // Erases all that was learnt, the log of another package too.
  Status Reset() override;

  // The encoder's input, int8 (height, width, channels): to be filled before every LearnSample and Classify.
  Span<int8_t> input() const override { return encoder_.input(); }
  // The latent of the last LearnSample or Classify, int8 (latent_dim,).
  Span<const int8_t> latent() const override { return encoder_.latent(); }
  // After Classify, until anything else is called: float32 (capacity,); the least there is for classes never trained.
  Span<const float> scores() const override { return scores_; }
  // The head's row, float32 (features,), consolidated. Of a label below capacity.
  Span<const float> row(uint32_t label) const override { return parts_.head.row(label); }
  // All arrays of the stage.
  Span<const float> arrays() { return parts_.stage.arrays(); }

  uint32_t num_classes() const override;
  // kUnknownClass: it has no name.
  Status GetClass(uint16_t label, ClassInfo* info) const override;
  // Training batches completed.
  uint32_t num_batches() const { return parts_.state.num_batches(); }
  // New samples of the training batch, and the most.
  uint32_t num_new() const { return num_new_; }
  uint32_t num_pending() const override { return num_new_; }
  uint32_t max_new() const { return sizes_.max_new; }
  uint32_t num_records() const override { return parts_.records.size(); }
  uint32_t max_records() const { return sizes_.max_records; }
  const BatchLearnerMemory& memory() const { return memory_; }
  LogStatistics log_statistics() const override { return log_ ? log_->statistics() : LogStatistics{}; }

  // As of Learner; a step is a Part::kReplayStep.
  Costs* costs() override { return &costs_; }

 private:
  // What follows from package and geometry.
  struct Sizes {
    StageSettings stage;
    StateShape state;
    uint32_t max_new;
    uint32_t max_records;
    uint32_t num_features;
    uint32_t record_bytes;  // of an item
    uint32_t batch_bytes;   // of the log
  };

  // All that the arena gives, but for the encoder's and the log's.
  struct Parts {
    // `source` is an Arena or an ArenaMeasure.
    template <typename Source>
    Status TakeMemory(const Sizes& sizes, Source* source, BatchLearnerMemory* memory);

    AdaptiveStage stage;
    ConsolidatedHead head;
    Span<uint8_t> known;        // (capacity,): not 0 for classes that the stage decides among
    Span<uint32_t> current;     // (capacity,): samples in the training batch, records included
    Span<int8_t> new_latents;   // (max_new, latent_dim)
    Span<uint16_t> new_labels;  // (max_new,)
    MiniBatches mini_batches;
    Span<float> z;           // (most samples of a mini-batch, latent_dim)
    Span<uint16_t> targets;  // (most samples of a mini-batch,)
    RecordTable records;
    LearntState state;
    Checkpoints checkpoints;
    Span<ClassName> names;  // (capacity,)
    Span<uint8_t> item;     // of a record
    Span<int8_t> decoded;   // (latent_dim,)
  };

  // recovery.cc
  static Status Measure(const Package& package, const Geometry& geometry, Sizes* sizes);
  Status Recover();
  void Clear();
  Status LoadState();
  Status OnItem(const Item& item) override;
  Status OnRecord(const Item& item, const ItemHeader& header);
  Status OnState(const Item& item);
  Status ReadStateHeader(const Item& item, StateHeader* header) const;
  CheckpointPart PartOf(const StateHeader& header) const;
  bool IsNeeded(const Item& item) override;
  void OnMoved(const Item& item, uint32_t to) override;

  // batch_learner.cc
  Status Checked(Status status);
  Status CheckClass(uint16_t label) const;
  Status WriteName(uint16_t label, Bytes name);
  Status Encode();
  void Dequantize(Span<const int8_t> latent, Span<float> z) const;
  Span<const int8_t> NewLatent(size_t place) const;
  void SetHead();
  Status TakeStep();
  Status ReadRecord(uint32_t place, Span<int8_t> latent);

  // consolidation.cc: after the last mini-batch
  Status TakeOver();
  void CountSamples();
  Status AppendRecords(uint32_t num_taken);
  void ListRecords(Span<const uint16_t> dropped);
  Status SaveState();

  Status state_ = Status::kNoPackage;
  Package package_{};
  Encoder encoder_;
  Codec codec_;
  Sizes sizes_{};
  BatchLearnerMemory memory_;
  Parts parts_;
  std::optional<Log> log_;
  Costs costs_;
  Span<const float> scores_;
  bool are_records_known_ = false;  // while mounting: the ledger is loaded
  uint32_t num_new_ = 0;
  uint32_t next_id_ = 1;
};

}  // namespace tfodcl

#endif  // TFODCL_BATCH_LEARNER_BATCH_LEARNER_H_
