#include "learner/checkpoints.h"

#include <algorithm>
#include <utility>

namespace tfodcl {

void Checkpoints::Clear(uint32_t id, uint32_t base, Parts* parts) {
  parts->id = id;
  parts->base = base;
  parts->num_parts = 0;
  parts->num_present = 0;
  std::fill(parts->addresses.begin(), parts->addresses.end(), kAbsent);
}

void Checkpoints::Clear() {
  Clear(0, 0, &newest_);
  Clear(0, 0, &base_);
}

void Checkpoints::Add(const CheckpointPart& part, uint32_t address) {
  if (part.id > newest_.id) {
    if (part.base == newest_.id) std::swap(newest_, base_);
    Clear(part.id, part.base, &newest_);
    if (part.base != base_.id) Clear(part.base, 0, &base_);
  }
  if (part.id != newest_.id && part.id != base_.id) return;
  Parts* parts = part.id == newest_.id ? &newest_ : &base_;
  uint32_t* place = &parts->addresses[part.place];
  if (*place != kAbsent) return;
  ++parts->num_present;
  *place = address;
  if (part.num_parts > 0) parts->num_parts = part.num_parts;
}

void Checkpoints::Move(const CheckpointPart& part, uint32_t address) {
  Parts* parts = part.id == newest_.id ? &newest_ : &base_;
  parts->addresses[part.place] = address;
}

const Checkpoints::Parts* Checkpoints::Complete() const {
  if (IsComplete(newest_)) return &newest_;
  return IsComplete(base_) ? &base_ : nullptr;
}

bool Checkpoints::IsNeeded(const CheckpointPart& part, uint32_t address) const {
  if (part.id == newest_.id) return newest_.addresses[part.place] == address;
  return part.id == base_.id && !IsComplete(newest_) && base_.addresses[part.place] == address;
}

uint32_t Checkpoints::complete_id() const {
  const Parts* parts = Complete();
  return parts == nullptr ? 0 : parts->id;
}

Span<const uint32_t> Checkpoints::addresses(uint64_t place, size_t count) const {
  const Span<const uint32_t> found = Complete()->addresses.subspan(static_cast<size_t>(place), count);
  return found[0] == kAbsent ? Span<const uint32_t>() : found;
}

void Checkpoints::Abandon() {
  if (IsComplete(newest_)) return;
  std::swap(newest_, base_);
  Clear(0, 0, &base_);
}

}  // namespace tfodcl
