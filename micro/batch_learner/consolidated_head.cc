#include "batch_learner/consolidated_head.h"

#include <algorithm>
#include <cmath>

#include "stage/adaptive_stage.h"

namespace tfodcl {

void ConsolidatedHead::Load(const AdaptiveStage& stage) {
  const size_t capacity = rows_.size() / num_features_;
  for (size_t label = 0; label < capacity; ++label) stage.CopyRow(static_cast<uint32_t>(label), RowOf(label));
}

void ConsolidatedHead::Average(const AdaptiveStage& stage, Span<const uint32_t> current) {
  std::fill(mean_.begin(), mean_.end(), 0.0f);
  uint32_t num_trained = 0;
  for (size_t label = 0; label < current.size(); ++label) {
    if (current[label] == 0) continue;
    ++num_trained;
    stage.CopyRow(static_cast<uint32_t>(label), trained_);
    for (size_t i = 0; i < num_features_; ++i) mean_[i] += trained_[i];
  }
  for (float& value : mean_) value /= static_cast<float>(num_trained);
}

void ConsolidatedHead::Consolidate(const AdaptiveStage& stage, Span<const uint32_t> current, Span<uint32_t> counts) {
  Average(stage, current);
  for (size_t label = 0; label < current.size(); ++label) {
    if (current[label] == 0) continue;
    const float past = std::sqrt(static_cast<float>(counts[label]) / static_cast<float>(current[label]));
    stage.CopyRow(static_cast<uint32_t>(label), trained_);
    const Span<float> row = RowOf(label);
    for (size_t i = 0; i < num_features_; ++i) {
      row[i] = (row[i] * past + (trained_[i] - mean_[i])) / (past + 1.0f);
    }
    counts[label] += std::min(current[label], UINT32_MAX - counts[label]);
  }
}

}  // namespace tfodcl
