#include "kernels/exp_f32.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>

#include "greatest_error.h"

namespace tfodcl {
namespace {

// Every 211th float32 of the domain; all of them, tried once, give a greatest error of 0.98785 units.
TEST(ExpF32, IsWithinItsBoundOfTheFloat64Exponential) {
  const uint32_t last = 0xc2aeac08;  // -87.336
  ASSERT_EQ(OfBits(last), -87.336f);
  const GreatestError greatest = GreatestErrorInUnits(0x80000000, last, ExpF32, [](double x) { return std::exp(x); });
  EXPECT_LT(greatest.units, 0.988) << "at " << greatest.at;
  EXPECT_GT(greatest.units, 0.5);  // or the comparison compares nothing
}

TEST(ExpF32, IsExactAtZeroAndZeroWhereNoNormalFloatIsNear) {
  EXPECT_EQ(ExpF32(0.0f), 1.0f);
  EXPECT_EQ(ExpF32(-0.0f), 1.0f);
  EXPECT_EQ(ExpF32(-87.34f), 0.0f);
  EXPECT_EQ(ExpF32(-1e30f), 0.0f);
  EXPECT_EQ(ExpF32(-std::numeric_limits<float>::infinity()), 0.0f);
  EXPECT_EQ(ExpF32(std::numeric_limits<float>::quiet_NaN()), 0.0f);
}

TEST(ExpF32, NeverExceedsOne) {
  for (uint32_t bits = 0x80000000; bits < 0xb8000000; bits += 1009) EXPECT_LE(ExpF32(OfBits(bits)), 1.0f);
}

}  // namespace
}  // namespace tfodcl
