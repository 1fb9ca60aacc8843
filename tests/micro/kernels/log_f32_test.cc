#include "kernels/log_f32.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "greatest_error.h"

namespace tfodcl {
namespace {

// Every 211th float32 from 1 to the greatest; all of them, tried once, give a greatest error of 0.890301 units.
TEST(LogF32, IsWithinItsBoundOfTheFloat64Logarithm) {
  const GreatestError greatest =
      GreatestErrorInUnits(0x3f800001, 0x7f7fffff, LogF32, [](double x) { return std::log(x); });
  EXPECT_LT(greatest.units, 0.891) << "at " << greatest.at;
  EXPECT_GT(greatest.units, 0.5);  // or the comparison compares nothing
}

TEST(LogF32, IsExactAtOneAndFiniteAtTheGreatest) {
  EXPECT_EQ(LogF32(1.0f), 0.0f);
  EXPECT_NEAR(LogF32(std::numeric_limits<float>::max()), 88.7228394f, 1e-5f);
}

}  // namespace
}  // namespace tfodcl
