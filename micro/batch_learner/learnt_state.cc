#include "batch_learner/learnt_state.h"

namespace tfodcl {

LearntState::Words LearntState::WordsOf(uint32_t number) const {
  const uint64_t num_ledger_parts = shape_.num_ledger_parts();
  const bool are_ledger = number < num_ledger_parts;
  const uint64_t first = (are_ledger ? number : number - num_ledger_parts) * shape_.part_words;
  const uint64_t words = are_ledger ? shape_.ledger_words() : shape_.array_words;
  return {are_ledger, static_cast<size_t>(first),
          static_cast<size_t>(std::min<uint64_t>(shape_.part_words, words - first))};
}

Span<uint8_t> LearntState::part(uint32_t number, Span<float> arrays) {
  const Words words = WordsOf(number);
  uint8_t* const begin = words.are_ledger ? reinterpret_cast<uint8_t*>(ledger_.data() + words.first)
                                          : reinterpret_cast<uint8_t*>(arrays.data() + words.first);
  return {begin, sizeof(uint32_t) * words.count};
}

}  // namespace tfodcl
