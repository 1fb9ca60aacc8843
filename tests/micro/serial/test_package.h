// The package of these tests, tests/golden/package_v1.bin, and what it says. Its encoder is none: see
// identity_encoder.cc.

#ifndef TFODCL_TESTS_SERIAL_TEST_PACKAGE_H_
#define TFODCL_TESTS_SERIAL_TEST_PACKAGE_H_

#include <fstream>
#include <iterator>

#include "host.h"

namespace tfodcl {

struct TestPackageFacts {
  uint32_t identity = 0x524F829B;  // SPEC.md 2.9
  uint32_t latent_dim = 44;
  uint32_t capacity = 30;
  uint32_t input_bytes = 44;
};

inline ByteVector TestPackage() {
  std::ifstream file(TFODCL_GOLDEN "/package_v1.bin", std::ios::binary);
  return ByteVector(std::istreambuf_iterator<char>(file), {});
}

}  // namespace tfodcl

#endif  // TFODCL_TESTS_SERIAL_TEST_PACKAGE_H_
