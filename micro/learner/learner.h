// A device that learns: encoder, head, replay memory and log put together (LifeLearner, arXiv 2311.11420 section 3).
//
// State is a function of the log: the newest checkpoint of the head, and after it, for every record younger than the
// checkpoint, one inner step on the decoded record, and then, if there was one, the outer loop (SPEC.md 6.4). So a
// power loss costs what the last Flush, EndClass or Save had not made durable, and nothing else.

#ifndef TFODCL_LEARNER_LEARNER_H_
#define TFODCL_LEARNER_LEARNER_H_

#include <optional>

#include "base/arena.h"
#include "base/span.h"
#include "base/status.h"
#include "codec/codec.h"
#include "encoder/encoder.h"
#include "learner/checkpoints.h"
#include "learner/class_name.h"
#include "learner/device_learner.h"
#include "learner/head.h"
#include "learner/items.h"
#include "learner/replay_memory.h"
#include "package/package.h"
#include "store/log.h"

namespace tfodcl {

// The functions below Start return the status of Start while that has not succeeded, kNoPackage before it. A failure of
// the flash (any status of the log but kLogFull) is returned by all of them until the next Start.
class Learner final : public DeviceLearner, private LogOwner {
 public:
  // Bytes of arena for `package` with a log of `geometry`: what Start takes, to the byte.
  static Status RequiredBytes(const Package& package, const Geometry& geometry, size_t* bytes);

  // Prepares encoder, codec and memory, mounts the log and recovers what it holds. The package's bytes, the flash and
  // the arena's memory must outlive the learner, which may be started again. May take as long as an outer loop.
  // Errors: those of Encoder::Prepare and Log::Prepare; kInvalidPackage: the encoder's latent is not the package's;
  // kArenaTooSmall; kBudgetTooSmall, kLogFull: for one record; kForeignLog, kCorruptLog (only Reset works then).
  Status Start(const Package& package, Flash* flash, Arena* arena) override;

  // kOk: the learner runs. Else what the functions below return, see above.
  Status status() const override { return state_; }

  // The label of the class `name`, new or known. A new one takes the lowest free label, and is durable at once.
  // kInvalidName, kCapacityReached, kLogFull; kBudgetTooSmall: for a record of every class.
  Status AddClass(Bytes name, uint16_t* label) override;

  // Learns one sample of a class: encodes input(), takes an inner step, keeps a record.
  // kUnknownClass, kLogFull: nothing is learnt then.
  Status LearnSample(uint16_t label) override;

  // The end of a class's samples: makes its records durable and begins the outer loop, of `num_steps` mini-batches,
  // each of which is one call of ReplayStep. kUnknownClass.
  Status EndClass(uint16_t label, uint32_t* num_steps);

  // The next mini-batch of the outer loop; `num_left` counts those that follow. kInvalidArgument where none is left:
  // LearnSample and Forget, which change the records, end the loop too.
  Status ReplayStep(uint32_t* num_left);

  // The class of input(): its label, and the scores of all classes (see scores()). kNoClasses.
  Status Classify(uint16_t* label) override;

  // Durable at once. kUnknownClass, kInvalidName, kNameTaken, kLogFull.
  Status Rename(uint16_t label, Bytes name) override;

  // Erases a class: its name, its records, its row of the head, and every earlier state of them from the flash. What
  // the rows of other classes learnt from it stays. Durable at once; an interrupted one is finished by the next Start.
  // kUnknownClass. kLogFull: not begun, or, if the class is not known any longer, to be finished by the next Start.
  Status Forget(uint16_t label);

  // Writes a checkpoint of the head to the log, and with it all that was pending. kLogFull.
  Status Save();

  // Erases all that was learnt, the log of another package too.
  Status Reset() override;

  // The encoder's input, int8 (height, width, channels): to be filled before every LearnSample and Classify.
  Span<int8_t> input() const override { return encoder_.input(); }

  // The latent of the last LearnSample or Classify, int8 (latent_dim,).
  Span<const int8_t> latent() const override { return encoder_.latent(); }

  // After Classify: float32 (capacity,); those of labels that are not learnt are undefined.
  Span<const float> scores() const override { return parts_.scores; }

