#include "learner/shuffle.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <vector>

namespace tfodcl {
namespace {

std::vector<uint16_t> Order(uint32_t seed, uint32_t epoch, size_t size) {
  std::vector<uint16_t> order(size, 0xFFFF);
  Shuffle(seed, epoch, {order.data(), order.size()});
  return order;
}

TEST(Shuffle, GivesTheWorkedExampleOfTheSpecification) {
  EXPECT_EQ(Order(42, 54, 10), (std::vector<uint16_t>{0, 7, 1, 2, 9, 8, 3, 5, 4, 6}));
}

TEST(Shuffle, GivesAPermutationOfEverySize) {
  for (size_t size = 0; size < 300; ++size) {
    std::vector<uint16_t> order = Order(7, 1, size);
    std::sort(order.begin(), order.end());
    std::vector<uint16_t> all(size);
    std::iota(all.begin(), all.end(), 0);
    ASSERT_EQ(order, all);
  }
}

TEST(Shuffle, DiffersBySeedAndEpoch) {
  EXPECT_NE(Order(1, 0, 50), Order(2, 0, 50));
  EXPECT_NE(Order(1, 0, 50), Order(1, 1, 50));
  EXPECT_EQ(Order(1, 1, 50), Order(1, 1, 50));
}

// Every number comes to every place: chi-square with 7 x 7 degrees of freedom, 99.9 % of fair shuffles are below 85.4.
TEST(Shuffle, IsFair) {
  const int num_rounds = 8000;
  int counts[8][8] = {};
  for (int round = 0; round < num_rounds; ++round) {
    const std::vector<uint16_t> order = Order(static_cast<uint32_t>(round), 0, 8);
    for (int place = 0; place < 8; ++place) ++counts[place][order[static_cast<size_t>(place)]];
  }
  double chi_square = 0;
  for (const auto& row : counts) {
    for (const int count : row) chi_square += (count - 1000.0) * (count - 1000.0) / 1000.0;
  }
  EXPECT_LT(chi_square, 85.4);
}

}  // namespace
}  // namespace tfodcl
