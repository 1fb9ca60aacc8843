// A small package and a learner on a flash that can lose power. For tests; the encoder is the identity.

#ifndef TESTS_MICRO_LEARNER_DEVICE_H_
#define TESTS_MICRO_LEARNER_DEVICE_H_

#include <memory>
#include <string>
#include <vector>

#include "../store/faulty_flash.h"
#include "identity_package.h"
#include "learner/learner.h"

namespace tfodcl {

inline constexpr uint32_t kDim = 24;

struct Settings {
  uint32_t capacity = 5;
  uint32_t num_records = 12;  // of the replay budget
  uint32_t replay_batch = 4;
  uint32_t replay_epochs = 2;
  uint32_t identity = 77;
};

class Device {
 public:
  Device(const Geometry& geometry, const Settings& settings);

  Package& package() { return package_.get(); }
  FaultyFlash& flash() { return flash_; }
  Learner& learner() { return *learner_; }
  // A new learner, as after a reset; power is on again.
  Status Start();
  size_t arena_used() const { return arena_->used(); }

  Status Add(const std::string& name, uint16_t* label);
  // One sample of a class: its own values, as `sample` changes them.
  static std::vector<int8_t> Sample(uint16_t seed, int sample);
  // Its payload.
  static std::vector<uint8_t> PayloadOf(uint16_t seed, int sample);
  void SetInput(const std::vector<int8_t>& input);
  Status Learn(uint16_t label, uint16_t seed, int first, int count);
  // EndClass and all its steps.
  Status End(uint16_t label);
  uint16_t Classify(const std::vector<int8_t>& input);

  // Rows of all classes and the row to come.
  std::vector<std::vector<float>> Rows();
  // Whether `bytes` can be read anywhere in the flash.
  bool IsInFlash(const std::vector<uint8_t>& bytes) const;

 private:
  IdentityPackage package_;
  FaultyFlash flash_;
  std::vector<uint8_t> memory_;
  std::unique_ptr<Arena> arena_;
  std::unique_ptr<Learner> learner_;
};

}  // namespace tfodcl

#endif  // TESTS_MICRO_LEARNER_DEVICE_H_
