#include "kernels/head_f32.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace tfodcl {
namespace {

constexpr float kEpsilon = 1.1920929e-7f;  // 2^-23

TEST(GatherSparseF32, KeepsWhatDiffersFromTheZeroPointInOrder) {
  const int8_t latent[] = {-128, 3, -128, 127, -128};
  SparseValue out[5];
  const Span<const SparseValue> values = GatherSparseF32(latent, -128, 0.5f, out);
  ASSERT_EQ(values.size(), 2u);
  EXPECT_EQ(values[0].position, 1u);
  EXPECT_EQ(values[0].value, 65.5f);
  EXPECT_EQ(values[1].position, 3u);
  EXPECT_EQ(values[1].value, 127.5f);
}

std::vector<SparseValue> RandomLatent(std::mt19937* random, size_t count, size_t dim) {
  std::vector<SparseValue> latent;
  std::normal_distribution<float> normal;
  for (size_t i = 0; i < count; ++i) latent.push_back({static_cast<uint32_t>((*random)() % dim), normal(*random)});
  return latent;
}

std::vector<float> RandomRow(std::mt19937* random, size_t dim) {
  std::normal_distribution<float> normal;
  std::vector<float> row(dim);
  for (float& weight : row) weight = normal(*random);
  return row;
}

TEST(DotSparseF32, IsTheFloat64SumToRoundingForEveryCount) {
  std::mt19937 random(1);
  for (size_t count = 0; count < 70; ++count) {
    const std::vector<SparseValue> latent = RandomLatent(&random, count, 100);
    const std::vector<float> row = RandomRow(&random, 100);
    double sum = 0, magnitude = 0;
    for (const SparseValue& one : latent) {
      sum += static_cast<double>(one.value) * row[one.position];
      magnitude += std::abs(static_cast<double>(one.value) * row[one.position]);
    }
    // A product and at most count / 4 + 3 sums, each off by half a unit of at most `magnitude`.
    const double bound = (count / 4.0 + 4) * kEpsilon / 2 * magnitude;
    EXPECT_NEAR(DotSparseF32({latent.data(), latent.size()}, row.data()), sum, bound);
  }
}

TEST(DotSparseF32, SumsInTheStatedOrder) {
  const float values[] = {1e8f, 1.0f, -1e8f, 2.0f, 3.0f, 1.0f};
  std::vector<SparseValue> latent;
  for (uint32_t i = 0; i < 6; ++i) latent.push_back({i, values[i]});
  const std::vector<float> ones(6, 1.0f);
  // s0 = 1e8 + 3 = 1e8 (its unit is 8), s1 = 2, s2 = -1e8, s3 = 2: (1e8 + 2) + (-1e8 + 2) = 1e8 - 1e8 = 0.
  EXPECT_EQ(DotSparseF32({latent.data(), latent.size()}, ones.data()), 0.0f);
}

TEST(AddSparseF32, AddsAtItsPositionsAndNowhereElse) {
  const SparseValue latent[] = {{1, 2.0f}, {3, -4.0f}};
  float row[] = {1, 1, 1, 1, 1};
  AddSparseF32(latent, 0.5f, row);
  const float expected[] = {1, 2, 1, -1, 1};
  EXPECT_TRUE(std::equal(row, row + 5, expected));
}

TEST(SoftmaxErrorF32, IsTheFloat64GradientOfAllRowsToRounding) {
  std::mt19937 random(2);
  std::normal_distribution<float> normal(0, 5);
  for (int round = 0; round < 1000; ++round) {
    const size_t num_classes = 1 + random() % 9;
    const uint32_t num_to_come = random() % 4 * 10;
    const uint32_t target = static_cast<uint32_t>(random() % num_classes);
    std::vector<float> logits(num_classes + 1);
    for (float& logit : logits) logit = normal(random);
    double sum = num_to_come * std::exp(static_cast<double>(logits[num_classes]));
    for (size_t i = 0; i < num_classes; ++i) sum += std::exp(static_cast<double>(logits[i]));
    std::vector<double> expected;
    for (const float logit : logits) expected.push_back(std::exp(static_cast<double>(logit)) / sum);
    if (num_to_come == 0) expected[num_classes] = 0;
    expected[target] -= 1;
    SoftmaxErrorF32({logits.data(), logits.size()}, num_to_come, target);
    for (size_t i = 0; i <= num_classes; ++i) EXPECT_NEAR(logits[i], expected[i], 20 * kEpsilon);
  }
}

TEST(SoftmaxErrorF32, IsFiniteForLogitsFarApart) {
  for (const uint32_t num_to_come : {0u, 4u}) {
    for (size_t largest = 0; largest < 3; ++largest) {
      float logits[] = {1, 2, 3};
      logits[largest] += 1e30f;
      SoftmaxErrorF32(logits, num_to_come, 0);
      const float p0 = largest == 0 ? 1.0f : largest == 1 || num_to_come > 0 ? 0.0f : 0.26894142f;
      EXPECT_NEAR(logits[0], p0 - 1.0f, 2 * kEpsilon);
      if (num_to_come == 0) {
        EXPECT_EQ(logits[2], 0.0f);
      }
    }
  }
}

}  // namespace
}  // namespace tfodcl
