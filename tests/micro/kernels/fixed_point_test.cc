#include "kernels/fixed_point.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

namespace tfodcl {
namespace {

// Exact quotient of a and 2^exponent, rounded to the nearest, halves away from zero.
int64_t RoundedQuotient(__int128 a, int exponent) {
  const __int128 half = exponent == 0 ? 0 : static_cast<__int128>(1) << (exponent - 1);
  return static_cast<int64_t>(a < 0 ? -((-a + half) >> exponent) : (a + half) >> exponent);
}

// The product rounded to 2^31, halves upwards: away from zero only where it is positive.
int64_t RoundedHigh(int64_t x, int64_t multiplier) {
  const __int128 product = static_cast<__int128>(x) * multiplier;
  const bool halfway = (product & 0x7fffffff) == 0x40000000;
  return RoundedQuotient(product, 31) + (halfway && product < 0 ? 1 : 0);
}

class FixedPoint : public ::testing::Test {
 protected:
  // Values of all magnitudes.
  int32_t Draw() { return static_cast<int32_t>(random_()) >> random_() % 32; }
  int32_t DrawMultiplier() { return static_cast<int32_t>(random_() >> 2 | 1u << 30); }

  std::mt19937 random_{1};
};

TEST_F(FixedPoint, MultiplyHighIsTheProductRoundedOnce) {
  for (int i = 0; i < 1000000; ++i) {
    const int32_t x = Draw(), multiplier = DrawMultiplier();
    ASSERT_EQ(MultiplyHigh(x, multiplier), RoundedHigh(x, multiplier)) << x << " " << multiplier;
  }
  EXPECT_EQ(MultiplyHigh(INT32_MIN, INT32_MAX), INT32_MIN + 1);
  EXPECT_EQ(MultiplyHigh(INT32_MAX, INT32_MAX), INT32_MAX - 1);
  EXPECT_EQ(MultiplyHigh(-1, 1 << 30), 0);
}

TEST_F(FixedPoint, DivisionRoundsHalvesAwayFromZero) {
  for (int exponent = 1; exponent <= 31; ++exponent) {
    for (int i = 0; i < 20000; ++i) {
      const int32_t x = Draw();
      if (x == INT32_MIN || x == INT32_MAX) continue;
      ASSERT_EQ(DivideByPowerOfTwo(x, exponent), RoundedQuotient(x, exponent)) << x << " " << exponent;
    }
    const int32_t greatest = INT32_MAX - (exponent == 1);
    EXPECT_EQ(DivideByPowerOfTwo(greatest, exponent), RoundedQuotient(greatest, exponent));
    EXPECT_EQ(DivideByPowerOfTwo(INT32_MIN + 1, exponent), RoundedQuotient(INT32_MIN + 1, exponent));
  }
}

TEST_F(FixedPoint, FactorsAboveOneShiftFirstAndThoseBelowLast) {
  EXPECT_EQ(MultiplyByQuantizedMultiplier(100, 1 << 30, 3), 400);
  EXPECT_EQ(MultiplyByQuantizedMultiplier(100, 1 << 30, 0), 50);
  EXPECT_EQ(MultiplyByQuantizedMultiplier(-100, 1 << 30, -2), -13);   // -12.5
  EXPECT_EQ(MultiplyByQuantizedMultiplier(1 << 30, 1 << 30, 30), 0);  // modulo 2^32
  EXPECT_EQ(MultiplyByQuantizedMultiplier(INT32_MIN, INT32_MAX, -31), -1);
}

TEST_F(FixedPoint, OutputsStayWithinTheirRange) {
  const OutputRange relu = {-10, 0, 137};  // -10..127 around -10
  EXPECT_EQ(relu.Clamp(-5), -10);
  EXPECT_EQ(relu.Clamp(INT32_MIN), -10);
  EXPECT_EQ(relu.Clamp(60), 50);
  EXPECT_EQ(relu.Clamp(INT32_MAX), 127);
}

}  // namespace
}  // namespace tfodcl
