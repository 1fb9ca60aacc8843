// Power is lost at every step of a script of operations, in every way; what the log then holds is compared with a
// model. L1, L2, .. are the invariants of DESIGN.md.

#include <gtest/gtest.h>

#include <functional>
#include <iostream>

#include "device.h"

namespace tfodcl {
namespace {

using Operation = std::function<Status(Device&)>;
using Script = std::vector<Operation>;

Status AppendMany(Device& device, uint32_t count, uint8_t kind, uint32_t size_bytes) {
  for (uint32_t i = 0; i < count; ++i) {
    if (const Status status = device.Append(kind, size_bytes); status != Status::kOk) return status;
  }
  return device.Flush();
}

// Appends until the log is full of needed items.
Status Fill(Device& device, uint8_t kind, uint32_t size_bytes) {
  Status status = Status::kOk;
  while (status == Status::kOk) status = device.Append(kind, size_bytes);
  return status == Status::kLogFull ? device.Flush() : status;
}

Operation Appends(uint32_t count, uint8_t kind, uint32_t size_bytes) {
  return [=](Device& device) { return AppendMany(device, count, kind, size_bytes); };
}
Operation AppendsNow(uint8_t kind, uint32_t size_bytes) {
  return [=](Device& device) { return device.AppendNow(kind, size_bytes); };
}
Operation Drops(uint32_t stride) {
  return [=](Device& device) {
    device.Drop(stride);
    return Status::kOk;
  };
}
Operation Fills(uint8_t kind, uint32_t size_bytes) {
  return [=](Device& device) { return Fill(device, kind, size_bytes); };
}
Operation Forgets(uint32_t stride) {
  return [=](Device& device) { return device.Forget(stride); };
}
Status Restarts(Device& device) { return device.Restart(); }
Status Formats(Device& device) { return device.Format(); }

// Every operation, in the log's first lap and in later ones, with the ring nearly empty and full.
Script EveryOperation(uint32_t large_bytes) {
  return {Appends(3, 1, 22),
          AppendsNow(3, large_bytes),
          Appends(2, 2, 40),
          Fills(1, 22),
          Restarts,
          Drops(2),
          Appends(12, 1, 22),
          Restarts,
          AppendsNow(2, large_bytes),
          Forgets(3),
          Appends(5, 4, 9),
          Drops(3),
          Fills(2, 60),
          Drops(2),
          AppendsNow(3, 100),
          Forgets(2),
          Restarts,
          Forgets(1),
          Appends(3, 1, 22),
          Formats,
          Appends(2, 1, 30),
          Restarts,
          Appends(1, 1, 30)};
}

// Runs the script; after each loss of power the device starts again and goes on with the next operation. The first
// restart arms the second loss of power.
void Run(const Script& script, const std::function<void(Device&)>& on_first_loss, Device* device) {
  bool is_first = true;
  for (const Operation& operation : script) {
    Status status = operation(*device);
    for (int i = 0; status != Status::kOk && status != Status::kLogFull; ++i) {
      ASSERT_TRUE(!device->flash().is_on() || status == Status::kUnreadable || status == Status::kFlashFailure)
          << StatusText(status);
      ASSERT_LT(i, 8);
      if (is_first) on_first_loss(*device);
      is_first = false;
      status = device->Restart();
      if (status == Status::kOk) status = device->ForgetAgain();
    }
    if (!device->faults().empty()) return;
  }
  ASSERT_EQ(device->Flush(), Status::kOk);
  ASSERT_EQ(device->Restart(), Status::kOk);
}

uint64_t StepsOf(const Script& script, const Device::State& begin, Device* device) {
  device->Restore(begin);
  const uint64_t before = device->flash().num_steps();
  EXPECT_EQ(device->Restart(), Status::kOk);
  Run(
      script, [](Device&) {}, device);
  EXPECT_TRUE(device->faults().empty()) << device->faults().front();
  return device->flash().num_steps() - before;
}

// One case: power is lost at `step`, and again `second` steps after it has come back (not where 0).
testing::AssertionResult Survives(const Script& script, const Device::State& begin, uint64_t step, Failure failure,
                                  uint64_t second, Device* device) {
  device->Restore(begin);
  if (device->Restart() != Status::kOk) return testing::AssertionFailure() << "the first mount";
  device->LosePowerAt(step, failure);
  const Failure other = kFailures[(step + second) % std::size(kFailures)];
  Run(
      script,
      [&](Device& now) {
        if (second > 0) now.LosePowerAt(second - 1, other);
      },
      device);
  if (device->faults().empty() && !testing::Test::HasFatalFailure()) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "step " << step << ", failure " << static_cast<int>(failure) << ", second "
                                     << second << ": " << (device->faults().empty() ? "" : device->faults().front());
}

// All steps `every`-th apart, all failures, and each with no second loss of power and with those given.
void TryAll(const char* name, const Script& script, const std::vector<uint64_t>& seconds, uint64_t every,
            Device* device) {
  const Device::State begin = device->Save();
  const uint64_t num_steps = StepsOf(script, begin, device);
  uint64_t num_cases = 0;
  for (uint64_t step = 0; step < num_steps; step += every) {
    for (const Failure failure : kFailures) {
      for (const uint64_t second : seconds) {
        ASSERT_TRUE(Survives(script, begin, step, failure, second, device));
        ++num_cases;
      }
    }
  }
  std::cout << "[    info  ] " << name << ": " << num_steps << " steps, " << num_cases << " cases of power loss\n";
}

TEST(PowerLoss, LosesNoCommittedItemWithUnitsOf32Bytes) {
  Device device({32, 512, 4, 10000}, 96);
  TryAll("units of 32 bytes", EveryOperation(250), {0}, 1, &device);
}

TEST(PowerLoss, LosesNoCommittedItemWithUnitsOf4Bytes) {
  Device device({4, 256, 5, 10000}, 96);
  TryAll("units of 4 bytes", EveryOperation(150), {0}, 1, &device);
}

TEST(PowerLoss, LosesNothingWhenPowerIsLostAgainDuringTheRecovery) {
  Device of_32({32, 512, 4, 10000}, 96);
  TryAll("units of 32 bytes, twice", EveryOperation(250), {1, 2, 3, 4, 5, 6, 8, 11, 15, 20}, 1, &of_32);
  Device of_4({4, 256, 5, 10000}, 96);
  TryAll("units of 4 bytes, twice", EveryOperation(150), {1, 2, 5, 9, 14, 30}, 4, &of_4);
}

TEST(PowerLoss, LosesNothingInTheSmallestRing) {
  Device device({32, 512, 3, 10000}, 96);
  TryAll("three blocks", EveryOperation(250), {0, 1, 3, 8}, 1, &device);
}

// Where no mount came before, the place of a torn unit is known, though it may read as erased (L3).
TEST(PowerLoss, NoTornUnitIsProgrammedAfterTheFirstLossOfPower) {
  const Script script = {Appends(3, 1, 22), AppendsNow(3, 150), Appends(2, 2, 40), Fills(1, 22),
                         Drops(2),          Appends(9, 1, 22),  Forgets(2),        Appends(3, 2, 22)};
  for (const Geometry& geometry : {Geometry{32, 512, 4, 10000}, Geometry{4, 256, 5, 10000}}) {
    Device device(geometry, 96);
    const Device::State begin = device.Save();
    const uint64_t num_steps = StepsOf(script, begin, &device);
    for (uint64_t step = 0; step < num_steps; ++step) {
      for (const Failure failure : kFailures) {
        if (failure == Failure::kFlickers) continue;
        ASSERT_TRUE(Survives(script, begin, step, failure, 0, &device));
        ASSERT_EQ(device.flash().num_torn_programmed(), 0u) << "step " << step << ", " << static_cast<int>(failure);
      }
    }
  }
}

// The ring is in its second lap and nearly full; the script ends a block, collects others and purges.
void TryTrueSize(const char* name, const Geometry& geometry, uint32_t large_bytes, uint64_t every) {
  Device device(geometry, 512);
  ASSERT_EQ(device.Restart(), Status::kOk);
  ASSERT_EQ(Fill(device, 1, large_bytes), Status::kOk);
  device.Drop(2);
  ASSERT_EQ(Fill(device, 1, large_bytes / 2), Status::kOk);
  device.Drop(4);
  ASSERT_TRUE(device.faults().empty()) << device.faults().front();
  TryAll(name, {AppendsNow(3, large_bytes / 5), Appends(3, 1, 98), Restarts, Drops(2), Appends(6, 2, 50), Forgets(2)},
         {0}, every, &device);
}

TEST(PowerLoss, LosesNothingInTheFlashOfAnStm32h747) { TryTrueSize("STM32H747", {32, 131072, 3, 10000}, 500, 397); }

TEST(PowerLoss, LosesNothingInTheFlashOfAnNrf52840) { TryTrueSize("nRF52840", {4, 4096, 8, 10000}, 500, 29); }

}  // namespace
}  // namespace tfodcl
