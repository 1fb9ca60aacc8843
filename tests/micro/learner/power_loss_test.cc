// Power is lost at every step of a life with every operation, in every way, and once more during what follows.
// R6, R7, R8: invariants of DESIGN.md, "Learner".

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "device.h"

namespace tfodcl {
namespace {

// What a host knows after every operation that succeeded.
class Host {
 public:
  explicit Host(const Geometry& geometry) : device_(geometry, Settings{4, 10, 4, 1, 5}) {}

  Device& device() { return device_; }

  // A class by its name; a device that knows it already goes on where it is.
  Status Teach(const std::string& name, uint16_t seed, uint32_t num_samples) {
    uint16_t label = 0;
    if (Status status = device_.Add(name, &label); status != Status::kOk) return status;
    seeds_[name] = seed;
    known_[name] = 0;
    ClassInfo info;
    if (Status status = device_.learner().GetClass(label, &info); status != Status::kOk) return status;
    for (uint32_t i = info.num_learnt; i < num_samples; ++i) {
      if (Status status = device_.Learn(label, seed, static_cast<int>(i), 1); status != Status::kOk) return status;
    }
    if (Status status = device_.End(label); status != Status::kOk) return status;
    known_[name] = num_samples;
    return Status::kOk;
  }

  Status Save() {
    const auto rows = device_.Rows();
    const Span<const uint16_t> labels = device_.learner().labels();
    for (size_t k = 0; k < labels.size(); ++k) saved_rows_[NameOf(labels[k])].push_back(rows[k]);
    return device_.learner().Save();
  }

  Status Forget(const std::string& name) {
    uint16_t label = 0;
    forgetting_ = name;
    if (Find(name, &label)) {  // else the device finished it when it started
      if (Status status = device_.learner().Forget(label); status != Status::kOk) return status;
    }
    known_.erase(name);
    CheckForgotten(name);
    return Status::kOk;
  }

  // Every class that was durable is there with its records, and what is being forgotten is there or is nowhere.
  void CheckAfterStart() {
    for (const auto& [name, num_samples] : known_) {
      uint16_t label = 0;
      const bool found = Find(name, &label);
      if (name == forgetting_ && !found) {
        CheckForgotten(name);
        continue;
      }
      ASSERT_TRUE(found) << name;
      ClassInfo info;
      ASSERT_EQ(device_.learner().GetClass(label, &info), Status::kOk);
      ASSERT_GE(info.num_learnt, std::min<uint32_t>(num_samples, 3)) << name;
      for (const float weight : device_.learner().row(label)) ASSERT_TRUE(std::isfinite(weight));
    }
  }

  void CheckForgotten(const std::string& name) {
    ASSERT_FALSE(device_.IsInFlash({name.begin(), name.end()})) << name;
    for (int i = 0; i < 6; ++i) ASSERT_FALSE(device_.IsInFlash(Device::PayloadOf(seeds_[name], i))) << name << i;
    for (const std::vector<float>& row : saved_rows_[name]) {
      const uint8_t* begin = reinterpret_cast<const uint8_t*>(row.data());
      ASSERT_FALSE(device_.IsInFlash({begin, begin + 32})) << name;
    }
  }

 private:
  std::string NameOf(uint16_t label) {
    ClassInfo info;
    EXPECT_EQ(device_.learner().GetClass(label, &info), Status::kOk);
    return {info.name.begin(), info.name.end()};
  }

  bool Find(const std::string& name, uint16_t* label) {
    for (const uint16_t known : device_.learner().labels()) {
      *label = known;
      if (NameOf(known) == name) return true;
    }
    return false;
  }

  Device device_;
  std::map<std::string, uint16_t> seeds_;
  std::map<std::string, uint32_t> known_;  // samples that are durable
  std::map<std::string, std::vector<std::vector<float>>> saved_rows_;
  std::string forgetting_;
};

using Operation = std::function<Status(Host&)>;

const Operation kLife[] = {
    [](Host& host) { return host.device().Start(); },
    [](Host& host) { return host.Teach("the first", 11, 5); },
    [](Host& host) { return host.Save(); },
    [](Host& host) { return host.Teach("the second", 12, 6); },
    [](Host& host) { return host.Teach("the third", 13, 6); },
    [](Host& host) { return host.Save(); },
    [](Host& host) { return host.Forget("the first"); },
    [](Host& host) { return host.Teach("the fourth", 14, 6); },
    [](Host& host) { return host.Teach("the third", 13, 12); },
    [](Host& host) { return host.Save(); },
    [](Host& host) { return host.Save(); },
    [](Host& host) { return host.Forget("the fourth"); },
    [](Host& host) { return host.Forget("the second"); },
    [](Host& host) { return host.Teach("the fifth", 15, 4); },
};

// Lives the life; after a loss of power the device starts again and the operation is repeated.
void Live(Host* host, Failure failure, uint64_t second) {
  bool is_first = true;
  for (const Operation& operation : kLife) {
    Status status = operation(*host);
    for (int tries = 0; status != Status::kOk; ++tries, status = operation(*host)) {
      ASSERT_LT(tries, 9);
      ASSERT_FALSE(host->device().flash().is_on()) << StatusText(status);
      if (is_first && second > 0) host->device().flash().LosePowerAt(second - 1, failure);
      is_first = false;
      status = host->device().Start();
      for (int again = 0; status != Status::kOk && again < 4; ++again) status = host->device().Start();
      ASSERT_EQ(status, Status::kOk);
      ASSERT_NO_FATAL_FAILURE(host->CheckAfterStart());
      // R8: starting again changes nothing.
      const auto rows = host->device().Rows();
      ASSERT_EQ(host->device().Start(), Status::kOk);
      ASSERT_EQ(host->device().Rows(), rows);
    }
  }
  ASSERT_EQ(host->device().learner().num_classes(), 2u);
  ASSERT_EQ(host->device().Start(), Status::kOk);
  ASSERT_EQ(host->device().learner().num_classes(), 2u);
  ASSERT_NO_FATAL_FAILURE(host->CheckAfterStart());
  ASSERT_EQ(host->device().flash().num_violations(), 0u);
}

void TryEveryStep(const Geometry& geometry, uint64_t every) {
  Host without_loss(geometry);
  ASSERT_NO_FATAL_FAILURE(Live(&without_loss, Failure::kNotBegun, 0));
  const uint64_t num_steps = without_loss.device().flash().num_steps();
  uint64_t num_cases = 0;
  for (uint64_t step = 0; step < num_steps; step += every) {
    for (const Failure failure : kFailures) {
      // What a mount finds in a commit that flickers may be gone when it is read: the learner reads without CRC-32s.
      if (failure == Failure::kFlickers) continue;
      for (const uint64_t second : {0u, 1u, 3u, 8u}) {
        Host host(geometry);
        host.device().flash().LosePowerAt(step, failure);
        Live(&host, failure, second);
        ASSERT_FALSE(testing::Test::HasFatalFailure())
            << "step " << step << ", failure " << static_cast<int>(failure) << ", second " << second;
        ++num_cases;
      }
    }
  }
  std::cout << "[    info  ] " << num_steps << " steps, " << num_cases << " cases of power loss\n";
}

TEST(PowerLoss, LosesNoClassAndForgetsWholeOnesWithUnitsOf4Bytes) { TryEveryStep({4, 512, 17, 10000}, 41); }

TEST(PowerLoss, LosesNoClassAndForgetsWholeOnesWithUnitsOf32Bytes) { TryEveryStep({32, 2048, 6, 10000}, 7); }

}  // namespace
}  // namespace tfodcl
