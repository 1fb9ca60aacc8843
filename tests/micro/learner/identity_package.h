// A package for the encoder of identity_encoder.cc, whose latents are its inputs.

#ifndef TESTS_MICRO_LEARNER_IDENTITY_PACKAGE_H_
#define TESTS_MICRO_LEARNER_IDENTITY_PACKAGE_H_

#include <vector>

#include "base/bytes.h"
#include "package/package.h"

namespace tfodcl {

// The codec is uniform with 8 bits: a payload is the latent's values plus 128. Both learning rates are 0.05, and the
// budget holds `num_records` records and a byte. `Settings` are those of a device.
class IdentityPackage {
 public:
  template <typename Settings>
  IdentityPackage(uint32_t latent_dim, const Settings& settings) : tflite_(8), plan_(4), codec_(32) {
    WriteU32(latent_dim, plan_.data());
    WriteU16(1, &codec_[0]);
    WriteU32(latent_dim, &codec_[4]);
    WriteU32(latent_dim, &codec_[8]);
    codec_[12] = 8;
    codec_[13] = 0x80;
    codec_[14] = 0x7f;
    package_.identity = settings.identity;
    package_.encoder = Bytes(tflite_.data(), tflite_.size());
    package_.plan = Bytes(plan_.data(), plan_.size());
    package_.codec = Bytes(codec_.data(), codec_.size());
    package_.latent_dim = latent_dim;
    package_.latent_scale = 0.03125f;
    package_.latent_zero_point = -10;
    package_.capacity = settings.capacity;
    package_.inner_lr = package_.outer_lr = 0.05f;
    package_.replay_batch = settings.replay_batch;
    package_.replay_epochs = settings.replay_epochs;
    package_.replay_budget_bytes = settings.num_records * (2 + latent_dim) + 1;
  }
  IdentityPackage(const IdentityPackage&) = delete;
  IdentityPackage& operator=(const IdentityPackage&) = delete;

  Package& get() { return package_; }

 private:
  std::vector<uint8_t> tflite_, plan_, codec_;
  Package package_{};
};

}  // namespace tfodcl

#endif  // TESTS_MICRO_LEARNER_IDENTITY_PACKAGE_H_
