#include "learner/replay_memory.h"

namespace tfodcl {

void ReplayMemory::Add(uint32_t id, uint16_t label, uint32_t address) {
  if (Insert(id, label, address) && size() > max_records_) DropOne();
}

void ReplayMemory::RemoveOlder(uint16_t of, uint32_t id_after) {
  RemoveIf([&](uint32_t i) { return label(i) == of && id(i) < id_after; });
}

void ReplayMemory::DropOne() {
  uint32_t largest = 0;
  for (uint32_t of = 1; of < capacity_; ++of) {
    if (num_of(of) >= num_of(largest)) largest = of;
  }
  bool found = false;  // the oldest
  RemoveIf([&](uint32_t i) {
    const bool is_it = !found && label(i) == largest;
    found |= is_it;
    return is_it;
  });
}

}  // namespace tfodcl
