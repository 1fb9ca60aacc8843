// A flash that loses power at a given step, for tests. A step is one program unit programmed or one block erased.

#ifndef TESTS_MICRO_STORE_FAULTY_FLASH_H_
#define TESTS_MICRO_STORE_FAULTY_FLASH_H_

#include <cstdint>
#include <map>
#include <random>
#include <set>
#include <vector>

#include "ports/simulated_flash.h"

namespace tfodcl {

// What a unit or block is like when power was lost while it was programmed or erased. But for kNotBegun, what is
// programmed to its units before the block has been erased cannot be read.
enum class Failure {
  kNotBegun,    // as before
  kComplete,    // as if nothing had happened
  kPartial,     // every bit is new or old at random
  kFirstHalf,   // the first half of it is new
  kSecondHalf,  // the second half of it is new
  kBlank,       // reads as erased
  kUnreadable,
  kFlickers,  // each of its units reads as one of the above, another one each time
};
inline constexpr Failure kFailures[] = {Failure::kNotBegun,   Failure::kComplete,   Failure::kPartial,
                                        Failure::kFirstHalf,  Failure::kSecondHalf, Failure::kBlank,
                                        Failure::kUnreadable, Failure::kFlickers};

class FaultyFlash : public Flash {
 public:
  explicit FaultyFlash(const Geometry& geometry);

  // Power is lost at the step-th step from now on, counted from 0; then every call fails until PowerOn.
  void LosePowerAt(uint64_t step, Failure failure);
  void PowerOn() { is_on_ = true; }
  bool is_on() const { return is_on_; }
  // Steps since the flash was made, those that failed included.
  uint64_t num_steps() const { return num_steps_; }
  uint32_t num_violations() const { return flash_.num_violations(); }
  // Torn units that were programmed.
  uint32_t num_torn_programmed() const { return num_torn_programmed_; }
  // Everything that a read might find: the contents, then what flickering units were and should have become.
  std::vector<uint8_t> Readable() const;
  const SimulatedFlash& simulated() const { return flash_; }

  // The state of the flash, to begin from again.
  struct State {
    std::vector<uint8_t> memory;
    std::map<uint32_t, std::vector<std::vector<uint8_t>>> unstable;
    std::set<uint32_t> torn;
  };
  State Save() const { return {memory_, unstable_, torn_}; }
  void Restore(const State& state);

  const Geometry& geometry() const override { return geometry_; }
  Status Read(uint32_t address, Span<uint8_t> out) override;
  Status Program(uint32_t address, Bytes bytes) override;
  Status Erase(uint32_t block) override;

 private:
  bool FailsNow();
  void Tear(uint32_t unit, const std::vector<uint8_t>& before, const std::vector<uint8_t>& after, bool is_first_half);
  std::vector<uint8_t> Mixed(const std::vector<uint8_t>& before, const std::vector<uint8_t>& after);

  Geometry geometry_;
  std::vector<uint8_t> memory_;
  SimulatedFlash flash_;
  // By unit: none: unreadable; else each read gives one of these or none.
  std::map<uint32_t, std::vector<std::vector<uint8_t>>> unstable_;
  std::set<uint32_t> torn_;
  std::mt19937 random_{1};
  bool is_on_ = true;
  uint64_t num_steps_ = 0;
  uint32_t num_torn_programmed_ = 0;
  uint64_t fails_at_ = UINT64_MAX;
  Failure failure_ = Failure::kNotBegun;
};

}  // namespace tfodcl

#endif  // TESTS_MICRO_STORE_FAULTY_FLASH_H_
