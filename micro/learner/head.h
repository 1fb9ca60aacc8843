// The head: one row of weights for each class learnt, and one for all classes to come (SPEC.md 2.4).

#ifndef TFODCL_LEARNER_HEAD_H_
#define TFODCL_LEARNER_HEAD_H_

#include "base/span.h"
#include "base/status.h"
#include "kernels/head_f32.h"

namespace tfodcl {

class Head {
 public:
  struct Shape {
    uint32_t capacity;
    uint32_t latent_dim;
    float scale;         // of the latents
    int32_t zero_point;  // of the latents
    uint32_t max_batch;  // most samples of a step
  };

  // `source` is an Arena or an ArenaMeasure.
  template <typename Source>
  Status TakeMemory(const Shape& shape, Source* source) {
    shape_ = shape;
    const uint64_t num_rows = uint64_t{shape.capacity} + 1;
    Status status = source->Allocate(num_rows * shape.latent_dim, &weights_);
    if (status == Status::kOk) status = source->Allocate(num_rows * shape.max_batch, &errors_);
    if (status == Status::kOk) status = source->Allocate(uint64_t{shape.capacity}, &labels_);
    if (status == Status::kOk) status = source->Allocate(uint64_t{shape.latent_dim}, &sparse_);
    return status;
  }

  // Forgets all classes; the row to come is zero.
  void Clear();

  // Labels of the classes learnt, ascending.
  Span<const uint16_t> labels() const { return labels_.subspan(0, num_classes_); }
  bool IsLearnt(uint32_t label) const;

  // A label below capacity that is not learnt becomes a class, whose row is a copy of the row to come.
  void AddClass(uint16_t label);
  // A learnt label becomes one to come.
  void RemoveClass(uint16_t label);

  // float32 (latent_dim,) of a learnt label; of label `capacity`: the row to come.
  Span<float> row(uint32_t label) { return weights_.subspan(label * shape_.latent_dim, shape_.latent_dim); }
  Span<const float> row(uint32_t label) const { return weights_.subspan(label * shape_.latent_dim, shape_.latent_dim); }

  // One SGD step on the mean cross-entropy of `latents`, int8 (n, latent_dim), with learnt `labels` (n,),
  // 1 <= n <= max_batch.
  void Step(Span<const int8_t> latents, Span<const uint16_t> labels, float rate);

  // Logits of the learnt labels into `scores`, float32 (capacity,), the others untouched; the label of the greatest,
  // of equal ones the lowest. At least one class is learnt.
  uint16_t Score(Span<const int8_t> latent, Span<float> scores);

 private:
  Span<const SparseValue> Gather(Span<const int8_t> latents, size_t sample);
  // The place of a label among the learnt ones, or where it would be.
  size_t PlaceOf(uint32_t label) const;

  Shape shape_{};
  Span<float> weights_;    // (capacity + 1, latent_dim); row `capacity` is the one to come
  Span<float> errors_;     // (max_batch, capacity + 1): of a sample, the learnt labels', then that of the row to come
  Span<uint16_t> labels_;  // (capacity,)
  Span<SparseValue> sparse_;  // (latent_dim,)
  uint32_t num_classes_ = 0;
};

}  // namespace tfodcl

#endif  // TFODCL_LEARNER_HEAD_H_
