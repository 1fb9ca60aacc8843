#include "learner/record_table.h"

#include <algorithm>

namespace tfodcl {

void RecordTable::Clear() {
  size_ = 0;
  std::fill(num_of_.begin(), num_of_.end(), 0);
}

uint32_t RecordTable::PlaceOf(uint32_t id) const {
  const uint32_t* begin = ids_.data();
  return static_cast<uint32_t>(std::lower_bound(begin, begin + size_, id) - begin);
}

uint32_t RecordTable::Find(uint32_t id) const {
  const uint32_t i = PlaceOf(id);
  return i < size_ && ids_[i] == id ? i : size_;
}

bool RecordTable::Insert(uint32_t id, uint16_t label, uint32_t address) {
  const uint32_t i = PlaceOf(id);
  if (i < size_ && ids_[i] == id) return false;
  const auto insert = [&](auto span, auto value) {
    std::copy_backward(span.data() + i, span.data() + size_, span.data() + size_ + 1);
    span[i] = value;
  };
  insert(ids_, id);
  insert(labels_, label);
  insert(addresses_, address);
  ++size_;
  ++num_of_[label];
  return true;
}

}  // namespace tfodcl
