#include "kernels/nearest_s8.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace tfodcl {
namespace {

TEST(NearestCentroidS8, FindsTheLeastFloat64DistanceAndTheLowestOfEquals) {
  std::mt19937 random(3);
  for (int round = 0; round < 2000; ++round) {
    const uint32_t dim = 1 + random() % 20;
    const uint32_t num_centroids = 1 + random() % 40;
    const int range = 1 << random() % 8;  // small ranges give equal distances
    const auto value = [&] { return static_cast<int8_t>(static_cast<int>(random() % (2 * range)) - range); };
    std::vector<int8_t> vector(dim), centroids(num_centroids * dim);
    for (int8_t& v : vector) v = value();
    for (int8_t& v : centroids) v = value();
    uint32_t nearest = 0;
    double least = 1e30;
    for (uint32_t k = 0; k < num_centroids; ++k) {
      double distance = 0;
      for (uint32_t i = 0; i < dim; ++i) {
        const double difference = static_cast<double>(vector[i]) - centroids[k * dim + i];
        distance += difference * difference;
      }
      if (distance < least) {
        least = distance;
        nearest = k;
      }
    }
    ASSERT_EQ(NearestCentroidS8(vector.data(), centroids.data(), num_centroids, dim), nearest);
  }
}

TEST(NearestCentroidS8, HoldsTheGreatestDistances) {
  const std::vector<int8_t> vector(256, -128);
  std::vector<int8_t> centroids(512, 127);
  centroids[511] = 126;
  EXPECT_EQ(NearestCentroidS8(vector.data(), centroids.data(), 2, 256), 1u);
}

}  // namespace
}  // namespace tfodcl
