// Packages with a network, as a host sees them: SPEC.md 7.3. The package is tests/golden/package_with_network_v1.bin.

#include <gtest/gtest.h>

#include "board.h"

namespace tfodcl {
namespace {

constexpr uint8_t kAddClass = 0x20, kLearn = 0x21, kEndClass = 0x22, kForget = 0x24, kSave = 0x25, kClass = 0x26,
                  kRow = 0x27, kEndBatch = 0x28, kBatch = 0x29, kClassify = 0x30, kScores = 0x32, kLatent = 0x33;
constexpr uint32_t kMaxNew = 8, kNumFeatures = 5, kCapacity = 30;

uint8_t Value(Status status) { return static_cast<uint8_t>(status); }

ByteVector PackageWithNetwork() {
  std::ifstream file(TFODCL_GOLDEN "/package_with_network_v1.bin", std::ios::binary);
  return ByteVector(std::istreambuf_iterator<char>(file), {});
}

class BatchesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const HostReply info = board_.BeginSession();
    ASSERT_EQ(info.status, 0);
    ASSERT_EQ(info.payload[0], 0) << "the learner runs";
  }
  static ByteVector Input(size_t label) {
    ByteVector input(44, 0x80);
    for (size_t i = label; i < input.size(); i += 3) input[i] = 90;
    return input;
  }
  void Teach(uint16_t label, int num_samples) {
    ASSERT_EQ(board_.StatusOf(kAddClass, Text("class " + std::to_string(label))), 0);
    for (int i = 0; i < num_samples; ++i) ASSERT_EQ(board_.StatusOf(kLearn, U16s({label}) + Input(label)), 0);
    const std::vector<HostReply> replies = board_.Receive(board_.NextFrame(kEndBatch));
    ASSERT_FALSE(replies.empty());
    ASSERT_EQ(replies.back().status, 0);
    ASSERT_EQ(ReadNumber(replies.back().payload, 4, 4), 0u);
  }

  void ExpectBatch(uint32_t num_batches, uint32_t num_new) {
    const ByteVector payload = board_.Request(kBatch).payload;
    EXPECT_EQ(payload, U32s({num_batches, num_new, kMaxNew, board_.batch_learner().max_records()}));
  }

  Board board_{PackageWithNetwork()};
};

TEST_F(BatchesTest, ATrainingBatchIsLearntAndSurvivesAReset) {
  Teach(0, 5);
  Teach(1, 4);
  ExpectBatch(2, 0);
  const ByteVector one = board_.Request(kClass, U16s({0})).payload,
                   row = board_.Request(kRow, U16s({1}) + U32s({0, kNumFeatures})).payload;
  EXPECT_EQ(ReadNumber(one, 2, 4), 5u + 5);  // its samples, then its records beside the others
  EXPECT_EQ(ReadNumber(one, 6, 4), 5u);
  ASSERT_EQ(row.size(), 4 * kNumFeatures);
  EXPECT_EQ(board_.StatusOf(kRow, U16s({1}) + U32s({0, kNumFeatures + 1})), Value(Status::kOutOfRange));
  const HostReply classified = board_.Request(kClassify, Input(1));
  EXPECT_EQ(classified.status, 0);
  const ByteVector scores = board_.Request(kScores, U32s({0, kCapacity})).payload;
  EXPECT_EQ(board_.Request(kLatent, U32s({0, 44})).payload, Input(1));
  board_.Restart();
  board_.BeginSession();
  ExpectBatch(2, 0);
  EXPECT_EQ(board_.Request(kRow, U16s({1}) + U32s({0, kNumFeatures})).payload, row);
  EXPECT_EQ(board_.Request(kClassify, Input(1)).payload, classified.payload);
  EXPECT_EQ(board_.Request(kScores, U32s({0, kCapacity})).payload, scores);
}

TEST_F(BatchesTest, SamplesOfATrainingBatchArePendingUntilItEnds) {
  ASSERT_EQ(board_.StatusOf(kAddClass, Text("a")), 0);
  EXPECT_EQ(board_.StatusOf(kEndBatch), Value(Status::kInvalidArgument));
  for (uint32_t i = 1; i <= kMaxNew; ++i) {
    EXPECT_EQ(board_.Request(kLearn, U16s({0}) + Input(0)).payload, U32s({0, 0, i}));
  }
  EXPECT_EQ(board_.StatusOf(kLearn, U16s({0}) + Input(0)), Value(Status::kBatchFull));
  EXPECT_EQ(board_.StatusOf(kLearn, U16s({1}) + Input(0)), Value(Status::kUnknownClass));
  ExpectBatch(0, kMaxNew);
  EXPECT_EQ(board_.StatusOf(kClassify, Input(0)), Value(Status::kNoClasses));
  board_.Restart();
  board_.BeginSession();
  ExpectBatch(0, 0);
}

TEST_F(BatchesTest, CommandsOfTheOtherKindOfPackageAreUnknown) {
  ASSERT_EQ(board_.StatusOf(kAddClass, Text("a")), 0);
  EXPECT_EQ(board_.StatusOf(kEndClass, U16s({0})), Value(Status::kUnknownCommand));
  EXPECT_EQ(board_.StatusOf(kForget, U16s({0})), Value(Status::kUnknownCommand));
  EXPECT_EQ(board_.StatusOf(kSave), Value(Status::kUnknownCommand));
}

TEST(Batches, AreUnknownToAPackageWithoutANetwork) {
  Board board(TestPackage());
  board.BeginSession();
  EXPECT_EQ(board.StatusOf(kEndBatch), Value(Status::kUnknownCommand));
  EXPECT_EQ(board.StatusOf(kBatch), Value(Status::kUnknownCommand));
}

TEST_F(BatchesTest, EndingATrainingBatchEndsWhatScoresTellOf) {
  Teach(0, 2);
  ASSERT_EQ(board_.StatusOf(kClassify, Input(0)), 0);
  ASSERT_EQ(board_.StatusOf(kScores, U32s({0, 1})), 0);
  ASSERT_EQ(board_.StatusOf(kEndBatch), Value(Status::kInvalidArgument));
  EXPECT_EQ(board_.StatusOf(kScores, U32s({0, 1})), Value(Status::kInvalidArgument));
}

TEST(Batches, APackageWhoseLayersHaveNoKernelIsNamed) {
  ByteVector package = PackageWithNetwork();
  const size_t entry = 16 + 16 * 5, offset = ReadNumber(package, entry + 4, 4),
               length = ReadNumber(package, entry + 8, 4);
  package[offset + 32] = 6;  // the kind of the first layer
  const uint32_t crc = HostCrc32(ByteVector(&package[offset], &package[offset] + length));
  for (int i = 0; i < 4; ++i) package[entry + 12 + i] = static_cast<uint8_t>(crc >> 8 * i);
  const size_t table_end = 16 + 16 * ReadNumber(package, 10, 2);
  const uint32_t header_crc = HostCrc32(ByteVector(package.begin(), package.begin() + table_end));
  for (int i = 0; i < 4; ++i) package[table_end + i] = static_cast<uint8_t>(header_crc >> 8 * i);
  Board board(package);
  EXPECT_EQ(board.BeginSession().payload[0], Value(Status::kUnsupportedNetwork));
}

}  // namespace
}  // namespace tfodcl
