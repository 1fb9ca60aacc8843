#include "batch_learner/batch_learner.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "device.h"

namespace tfodcl {
namespace {

const Geometry kSmallPages = {4, 1024, 40, 10000};
const Geometry kLargeBlocks = {32, 8192, 7, 10000};

Bytes View(const std::string& text) { return {reinterpret_cast<const uint8_t*>(text.data()), text.size()}; }

class BatchLearnerTest : public testing::Test {
 protected:
  // A first training batch of two classes, then one of each.
  void TeachFour(Device* device) {
    uint16_t label = 0;
    for (const char* name : {"a", "b", "c", "d"}) ASSERT_EQ(device->Add(name, &label), Status::kOk);
    ASSERT_EQ(device->Learn(0, 0, 6), Status::kOk);
    ASSERT_EQ(device->Teach(1, 0, 6), Status::kOk);
    for (int round = 0; round < 6; ++round) {
      for (const uint16_t next : {2, 3, 0, 1}) ASSERT_EQ(device->Teach(next, 6 * (round + 1), 6), Status::kOk);
    }
  }
};

TEST_F(BatchLearnerTest, LearnsClassesFromTrainingBatchesOfOneClass) {
  Device device(kSmallPages, {});
  ASSERT_EQ(device.Start(), Status::kOk);
  TeachFour(&device);
  EXPECT_EQ(device.learner().num_batches(), 25u);
  EXPECT_EQ(device.learner().num_records(), 12u);
  int num_correct = 0;
  for (uint16_t label = 0; label < 4; ++label) {
    for (int i = 100; i < 110; ++i) num_correct += device.Classify(label, i) == label;
  }
  EXPECT_GE(num_correct, 36);
}

TEST_F(BatchLearnerTest, LearnsTheSameBitsWithAnyGeometry) {
  Device pages(kSmallPages, {}), blocks(kLargeBlocks, {});
  for (Device* device : {&pages, &blocks}) {
    ASSERT_EQ(device->Start(), Status::kOk);
    TeachFour(device);
  }
  EXPECT_EQ(pages.State(), blocks.State());
}

TEST_F(BatchLearnerTest, EveryTrainingBatchIsDurableWithTheSameBits) {
  Device device(kSmallPages, {}), other(kSmallPages, {});
  uint16_t label = 0;
  ASSERT_EQ(device.Start(), Status::kOk);
  ASSERT_EQ(other.Start(), Status::kOk);
  for (int i = 0; i < 40; ++i) {
    const uint16_t next = static_cast<uint16_t>(i % 3);
    for (Device* one : {&device, &other}) {
      ASSERT_EQ(one->Add(std::string(1, static_cast<char>('a' + next)), &label), Status::kOk);
      ASSERT_EQ(label, next);
      ASSERT_EQ(one->Teach(label, 5 * i, 5), Status::kOk);
    }
    ASSERT_EQ(device.Start(), Status::kOk);
    ASSERT_EQ(device.State(), other.State()) << i;  // one was started anew each time, the other never
  }
}

TEST_F(BatchLearnerTest, ATrainingBatchUnderWayIsLostAndNothingElse) {
  Device device(kLargeBlocks, {});
  uint16_t label = 0;
  uint32_t num_left = 0;
  ASSERT_EQ(device.Start(), Status::kOk);
  ASSERT_EQ(device.Add("a", &label), Status::kOk);
  ASSERT_EQ(device.Teach(0, 0, 7), Status::kOk);
  ASSERT_EQ(device.Add("b", &label), Status::kOk);
  const std::vector<uint32_t> before = device.State();
  ASSERT_EQ(device.Learn(1, 0, 9), Status::kOk);
  ASSERT_EQ(device.learner().EndBatch(&num_left), Status::kOk);
  ASSERT_EQ(device.learner().TrainStep(&num_left), Status::kOk);
  ASSERT_GT(num_left, 0u);
  EXPECT_NE(device.State(), before);
  ASSERT_EQ(device.Start(), Status::kOk);
  EXPECT_EQ(device.State(), before);
  EXPECT_EQ(device.learner().num_new(), 0u);
}

TEST_F(BatchLearnerTest, MemoryIsTakenToTheByteAndPartByPart) {
  Device device(kSmallPages, {});
  BatchLearnerMemory memory;
  ASSERT_EQ(BatchLearner::RequiredBytes(device.package(), kSmallPages, &memory), Status::kOk);
  ASSERT_EQ(device.Start(), Status::kOk);
  EXPECT_EQ(device.arena_used(), memory.total());
  EXPECT_EQ(memory.encoder, 2 * 16u);
  EXPECT_EQ(memory.head, 4 * 20 + 32u + 32 + 16 + 16);   // rows, mean, row; known; counts
  EXPECT_EQ(memory.samples, 16 * 12 + 2 * 16u);          // int8 latents, labels
  EXPECT_EQ(memory.mini_batch, 32 + 32 + 6 * 48 + 16u);  // orders, latents, labels
  EXPECT_EQ(memory.records, 64 + 32 + 64 + 16u);         // 12 + 4 ids, labels, addresses; counts
  EXPECT_EQ(memory.checkpoints, 80 + 2 * 16u);           // 1 + 4 + 12 words; 4 parts
  EXPECT_EQ(device.Start(16), Status::kArenaTooSmall);
  EXPECT_EQ(device.learner().status(), Status::kArenaTooSmall);
}

TEST_F(BatchLearnerTest, RefusesWhatCannotBe) {
  Device device(kSmallPages, {});
  uint16_t label = 0;
  uint32_t num_left = 0;
  ASSERT_EQ(device.Start(), Status::kOk);
  EXPECT_EQ(device.learner().Classify(&label), Status::kNoClasses);
  EXPECT_EQ(device.learner().LearnSample(0), Status::kUnknownClass);
  EXPECT_EQ(device.learner().LearnSample(9), Status::kUnknownClass);
  EXPECT_EQ(device.learner().EndBatch(&num_left), Status::kInvalidArgument);
  EXPECT_EQ(device.learner().TrainStep(&num_left), Status::kInvalidArgument);
  EXPECT_EQ(device.Add("", &label), Status::kInvalidName);
  for (const char* name : {"a", "b", "c", "d"}) ASSERT_EQ(device.Add(name, &label), Status::kOk);
  EXPECT_EQ(device.Add("e", &label), Status::kCapacityReached);
  EXPECT_EQ(device.learner().Rename(0, View("b")), Status::kNameTaken);
  EXPECT_EQ(device.learner().Rename(0, View("z")), Status::kOk);
  ASSERT_EQ(device.Learn(0, 0, 16), Status::kOk);
  EXPECT_EQ(device.Learn(0, 16, 1), Status::kBatchFull);
  ASSERT_EQ(device.learner().EndBatch(&num_left), Status::kOk);
  EXPECT_EQ(device.Learn(0, 0, 1), Status::kInvalidArgument);
  EXPECT_EQ(device.learner().EndBatch(&num_left), Status::kInvalidArgument);
  while (num_left > 0) ASSERT_EQ(device.learner().TrainStep(&num_left), Status::kOk);
  EXPECT_EQ(device.Classify(0, 0), 0);  // the only class
  ASSERT_EQ(device.Start(), Status::kOk);
  ClassInfo info{};
  ASSERT_EQ(device.learner().GetClass(0, &info), Status::kOk);
  EXPECT_EQ(std::string(info.name.begin(), info.name.end()), "z");
  EXPECT_EQ(info.num_learnt, 16u);
}

TEST_F(BatchLearnerTest, ABudgetOrALogWithoutARecordOfEveryClassIsRefused) {
  Device poor(kSmallPages, {4, 3}), enough(kSmallPages, {4, 4}), full({4, 1024, 4, 10000}, {});
  EXPECT_EQ(poor.Start(), Status::kBudgetTooSmall);
  EXPECT_EQ(enough.Start(), Status::kOk);
  EXPECT_EQ(full.Start(), Status::kLogFull);
}

TEST_F(BatchLearnerTest, APackageThatCannotBeLearntIsRefused) {
  Device single(kSmallPages, {4, 12, 1}), without_epochs(kSmallPages, {4, 12, 6, 0}), headless(kSmallPages, {});
  headless.package().network = Bytes();
  EXPECT_EQ(single.Start(), Status::kInvalidPackage);
  EXPECT_EQ(without_epochs.Start(), Status::kInvalidPackage);
  EXPECT_EQ(headless.Start(), Status::kInvalidPackage);
}

TEST_F(BatchLearnerTest, WithoutAStatedNumberATrainingBatchHasAsManySamplesAsAMiniBatch) {
  Device device(kSmallPages, {4, 12, 6, 2, 0});
  ASSERT_EQ(device.Start(), Status::kOk);
  EXPECT_EQ(device.learner().max_new(), 6u);
}

TEST_F(BatchLearnerTest, ALogKeepsAsManyRecordsAsItHoldsWhileSomeAreReplaced) {
  Device device({4, 1024, 20, 10000}, {4, 200});
  uint16_t label = 0;
  ASSERT_EQ(device.Start(), Status::kOk);
  ASSERT_LT(device.learner().max_records(), 200u);
  for (const char* name : {"a", "b", "c", "d"}) ASSERT_EQ(device.Add(name, &label), Status::kOk);
  for (int i = 0; i < 60; ++i) ASSERT_EQ(device.Teach(static_cast<uint16_t>(i % 4), i, 16), Status::kOk) << i;
  EXPECT_EQ(device.learner().num_records(), device.learner().max_records());
  const std::vector<uint32_t> state = device.State();
  ASSERT_EQ(device.Start(), Status::kOk);
  EXPECT_EQ(device.State(), state);
}

TEST_F(BatchLearnerTest, ResetLeavesWhatANewDeviceHas) {
  Device device(kSmallPages, {});
  ASSERT_EQ(device.Start(), Status::kOk);
  const std::vector<uint32_t> before = device.State();
  TeachFour(&device);
  ASSERT_EQ(device.learner().Reset(), Status::kOk);
  EXPECT_EQ(device.State(), before);
  ASSERT_EQ(device.Start(), Status::kOk);
  EXPECT_EQ(device.State(), before);
  Device other(kSmallPages, {});
  ASSERT_EQ(other.Start(), Status::kOk);
  TeachFour(&device);
  TeachFour(&other);
  EXPECT_EQ(device.State(), other.State());
}

TEST_F(BatchLearnerTest, TheLogOfAnotherPackageIsForeignUntilReset) {
  Device device(kSmallPages, {});
  ASSERT_EQ(device.Start(), Status::kOk);
  device.package().identity = 78;
  EXPECT_EQ(device.Start(), Status::kForeignLog);
  uint16_t label = 0;
  EXPECT_EQ(device.Add("a", &label), Status::kForeignLog);
  EXPECT_EQ(device.learner().Reset(), Status::kOk);
  EXPECT_EQ(device.Add("a", &label), Status::kOk);
}

}  // namespace
}  // namespace tfodcl
