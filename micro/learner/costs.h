// What the parts of learning cost, in ticks of a clock that the program has.

#ifndef TFODCL_LEARNER_COSTS_H_
#define TFODCL_LEARNER_COSTS_H_

#include <cstddef>
#include <cstdint>

namespace tfodcl {

struct Cost {
  uint32_t count = 0;  // how often
  uint64_t last_ticks = 0;
  uint64_t total_ticks = 0;

  void Add(uint64_t ticks) {
    ++count;
    last_ticks = ticks;
    total_ticks += ticks;
  }
};

// The values are those of SPEC.md 7.3.2. A replay step contains the decoding of its records.
enum class Part : uint8_t {
  kInference = 1,
  kInnerStep = 2,
  kRecordEncoded = 3,
  kRecordDecoded = 4,
  kReplayStep = 5,
  kMount = 6,
};
inline constexpr size_t kNumParts = 6;

class Costs {
 public:
  // Rises by one each tick. Until there is a clock, only counts are kept.
  void SetClock(uint64_t (*ticks)()) { ticks_ = ticks; }

  // Runs `work`, one of `part`, and returns what it returns.
  template <typename Work>
  auto Measure(Part part, const Work& work) {
    const Measurement measurement(this, part);
    return work();
  }

  const Cost& of(Part part) const { return costs_[static_cast<size_t>(part) - 1]; }

 private:
  // From its construction to its end.
  class Measurement {
   public:
    Measurement(Costs* costs, Part part) : costs_(costs), part_(part), begin_(costs->Now()) {}
    ~Measurement() { costs_->costs_[static_cast<size_t>(part_) - 1].Add(costs_->Now() - begin_); }
    Measurement(const Measurement&) = delete;
    Measurement& operator=(const Measurement&) = delete;

   private:
    Costs* costs_;
    Part part_;
    uint64_t begin_;
  };

  uint64_t Now() const { return ticks_ == nullptr ? 0 : ticks_(); }

  uint64_t (*ticks_)() = nullptr;
  Cost costs_[kNumParts];
};

}  // namespace tfodcl

#endif  // TFODCL_LEARNER_COSTS_H_
