// How far a float32 function is from the same in float64, over a range of its domain.

#ifndef TFODCL_TESTS_MICRO_KERNELS_GREATEST_ERROR_H_
#define TFODCL_TESTS_MICRO_KERNELS_GREATEST_ERROR_H_

#include <cmath>
#include <cstdint>
#include <cstring>

namespace tfodcl {

inline float OfBits(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

struct GreatestError {
  double units = 0;  // in the last place of the exact value
  float at = 0;
};

// Of every 211th float32 from `first` to `last`, by their bits; exact(x) is float64, of a normal float32's size.
template <typename Computed, typename Exact>
GreatestError GreatestErrorInUnits(uint32_t first, uint32_t last, Computed computed, Exact exact) {
  GreatestError greatest;
  for (uint64_t bits = first; bits <= last; bits += 211) {
    const float x = OfBits(static_cast<uint32_t>(bits));
    const double value = exact(static_cast<double>(x));
    const double units = std::abs(computed(x) - value) / std::ldexp(1.0, std::ilogb(value) - 23);
    if (units > greatest.units) greatest = {units, x};
  }
  return greatest;
}

}  // namespace tfodcl

#endif  // TFODCL_TESTS_MICRO_KERNELS_GREATEST_ERROR_H_
