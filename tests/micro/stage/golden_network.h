// The section *network* of the golden package: latent (2, 2, 11), depthwise 3 x 3, pointwise to 6, conv 3 x 3 at stride
// 2 to 5, pool, 30 classes.

#ifndef TFODCL_TESTS_STAGE_GOLDEN_NETWORK_H_
#define TFODCL_TESTS_STAGE_GOLDEN_NETWORK_H_

#include <vector>

#include "base/bytes.h"
#include "memory.h"

namespace tfodcl {

inline std::vector<uint8_t> GoldenNetwork() {
  const std::vector<uint8_t> package = ReadFile(TFODCL_GOLDEN "/package_with_network_v1.bin");
  const uint8_t* entry = package.data() + 16 + 16 * 5;  // of the sixth section
  const auto begin = package.begin() + ReadU32(entry + 4);
  return {begin, begin + ReadU32(entry + 8)};
}

}  // namespace tfodcl

#endif  // TFODCL_TESTS_STAGE_GOLDEN_NETWORK_H_
