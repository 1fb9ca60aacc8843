#include "training/matmul.h"

#include "training/multiply_add.h"

// Blocks of the result live in registers: for one step of depth, 4 x 6 of them take 10 loads and 24
// multiply-accumulates, and 24 + 6 + 1 of the 32 single registers of Arm's M cores. The pragmas make each element a
// register of its own.
namespace tfodcl {
namespace {

enum class Layout { kPlain, kTransposedA, kTransposedB };

struct Product {
  MatMulShape shape;
  const float* a;
  const float* b;
  SumFrom from;
  float* c;
};

// Hides from the compiler where a pointer comes from: it would compute the addresses of all elements beforehand, and
// keep them where sums and factors should be.
template <typename T>
T* Opaque(T* pointer) {
  asm("" : "+r"(pointer));
  return pointer;
}

// kRows x kColumns elements of the result, from (row, column) on. Not inlined: a caller's loop would take registers.
template <Layout kLayout, int kRows, int kColumns>
[[gnu::noinline]] void Block(const Product& product, size_t row, size_t column) {
  const MatMulShape& shape = product.shape;
  float sums[kRows][kColumns] = {};
  float* c = product.c + row * shape.columns + column;
  if (product.from == SumFrom::kResult) {
    const float* begin = c;
#pragma GCC unroll 4
    for (int i = 0; i < kRows; ++i, begin = Opaque(begin + shape.columns)) {
#pragma GCC unroll 6
      for (int j = 0; j < kColumns; ++j) sums[i][j] = begin[j];
    }
  }
  // A matrix whose depth runs along its rows has one pointer for each of them, the other kind one for all.
  constexpr int kPointersA = kLayout == Layout::kTransposedA ? 1 : kRows;
  constexpr int kPointersB = kLayout == Layout::kTransposedB ? kColumns : 1;
  const float* a[kPointersA];
  const float* b[kPointersB];
#pragma GCC unroll 4
  for (int i = 0; i < kPointersA; ++i) {
    a[i] = product.a + (kLayout == Layout::kTransposedA ? row : (row + i) * shape.depth);
  }
#pragma GCC unroll 6
  for (int j = 0; j < kPointersB; ++j) {
    b[j] = product.b + (kLayout == Layout::kTransposedB ? (column + j) * shape.depth : column);
  }
#pragma GCC unroll 2
  for (size_t k = shape.depth; k > 0; --k) {
    float factors[kColumns];
#pragma GCC unroll 6
    for (int j = 0; j < kColumns; ++j) factors[j] = kLayout == Layout::kTransposedB ? *b[j]++ : b[0][j];
#pragma GCC unroll 4
    for (int i = 0; i < kRows; ++i) {
      const float factor = kLayout == Layout::kTransposedA ? a[0][i] : *a[i]++;
#pragma GCC unroll 6
      for (int j = 0; j < kColumns; ++j) MultiplyAdd(factor, factors[j], &sums[i][j]);
    }
    if (kLayout == Layout::kTransposedA) a[0] += shape.rows;
    if (kLayout != Layout::kTransposedB) b[0] += shape.columns;
  }
#pragma GCC unroll 4
  for (int i = 0; i < kRows; ++i, c += shape.columns) {
    c = Opaque(c);
#pragma GCC unroll 6
    for (int j = 0; j < kColumns; ++j) c[j] = sums[i][j];
  }
}

// kColumns columns of the result. They are the outer loop: B, the kernel of a layer, is read once for each call.
template <Layout kLayout, int kColumns>
void Columns(const Product& product, size_t column) {
  size_t row = 0;
  for (; row + 4 <= product.shape.rows; row += 4) Block<kLayout, 4, kColumns>(product, row, column);
  for (; row < product.shape.rows; ++row) Block<kLayout, 1, kColumns>(product, row, column);
}

template <Layout kLayout>
void MatMul(const Product& product) {
  const size_t columns = product.shape.columns;
  size_t column = 0;
  for (; column + 6 <= columns; column += 6) Columns<kLayout, 6>(product, column);
  for (; column + 2 <= columns; column += 2) Columns<kLayout, 2>(product, column);
  if (column < columns) Columns<kLayout, 1>(product, column);
}

}  // namespace

void MatMulF32(const MatMulShape& shape, const float* a, const float* b, SumFrom from, float* c) {
  MatMul<Layout::kPlain>({shape, a, b, from, c});
}

void MatMulTransposedAF32(const MatMulShape& shape, const float* a, const float* b, SumFrom from, float* c) {
  MatMul<Layout::kTransposedA>({shape, a, b, from, c});
}

void MatMulTransposedBF32(const MatMulShape& shape, const float* a, const float* b, SumFrom from, float* c) {
  MatMul<Layout::kTransposedB>({shape, a, b, from, c});
}

}  // namespace tfodcl
