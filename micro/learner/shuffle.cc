#include "learner/shuffle.h"

#include <utility>

namespace tfodcl {
namespace {

// PCG XSH RR 64/32 (M. E. O'Neill, HMC-CS-2014-0905): a linear congruential generator whose output is permuted.
class Pcg32 {
 public:
  Pcg32(uint64_t seed, uint64_t stream) : increment_(stream << 1 | 1) {
    Next();
    state_ += seed;
    Next();
  }

  uint32_t Next() {
    const uint64_t before = state_;
    state_ = before * 6364136223846793005u + increment_;
    const uint32_t mixed = static_cast<uint32_t>((before >> 18 ^ before) >> 27);
    const uint32_t rotation = static_cast<uint32_t>(before >> 59);
    return mixed >> rotation | mixed << (-rotation & 31);
  }

  // 0 .. bound - 1; some are more likely than others by at most bound / 2^32.
  uint32_t Below(uint32_t bound) { return static_cast<uint32_t>(static_cast<uint64_t>(Next()) * bound >> 32); }

 private:
  uint64_t state_ = 0;
  uint64_t increment_;
};

}  // namespace

void Shuffle(uint32_t seed, uint32_t epoch, Span<uint16_t> order) {
  Pcg32 random(seed, epoch);
  for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<uint16_t>(i);
  for (size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.Below(static_cast<uint32_t>(i))]);
}

}  // namespace tfodcl
