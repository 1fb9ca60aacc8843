// Arrays for tests.

#ifndef TFODCL_TESTS_TRAINING_RANDOM_H_
#define TFODCL_TESTS_TRAINING_RANDOM_H_

#include <random>
#include <vector>

#include "base/span.h"

namespace tfodcl {

// `count` normally distributed values.
inline std::vector<float> RandomF32(std::mt19937* random, size_t count) {
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float& value : values) value = normal(*random);
  return values;
}

template <typename T>
Span<T> SpanOf(std::vector<T>& values) {
  return Span<T>(values.data(), values.size());
}

}  // namespace tfodcl

#endif  // TFODCL_TESTS_TRAINING_RANDOM_H_
