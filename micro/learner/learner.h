// A device that learns: encoder, head, replay memory and log put together (LifeLearner, arXiv 2311.11420 section 3).
//
// State is a function of the log: the newest checkpoint of the head, and after it, for every record younger than the
// checkpoint, one inner step on the decoded record, and then, if there was one, the outer loop (SPEC.md 5.6). So a
// power loss costs what the last Flush, EndClass or Save had not made durable, and nothing else.

#ifndef TFODCL_LEARNER_LEARNER_H_
#define TFODCL_LEARNER_LEARNER_H_

#include "base/arena.h"
#include "base/span.h"
#include "base/status.h"
#include "package/package.h"
#include "store/log.h"

namespace tfodcl {

inline constexpr size_t kMaxNameBytes = 32;

// A learnt class, as the device knows it.
struct ClassInfo {
  uint16_t label;
  uint32_t num_learnt;   // samples learnt since the class is known; records may be fewer
  uint32_t num_records;  // in the replay memory
  uint32_t num_ended;    // of num_learnt, when EndClass was last called
  Bytes name;            // UTF-8, valid until the class changes
};

class Learner : private LogOwner {
 public:
  // Bytes of arena for `package` with a log of `geometry`: what Start takes, to the byte.
  static Status RequiredBytes(const Package& package, const Geometry& geometry, size_t* bytes);

  // Prepares encoder, codec and memory, mounts the log and recovers what it holds. The package's bytes, the flash and
  // the arena's memory must outlive the learner. May take as long as an outer loop.
  // Errors: those of Encoder::Prepare and Codec; kArenaTooSmall; kBudgetTooSmall; kForeignLog (only Reset works then).
  Status Start(const Package& package, Flash* flash, Arena* arena);

  // The label of the class `name`, new or known. A new one takes the lowest free label.
  // kInvalidName, kCapacityReached, kLogFull.
  Status AddClass(Bytes name, uint16_t* label);

  // Learns one sample of a class: encodes input(), takes an inner step, keeps a record.
  // kUnknownClass, kLogFull, kBudgetTooSmall: nothing is learnt then.
  Status LearnSample(uint16_t label);

  // The end of a class's samples: makes its records durable and begins the outer loop, of `num_steps` mini-batches,
  // each of which is one call of ReplayStep. kUnknownClass.
  Status EndClass(uint16_t label, uint32_t* num_steps);

  // The next mini-batch of the outer loop; `num_left` counts those that follow. kInvalidArgument where none is left.
  Status ReplayStep(uint32_t* num_left);

  // The class of input(): its label, and the scores of all classes (see scores()). kNoClasses.
  Status Classify(uint16_t* label);

  // kUnknownClass, kInvalidName, kNameTaken.
  Status Rename(uint16_t label, Bytes name);

  // Erases a class: its name, its records, its row of the head, and every earlier state of them from the flash.
  // Durable at once; an interrupted one is finished by the next Start. kUnknownClass.
  Status Forget(uint16_t label);

  // Writes a checkpoint of the head to the log.
  Status Save();

  // Erases all that was learnt, the log of another package too.
  Status Reset();

  // The encoder's input, int8 (height, width, channels): to be filled before every LearnSample and Classify.
  Span<int8_t> input() const;

  // The latent of the last LearnSample or Classify, int8 (latent_dim,).
  Span<const int8_t> latent() const;

  // After Classify: float32 (capacity,); those of labels that are not learnt are undefined.
  Span<const float> scores() const;

  // The head, float32 (latent_dim,), of a learnt label.
  Span<const float> row(uint16_t label) const;

  uint32_t num_classes() const;
  // kUnknownClass.
  Status GetClass(uint16_t label, ClassInfo* info) const;
  // Records in memory; those of them that are not durable yet.
  uint32_t num_records() const;
  uint32_t num_pending() const;
  const LogStatistics& log_statistics() const;
};

}  // namespace tfodcl

#endif  // TFODCL_LEARNER_LEARNER_H_
