// CWR*: what the head keeps of a training batch (SPEC.md 6.9; Lomonaco et al. 2020, Pellegrini et al. 2020).

#ifndef TFODCL_BATCH_LEARNER_CONSOLIDATED_HEAD_H_
#define TFODCL_BATCH_LEARNER_CONSOLIDATED_HEAD_H_

#include "base/span.h"
#include "base/status.h"

namespace tfodcl {

class AdaptiveStage;

class ConsolidatedHead {
 public:
  // `source` is an Arena or an ArenaMeasure.
  template <typename Source>
  Status TakeMemory(uint64_t capacity, uint64_t num_features, Source* source) {
    num_features_ = static_cast<size_t>(num_features);
    Status status = source->Allocate(capacity * num_features, &rows_);
    if (status == Status::kOk) status = source->Allocate(num_features, &mean_);
    if (status == Status::kOk) status = source->Allocate(num_features, &trained_);
    return status;
  }

  // The rows become those of the stage's head.
  void Load(const AdaptiveStage& stage);

  // Takes in what the stage's head has learnt in a training batch that had current[j] samples of class j, after
  // counts[j] in all before; both (capacity,). Adds the former to the latter. At least one class has samples.
  void Consolidate(const AdaptiveStage& stage, Span<const uint32_t> current, Span<uint32_t> counts);

  Span<float> rows() { return rows_; }  // (capacity, num_features)
  Span<const float> row(size_t label) const { return rows_.subspan(label * num_features_, num_features_); }

 private:
  Span<float> RowOf(size_t label) { return rows_.subspan(label * num_features_, num_features_); }
  // The mean of the trained rows of classes with samples.
  void Average(const AdaptiveStage& stage, Span<const uint32_t> current);

  size_t num_features_ = 0;
  Span<float> rows_;
  Span<float> mean_;     // (num_features,)
  Span<float> trained_;  // (num_features,): of one class
};

}  // namespace tfodcl

#endif  // TFODCL_BATCH_LEARNER_CONSOLIDATED_HEAD_H_
