#include "learner/head.h"

#include <algorithm>

namespace tfodcl {

void Head::Clear() {
  num_classes_ = 0;
  std::fill(weights_.begin(), weights_.end(), 0.0f);
}

size_t Head::PlaceOf(uint32_t label) const {
  return static_cast<size_t>(std::lower_bound(labels().begin(), labels().end(), label) - labels().begin());
}

bool Head::IsLearnt(uint32_t label) const {
  const size_t place = PlaceOf(label);
  return place < num_classes_ && labels_[place] == label;
}

void Head::AddClass(uint16_t label) {
  uint16_t* place = labels_.data() + PlaceOf(label);
  std::copy_backward(place, labels_.data() + num_classes_, labels_.data() + num_classes_ + 1);
  *place = label;
  ++num_classes_;
  const Span<float> to_come = row(shape_.capacity);
  std::copy(to_come.begin(), to_come.end(), row(label).begin());
}

void Head::RemoveClass(uint16_t label) {
  uint16_t* place = labels_.data() + PlaceOf(label);
  std::copy(place + 1, labels_.data() + num_classes_, place);
  --num_classes_;
  std::fill(row(label).begin(), row(label).end(), 0.0f);
}

Span<const SparseValue> Head::Gather(Span<const int8_t> latents, size_t sample) {
  return GatherSparseF32(latents.subspan(sample * shape_.latent_dim, shape_.latent_dim), shape_.zero_point,
                         shape_.scale, sparse_);
}

void Head::Step(Span<const int8_t> latents, Span<const uint16_t> labels, float rate) {
  const uint32_t num_to_come = shape_.capacity - num_classes_;
  const size_t num_logits = num_classes_ + 1;
  for (size_t n = 0; n < labels.size(); ++n) {
    const Span<const SparseValue> latent = Gather(latents, n);
    const Span<float> error = errors_.subspan(n * num_logits, num_logits);
    for (size_t k = 0; k < num_classes_; ++k) error[k] = DotSparseF32(latent, row(labels_[k]).data());
    error[num_classes_] = DotSparseF32(latent, row(shape_.capacity).data());
    SoftmaxErrorF32(error, num_to_come, static_cast<uint32_t>(PlaceOf(labels[n])));
  }
  const float mean_rate = rate / static_cast<float>(labels.size());
  for (size_t n = 0; n < labels.size(); ++n) {
    const Span<const SparseValue> latent = Gather(latents, n);
    const Span<const float> error = errors_.subspan(n * num_logits, num_logits);
    for (size_t k = 0; k < num_classes_; ++k) AddSparseF32(latent, -mean_rate * error[k], row(labels_[k]).data());
    AddSparseF32(latent, -mean_rate * error[num_classes_], row(shape_.capacity).data());
  }
}

uint16_t Head::Score(Span<const int8_t> latent, Span<float> scores) {
  const Span<const SparseValue> sparse = Gather(latent, 0);
  uint16_t greatest = labels_[0];
  for (const uint16_t label : labels()) {
    scores[label] = DotSparseF32(sparse, row(label).data());
    if (scores[label] > scores[greatest]) greatest = label;
  }
  return greatest;
}

}  // namespace tfodcl
