#include "batch_learner/mini_batches.h"

#include <algorithm>

#include "learner/shuffle.h"

namespace tfodcl {
namespace {

constexpr uint32_t kNumDraws = 3;

}  // namespace

Mixing Mixing::Of(uint32_t batch_size, uint32_t num_new, uint32_t num_kept) {
  const uint64_t share = uint64_t{batch_size} * num_new / (uint64_t{num_new} + num_kept);
  const uint32_t of_new = static_cast<uint32_t>(std::min<uint64_t>(std::max<uint64_t>(share, 1), num_new));
  return {of_new, std::min(batch_size - of_new, num_kept)};
}

void MiniBatches::Permute(Draw what, uint32_t number, Span<uint16_t> order) const {
  Shuffle(seed_, kNumDraws * number + static_cast<uint32_t>(what), order);
}

void MiniBatches::Begin(uint32_t number, uint32_t num_new, uint32_t num_kept, uint32_t batch_size,
                        uint32_t num_epochs) {
  seed_ = number;
  mixing_ = Mixing::Of(batch_size, num_new, num_kept);
  const uint64_t num_steps = uint64_t{num_new / mixing_.num_new} * num_epochs;
  num_left_ = static_cast<uint32_t>(std::min<uint64_t>(num_steps, UINT32_MAX));
  epoch_ = pass_ = 0;
  num_new_ = num_new;
  num_kept_ = num_kept;
  next_new_ = num_new;      // no order yet
  next_replay_ = num_kept;  // the same
}

void MiniBatches::BeginNext() {
  if (next_new_ + mixing_.num_new > num_new_) {
    Permute(Draw::kNew, epoch_++, new_order_.subspan(0, num_new_));
    next_new_ = 0;
  }
  --num_left_;
}

uint16_t MiniBatches::NextReplay() {
  if (next_replay_ == num_kept_) {
    Permute(Draw::kReplays, pass_++, replay_order_.subspan(0, num_kept_));
    next_replay_ = 0;
  }
  return replay_order_[next_replay_++];
}

Span<const uint16_t> MiniBatches::OrderKept() {
  const Span<uint16_t> order = new_order_.subspan(0, num_new_);
  Permute(Draw::kKept, 0, order);
  return order;
}

Span<uint16_t> MiniBatches::OrderDropped() {
  const Span<uint16_t> order = replay_order_.subspan(0, num_kept_);
  Permute(Draw::kKept, 1, order);
  return order;
}

}  // namespace tfodcl
