// A small package with a network and a learner on a flash that can lose power. For tests; the encoder is the identity.

#ifndef TESTS_MICRO_BATCH_LEARNER_DEVICE_H_
#define TESTS_MICRO_BATCH_LEARNER_DEVICE_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "../learner/identity_package.h"
#include "../store/faulty_flash.h"
#include "batch_learner/batch_learner.h"
#include "memory.h"

namespace tfodcl {

inline constexpr uint32_t kLatentDim = 12;  // 2 x 2 x 3

struct Settings {
  uint32_t capacity = 4;
  uint32_t num_records = 12;  // of the replay budget
  uint32_t replay_batch = 6;
  uint32_t replay_epochs = 2;
  uint16_t max_new = 16;
  uint32_t identity = 77;
};

// Depthwise 3 x 3 on the latent's 3 channels, pointwise to 5, pool, head.
std::vector<uint8_t> SmallNetwork(uint32_t capacity, uint16_t max_new);

class Device {
 public:
  Device(const Geometry& geometry, const Settings& settings);

  Package& package() { return package_.get(); }
  FaultyFlash& flash() { return flash_; }
  BatchLearner& learner() { return *learner_; }
  // A new learner, as after a reset; power is on again. With an arena of exactly the bytes that are required, less
  // `missing`.
  Status Start(size_t missing = 0);
  size_t arena_used() const { return arena_->used(); }

  Status Add(const std::string& name, uint16_t* label);
  // Sample `number` of class `label`: its own values, changed a little.
  static std::vector<int8_t> Sample(uint16_t label, int number);
  void SetInput(const std::vector<int8_t>& input);
  Status Learn(uint16_t label, int first, int count);
  // EndBatch and all steps.
  Status End();
  // Learn and End.
  Status Teach(uint16_t label, int first, int count);
  uint16_t Classify(uint16_t label, int number);

  // The bits of all arrays, then what else a training batch leaves.
  std::vector<uint32_t> State();

 private:
  Memory network_;
  IdentityPackage package_;
  FaultyFlash flash_;
  std::optional<Memory> memory_;
  std::unique_ptr<Arena> arena_;
  std::unique_ptr<BatchLearner> learner_;
};

}  // namespace tfodcl

#endif  // TESTS_MICRO_BATCH_LEARNER_DEVICE_H_
