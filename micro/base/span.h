// A pointer and a number of elements. Owns nothing; the caller keeps the memory alive.

#ifndef TFODCL_BASE_SPAN_H_
#define TFODCL_BASE_SPAN_H_

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace tfodcl {

template <typename T>
class Span {
 public:
  constexpr Span() = default;
  constexpr Span(T* data, size_t size) : data_(data), size_(size) {}
  template <size_t N>
  constexpr Span(T (&array)[N]) : data_(array), size_(N) {}  // NOLINT: implicit like std::span
  template <typename U, typename = std::enable_if_t<std::is_same_v<const U, T>>>
  constexpr Span(Span<U> other) : data_(other.data()), size_(other.size()) {}  // NOLINT

  constexpr T* data() const { return data_; }
  constexpr size_t size() const { return size_; }
  constexpr bool empty() const { return size_ == 0; }
  constexpr T& operator[](size_t i) const { return data_[i]; }
  constexpr T* begin() const { return data_; }
  constexpr T* end() const { return data_ + size_; }

  // Elements offset .. offset + size - 1, which must exist.
  constexpr Span subspan(size_t offset, size_t size) const { return Span(data_ + offset, size); }

 private:
  T* data_ = nullptr;
  size_t size_ = 0;
};

using Bytes = Span<const uint8_t>;

}  // namespace tfodcl

#endif  // TFODCL_BASE_SPAN_H_
