#include "kernels/nearest_s8.h"

namespace tfodcl {

uint32_t NearestCentroidS8(const int8_t* vector, const int8_t* centroids, uint32_t num_centroids, uint32_t dim) {
  uint32_t nearest = 0;
  int32_t least = INT32_MAX;
  for (uint32_t k = 0; k < num_centroids; ++k, centroids += dim) {
    int32_t distance = 0;
    for (uint32_t i = 0; i < dim; ++i) {
      const int32_t difference = vector[i] - centroids[i];
      distance += difference * difference;
    }
    if (distance < least) {
      least = distance;
      nearest = k;
    }
  }
  return nearest;
}

}  // namespace tfodcl
