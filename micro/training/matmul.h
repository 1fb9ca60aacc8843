// The matrix product that convolutions and dense layers are made of, float32.
//
// Every element of the result is the sum of its products in order of depth, each product rounded before it is added.
// It depends on no blocking: all cores, and all ways to cut rows into tiles or depth into parts that are added, give
// the same bits.

#ifndef TFODCL_TRAINING_MATMUL_H_
#define TFODCL_TRAINING_MATMUL_H_

#include <cstddef>

namespace tfodcl {

// Of A (rows, depth), B (depth, columns) and C (rows, columns). All matrices are row-major, without gaps.
struct MatMulShape {
  size_t rows;
  size_t columns;
  size_t depth;
};

// What the sums begin with: zero, or what C holds.
enum class SumFrom { kZero, kResult };

// C = A B, or C += A B. C overlaps neither A nor B.
void MatMulF32(const MatMulShape& shape, const float* a, const float* b, SumFrom from, float* c);

// The same of A as it lies transposed in memory: (depth, rows).
void MatMulTransposedAF32(const MatMulShape& shape, const float* a, const float* b, SumFrom from, float* c);

// The same of B as it lies transposed in memory: (columns, depth).
void MatMulTransposedBF32(const MatMulShape& shape, const float* a, const float* b, SumFrom from, float* c);

}  // namespace tfodcl

#endif  // TFODCL_TRAINING_MATMUL_H_