  // The head's row, float32 (latent_dim,), of a learnt label; of label `capacity`: that of the classes to come.
  Span<const float> row(uint32_t label) const override { return parts_.head.row(label); }

  // Labels of the classes, ascending, until one is added or forgotten.
  Span<const uint16_t> labels() const { return parts_.head.labels(); }
  uint32_t num_classes() const override { return static_cast<uint32_t>(labels().size()); }
  // kUnknownClass.
  Status GetClass(uint16_t label, ClassInfo* info) const override;
  // Records in memory, and the most that are kept; those of them that are not durable yet.
  uint32_t num_records() const override { return parts_.memory.size(); }
  uint32_t max_records() const { return parts_.memory.max_records(); }
  uint32_t num_pending() const override;
  LogStatistics log_statistics() const override;

  // What the parts have cost since this object was made, by the clock that it is given here.
  Costs* costs() override { return &costs_; }

 private:
  struct Class {
    ClassName name;
    uint32_t forget_id;  // of the last forget, 0: none; older items of the label are dead
    uint32_t forget_address;
    uint32_t num_learnt;
    uint32_t num_ended;
  };

  // All that the arena gives, but for the encoder's and the log's.
  struct Parts {
    template <typename Source>
    Status TakeMemory(const Package& package, const Codec& codec, const Geometry& geometry, Source* source);

    Head head;
    ReplayMemory memory;
    Checkpoints checkpoints;  // a row has parts_per_row places, one part after the other
    uint32_t part_weights = 1;
    uint32_t parts_per_row = 1;
    Span<Class> classes;     // (capacity,)
    Span<float> scores;      // (capacity,)
    Span<uint8_t> item;      // of a record
    Span<uint16_t> order;    // (max_records,): of the running epoch
    Span<int8_t> latents;    // (most records of a mini-batch, latent_dim)
    Span<uint16_t> targets;  // (most records of a mini-batch,): their labels
  };

  // The outer loop: mini-batches of `num_records` records, epoch by epoch.
  struct Replay {
    uint32_t seed = 0;
    uint32_t num_records = 0;
    uint32_t num_epochs = 0;
    uint32_t epoch = 0;  // num_epochs: none is left
    uint32_t next = 0;   // place in the order
  };

  // recovery.cc
  Status Recover();
  void Clear();
  void DropUnknown();
  Status LoadCheckpoint();
  Status LoadRow(uint32_t label);
  Status LearnYounger();
  Status FinishForget();
  Status OnItem(const Item& item) override;
  Status OnRecord(const Item& item, const ItemHeader& header);
  Status OnClass(const Item& item, const ItemHeader& header);
  Status OnForget(const Item& item, const ItemHeader& header);
  Status OnCheckpoint(const Item& item);
  Status ReadCheckpointHeader(const Item& item, CheckpointHeader* header) const;
  CheckpointPart PartOf(const CheckpointHeader& header) const;
  Span<const uint32_t> SavedRow(uint32_t label) const;
  bool IsNeeded(const Item& item) override;
  void OnMoved(const Item& item, uint32_t to) override;

  // learner.cc
  Status CheckClass(uint16_t label) const;
  Status WriteName(uint16_t label, Bytes name);
  Status SaveRow(uint32_t id, uint32_t base, uint32_t label, uint32_t num_learnt, uint32_t num_ended);
  void BeginReplay();
  uint32_t NumReplaySteps() const;
  Status Encode();
  void TakeInnerStep(Span<const int8_t> latent, uint16_t label);
  Status MeasureReplayStep();
  Status TakeReplayStep();
  Status ReadRecord(uint32_t place, Span<int8_t> latent);
  // Remembers a failure after which the log must be mounted again.
  Status Checked(Status status);

  Status state_ = Status::kNoPackage;
  Package package_{};
  Encoder encoder_;
  Codec codec_;
  Parts parts_;
  std::optional<Log> log_;
  Costs costs_;
  Replay replay_;
  uint32_t next_id_ = 1;
  uint32_t greatest_forget_id_ = 0;  // of all forgets in the log
  uint32_t forgotten_id_ = 0;        // of the last forgotten item: what older forgets ask for is done
};

}  // namespace tfodcl

#endif  // TFODCL_LEARNER_LEARNER_H_
