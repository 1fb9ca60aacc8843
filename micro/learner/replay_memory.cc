#include "learner/replay_memory.h"

#include <algorithm>

namespace tfodcl {

void ReplayMemory::Clear() {
  size_ = 0;
  std::fill(num_of_.begin(), num_of_.end(), 0);
}

uint32_t ReplayMemory::PlaceOf(uint32_t id) const {
  const uint32_t* begin = ids_.data();
  return static_cast<uint32_t>(std::lower_bound(begin, begin + size_, id) - begin);
}

uint32_t ReplayMemory::Find(uint32_t id) const {
  const uint32_t i = PlaceOf(id);
  return i < size_ && ids_[i] == id ? i : size_;
}

void ReplayMemory::Add(uint32_t id, uint16_t label, uint32_t address) {
  const uint32_t i = PlaceOf(id);
  if (i < size_ && ids_[i] == id) return;
  Insert(i, id, label, address);
  if (size_ > max_records_) DropOne();
}

void ReplayMemory::RemoveOlder(uint16_t label, uint32_t id) {
  uint32_t kept = 0;
  for (uint32_t i = 0; i < size_; ++i) {
    if (labels_[i] == label && ids_[i] < id) {
      --num_of_[label];
      continue;
    }
    ids_[kept] = ids_[i];
    labels_[kept] = labels_[i];
    addresses_[kept] = addresses_[i];
    ++kept;
  }
  size_ = kept;
}

void ReplayMemory::Insert(uint32_t i, uint32_t id, uint16_t label, uint32_t address) {
  const auto insert = [&](auto span, auto value) {
    std::copy_backward(span.data() + i, span.data() + size_, span.data() + size_ + 1);
    span[i] = value;
  };
  insert(ids_, id);
  insert(labels_, label);
  insert(addresses_, address);
  ++size_;
  ++num_of_[label];
}

void ReplayMemory::Remove(uint32_t i) {
  --num_of_[labels_[i]];
  const auto remove = [&](auto span) { std::copy(span.data() + i + 1, span.data() + size_, span.data() + i); };
  remove(ids_);
  remove(labels_);
  remove(addresses_);
  --size_;
}

void ReplayMemory::DropOne() {
  size_t largest = 0;
  for (size_t label = 1; label < num_of_.size(); ++label) {
    if (num_of_[label] >= num_of_[largest]) largest = label;
  }
  uint32_t i = 0;
  while (labels_[i] != largest) ++i;
  Remove(i);
}

}  // namespace tfodcl
