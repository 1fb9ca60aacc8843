// Memory for everything whose size depends on the package: one block that the caller gives, handed out once, never
// given back piece by piece. There is no heap.

#ifndef TFODCL_BASE_ARENA_H_
#define TFODCL_BASE_ARENA_H_

#include "base/bytes.h"
#include "base/span.h"
#include "base/status.h"

namespace tfodcl {

// Everything handed out begins at a multiple of this, from an arena that begins at one too: enough for every vector
// unit and for the int8 tensors of TensorFlow Lite Micro.
inline constexpr size_t kArenaAlignment = 16;

class Arena {
 public:
  // Hands out parts of `memory`, which must outlive the arena and begin at a multiple of kArenaAlignment.
  explicit Arena(Span<uint8_t> memory) : memory_(memory) {}

  // `count` elements, uninitialised. kArenaTooSmall, and nothing changes, where they do not fit.
  template <typename T>
  Status Allocate(size_t count, Span<T>* out) {
    static_assert(std::is_trivially_destructible_v<T>, "an arena runs no destructors");
    if (count > (memory_.size() - used_) / sizeof(T)) return Status::kArenaTooSmall;
    const size_t bytes = AlignUp(count * sizeof(T), kArenaAlignment);
    if (bytes > memory_.size() - used_) return Status::kArenaTooSmall;
    *out = Span<T>(reinterpret_cast<T*>(memory_.data() + used_), count);
    used_ += bytes;
    return Status::kOk;
  }

  // Bytes of `count` elements as Allocate takes them from an arena.
  template <typename T>
  static constexpr size_t BytesOf(size_t count) {
    return AlignUp(count * sizeof(T), kArenaAlignment);
  }

  size_t used() const { return used_; }
  size_t size() const { return memory_.size(); }

  // What is not handed out yet, all of it: a part whose size shows only when it is built measures it here, then
  // allocates.
  Span<uint8_t> rest() const { return memory_.subspan(used_, memory_.size() - used_); }

 private:
  Span<uint8_t> memory_;
  size_t used_ = 0;
};

// Counts what an arena would hand out, and hands out nothing: a function template that takes memory from either tells
// how much it takes.
class ArenaMeasure {
 public:
  template <typename T>
  Status Allocate(uint64_t count, Span<T>*) {
    if (count > (uint64_t{1} << 48)) return Status::kArenaTooSmall;  // so that the sum cannot overflow
    used_ += (count * sizeof(T) + kArenaAlignment - 1) / kArenaAlignment * kArenaAlignment;
    return Status::kOk;
  }

  uint64_t used() const { return used_; }

 private:
  uint64_t used_ = 0;
};

}  // namespace tfodcl

#endif  // TFODCL_BASE_ARENA_H_
