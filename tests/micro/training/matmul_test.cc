#include "training/matmul.h"

#include <gtest/gtest.h>

#include "random.h"

namespace tfodcl {
namespace {

// The stated order, element by element.
std::vector<float> InOrder(const MatMulShape& shape, const std::vector<float>& a, const std::vector<float>& b,
                           SumFrom from, const std::vector<float>& c) {
  std::vector<float> result(shape.rows * shape.columns);
  for (size_t i = 0; i < shape.rows; ++i) {
    for (size_t j = 0; j < shape.columns; ++j) {
      float sum = from == SumFrom::kResult ? c[i * shape.columns + j] : 0.0f;
      for (size_t k = 0; k < shape.depth; ++k) {
        const float product = a[i * shape.depth + k] * b[k * shape.columns + j];
        sum = sum + product;
      }
      result[i * shape.columns + j] = sum;
    }
  }
  return result;
}

std::vector<float> Transposed(const std::vector<float>& matrix, size_t rows, size_t columns) {
  std::vector<float> result(matrix.size());
  for (size_t i = 0; i < rows; ++i) {
    for (size_t j = 0; j < columns; ++j) result[j * rows + i] = matrix[i * columns + j];
  }
  return result;
}

TEST(MatMulF32, SumsInOrderOfDepthBitForBitAtAllSizesAndLayouts) {
  std::mt19937 random(1);
  for (size_t rows = 1; rows <= 9; ++rows) {
    for (size_t columns = 1; columns <= 15; ++columns) {
      for (const size_t depth : {1, 2, 3, 4, 7, 32}) {
        const MatMulShape shape = {rows, columns, depth};
        const std::vector<float> a = RandomF32(&random, rows * depth), b = RandomF32(&random, depth * columns);
        const std::vector<float> c = RandomF32(&random, rows * columns);
        const std::vector<float> at = Transposed(a, rows, depth), bt = Transposed(b, depth, columns);
        for (const SumFrom from : {SumFrom::kZero, SumFrom::kResult}) {
          const std::vector<float> expected = InOrder(shape, a, b, from, c);
          std::vector<float> plain = c, transposed_a = c, transposed_b = c;
          MatMulF32(shape, a.data(), b.data(), from, plain.data());
          MatMulTransposedAF32(shape, at.data(), b.data(), from, transposed_a.data());
          MatMulTransposedBF32(shape, a.data(), bt.data(), from, transposed_b.data());
          ASSERT_EQ(plain, expected) << rows << " x " << columns << " x " << depth;
          ASSERT_EQ(transposed_a, expected) << rows << " x " << columns << " x " << depth;
          ASSERT_EQ(transposed_b, expected) << rows << " x " << columns << " x " << depth;
        }
      }
    }
  }
}

TEST(MatMulF32, RoundsEachProductBeforeItIsAdded) {
  // (1 + 2^-12)^2 = 1 + 2^-11 + 2^-24, whose last bit is rounded away; a fused operation would leave it: 2^-24.
  const float a[] = {1.0f, 1.0f + 0x1p-12f};
  const float b[] = {-(1.0f + 0x1p-11f), 1.0f + 0x1p-12f};
  float c = 7.0f;
  MatMulF32({1, 1, 2}, a, b, SumFrom::kZero, &c);
  EXPECT_EQ(c, 0.0f);
}

}  // namespace
}  // namespace tfodcl
