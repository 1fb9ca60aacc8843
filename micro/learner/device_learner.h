// What both kinds of learners can do, as the serial protocol asks it of them (SPEC.md 7.3): Learner, which learns class
// after class, and BatchLearner, which learns training batches. Their headers say what each function promises.

#ifndef TFODCL_LEARNER_DEVICE_LEARNER_H_
#define TFODCL_LEARNER_DEVICE_LEARNER_H_

#include "base/arena.h"
#include "learner/class_info.h"
#include "learner/costs.h"
#include "package/package.h"
#include "store/log.h"

namespace tfodcl {

class DeviceLearner {
 public:
  virtual Status Start(const Package& package, Flash* flash, Arena* arena) = 0;
  virtual Status status() const = 0;

  virtual Status AddClass(Bytes name, uint16_t* label) = 0;
  virtual Status Rename(uint16_t label, Bytes name) = 0;
  virtual Status LearnSample(uint16_t label) = 0;
  virtual Status Classify(uint16_t* label) = 0;
  virtual Status Reset() = 0;

  virtual Span<int8_t> input() const = 0;
  virtual Span<const int8_t> latent() const = 0;
  virtual Span<const float> scores() const = 0;
  virtual Span<const float> row(uint32_t label) const = 0;

  virtual Status GetClass(uint16_t label, ClassInfo* info) const = 0;
  virtual uint32_t num_classes() const = 0;
  virtual uint32_t num_records() const = 0;
  // Samples learnt, or to be learnt, that a power loss would cost.
  virtual uint32_t num_pending() const = 0;
  virtual LogStatistics log_statistics() const = 0;
  virtual Costs* costs() = 0;

 protected:
  ~DeviceLearner() = default;
};

}  // namespace tfodcl

#endif  // TFODCL_LEARNER_DEVICE_LEARNER_H_
