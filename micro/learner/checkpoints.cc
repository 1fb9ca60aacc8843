#include "learner/checkpoints.h"

#include <algorithm>
#include <utility>

namespace tfodcl {

void Checkpoints::Clear(uint32_t id, uint32_t base, Parts* parts) {
  parts->id = id;
  parts->base = base;
  parts->num_rows = 0;
  parts->num_present = 0;
  std::fill(parts->addresses.begin(), parts->addresses.end(), kAbsent);
}

void Checkpoints::Clear() {
  Clear(0, 0, &newest_);
  Clear(0, 0, &base_);
}

void Checkpoints::Add(const CheckpointHeader& header, uint32_t address) {
  if (header.id > newest_.id) {
    if (header.base == newest_.id) std::swap(newest_, base_);
    Clear(header.id, header.base, &newest_);
    if (header.base != base_.id) Clear(header.base, 0, &base_);
  }
  if (header.id != newest_.id && header.id != base_.id) return;
  Parts* parts = header.id == newest_.id ? &newest_ : &base_;
  uint32_t* place = &parts->addresses[PlaceOf(header)];
  if (*place != kAbsent) return;
  ++parts->num_present;
  *place = address;
  if (header.label == capacity_) parts->num_rows = header.num_learnt + 1;
}

void Checkpoints::Move(const CheckpointHeader& header, uint32_t address) {
  Parts* parts = header.id == newest_.id ? &newest_ : &base_;
  parts->addresses[PlaceOf(header)] = address;
}

bool Checkpoints::IsComplete(const Parts& parts) const {
  return parts.num_rows > 0 && parts.num_present == uint64_t{parts.num_rows} * parts_per_row_;
}

const Checkpoints::Parts* Checkpoints::Complete() const {
  if (IsComplete(newest_)) return &newest_;
  return IsComplete(base_) ? &base_ : nullptr;
}

bool Checkpoints::IsNeeded(const CheckpointHeader& header, uint32_t address) const {
  if (header.id == newest_.id) return newest_.addresses[PlaceOf(header)] == address;
  return header.id == base_.id && !IsComplete(newest_) && base_.addresses[PlaceOf(header)] == address;
}

uint32_t Checkpoints::complete_id() const {
  const Parts* parts = Complete();
  return parts == nullptr ? 0 : parts->id;
}

Span<const uint32_t> Checkpoints::row(uint32_t label) const {
  const Span<const uint32_t> addresses = Complete()->addresses.subspan(size_t{label} * parts_per_row_, parts_per_row_);
  return addresses[0] == kAbsent ? Span<const uint32_t>() : addresses;
}

void Checkpoints::Abandon() {
  if (IsComplete(newest_)) return;
  std::swap(newest_, base_);
  Clear(0, 0, &base_);
}

}  // namespace tfodcl
