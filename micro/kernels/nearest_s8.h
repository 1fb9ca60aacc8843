// Nearest centroid, the hot part of a product quantizer (SPEC.md 3.4).

#ifndef TFODCL_KERNELS_NEAREST_S8_H_
#define TFODCL_KERNELS_NEAREST_S8_H_

#include <cstdint>

namespace tfodcl {

// The number of the centroid at the least squared distance from `vector`, int8 (dim,); of equally near ones the lowest.
// centroids: int8 (num_centroids, dim), one at least; dim 1..256, so that a distance is below 2^24.
uint32_t NearestCentroidS8(const int8_t* vector, const int8_t* centroids, uint32_t num_centroids, uint32_t dim);

}  // namespace tfodcl

#endif  // TFODCL_KERNELS_NEAREST_S8_H_
