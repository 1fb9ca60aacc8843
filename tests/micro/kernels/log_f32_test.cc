#include "kernels/log_f32.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

namespace tfodcl {
namespace {

float OfBits(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

// Every 211th float32 from 1 to the greatest; all of them, tried once, give a greatest error of 0.890301 units.
TEST(LogF32, IsWithinItsBoundOfTheFloat64Logarithm) {
  double greatest = 0;
  uint32_t worst = 0;
  for (uint32_t bits = 0x3f800001; bits < 0x7f800000; bits += 211) {
    const float x = OfBits(bits);
    const double exact = std::log(static_cast<double>(x));
    const double error = std::abs(LogF32(x) - exact) / std::ldexp(1.0, std::ilogb(exact) - 23);
    if (error > greatest) {
      greatest = error;
      worst = bits;
    }
  }
  EXPECT_LT(greatest, 0.891) << "at " << OfBits(worst);
  EXPECT_GT(greatest, 0.5);  // or the comparison compares nothing
}

TEST(LogF32, IsExactAtOneAndFiniteAtTheGreatest) {
  EXPECT_EQ(LogF32(1.0f), 0.0f);
  EXPECT_NEAR(LogF32(std::numeric_limits<float>::max()), 88.7228394f, 1e-5f);
}

}  // namespace
}  // namespace tfodcl
