// Every command, as a host sees it, SPEC.md 7.3: invariants S4 and S5 of DESIGN.md.

#include <gtest/gtest.h>

#include <cmath>

#include "base/crc32.h"
#include "board.h"

namespace tfodcl {
namespace {

constexpr uint8_t kInfo = 0x01, kStatistics = 0x02, kReset = 0x04, kLogRead = 0x05, kAddClass = 0x20, kLearn = 0x21,
                  kEndClass = 0x22, kRename = 0x23, kForget = 0x24, kSave = 0x25, kClass = 0x26, kRow = 0x27,
                  kClassify = 0x30, kEvaluate = 0x31, kScores = 0x32, kLatent = 0x33;

uint8_t Value(Status status) { return static_cast<uint8_t>(status); }

float Float(const ByteVector& bytes, size_t index) {
  const uint32_t bits = static_cast<uint32_t>(ReadNumber(bytes, 4 * index, 4));
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

class CommandsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    info_ = board_.BeginSession();
    ASSERT_EQ(info_.status, 0);
    input_bytes_ = board_.learner().input().size();
  }
  // Latents of classes differ in where they are not zero, that is not the zero point -128.
  ByteVector Input(size_t label) {
    ByteVector input(input_bytes_, 0x80);
    for (size_t i = label; i < input_bytes_; i += 4) input[i] = 100;
    return input;
  }
  void Teach(int num_classes, int num_samples) {
    for (uint16_t label = 0; label < num_classes; ++label) {
      ASSERT_EQ(board_.Request(kAddClass, Text("class " + std::to_string(label))).payload, U16s({label, 0, 0}));
      for (int i = 0; i < num_samples; ++i) ASSERT_EQ(board_.StatusOf(kLearn, U16s({label}) + Input(label)), 0);
      board_.Receive(board_.NextFrame(kEndClass, U16s({label})));
    }
  }

  Board board_{TestPackage()};
  HostReply info_;
  size_t input_bytes_ = 0;
};

TEST_F(CommandsTest, InfoTellsOfBoardPackageAndLearner) {
  Teach(2, 3);
  const ByteVector info = board_.Request(kInfo, U32s({kSession})).payload;
  EXPECT_EQ(ByteVector(info.begin(), info.begin() + 4), (ByteVector{0, 2, 2, 0}));
  const uint64_t expected[] = {
      kRequestBufferBytes - 2 - (kRequestBufferBytes - 2) / 255 - 8, 32'768, 4096, 32, 65'536, 4096, 4, 1 << 20};
  for (size_t i = 0; i < 8; ++i) EXPECT_EQ(ReadNumber(info, 4 + 4 * i, 4), expected[i]) << i;
  const TestPackageFacts facts;
  EXPECT_EQ(ReadNumber(info, 36, 4), facts.identity);
  EXPECT_EQ(ReadNumber(info, 40, 4), TestPackage().size());
  EXPECT_EQ(ReadNumber(info, 44, 4), facts.latent_dim);
  EXPECT_EQ(ReadNumber(info, 48, 4), facts.capacity);
  EXPECT_EQ(ReadNumber(info, 52, 4), facts.input_bytes);
  EXPECT_EQ(ReadNumber(info, 56, 4), 2u);
  EXPECT_EQ(ReadNumber(info, 60, 4), 6u);
  EXPECT_EQ(ReadNumber(info, 64, 4), board_.learner().num_pending());
  const ByteVector texts = U16s({10}) + Text("test board") + U16s({8}) + Text("identity") + U16s({5}) + Text("1.0.0");
  EXPECT_EQ(ByteVector(info.begin() + 68, info.end()), texts);
}

TEST_F(CommandsTest, LearnsAndRecognisesClasses) {
  Teach(3, 5);
  for (uint16_t label = 0; label < 3; ++label) {
    EXPECT_EQ(board_.Request(kClassify, Input(label)).payload, U16s({label}));
  }
  EXPECT_EQ(board_.Request(kAddClass, Text("class 1")).payload, U16s({1, 5, 0}));
}

TEST_F(CommandsTest, LearnCountsSamplesAndRecords) {
  Teach(1, 2);
  const HostReply reply = board_.Request(kLearn, U16s({0}) + Input(0));
  EXPECT_EQ(reply.payload, U32s({3, 3, board_.learner().num_pending()}));
}

TEST_F(CommandsTest, EndClassReportsProgressAtMostTwentyTimesAndThenTheEnd) {
  Teach(2, 1);
  for (int i = 0; i < 200; ++i) ASSERT_EQ(board_.StatusOf(kLearn, U16s({1}) + Input(1)), 0);
  const ByteVector frame = board_.NextFrame(kEndClass, U16s({1}));
  const std::vector<HostReply> replies = board_.Receive(frame);
  ASSERT_GT(replies.size(), 1u);
  ASSERT_LE(replies.size(), 21u);
  const uint64_t num_steps = ReadNumber(replies[0].payload, 0, 4);
  uint64_t left = num_steps;
  for (size_t i = 0; i < replies.size(); ++i) {
    EXPECT_EQ(replies[i].status, 0);
    EXPECT_EQ(replies[i].kind, i + 1 < replies.size() ? 1 : 0);
    EXPECT_EQ(ReadNumber(replies[i].payload, 0, 4), num_steps);
    EXPECT_LT(ReadNumber(replies[i].payload, 4, 4), left);
    left = ReadNumber(replies[i].payload, 4, 4);
  }
  EXPECT_EQ(left, 0u);
  EXPECT_EQ(board_.Receive(frame), std::vector<HostReply>{replies.back()});
}

TEST_F(CommandsTest, ClassRenameAndForget) {
  Teach(2, 3);
  EXPECT_EQ(board_.StatusOf(kRename, U16s({1}) + Text("ñandú")), 0);
  const ByteVector expected = U16s({1}) + U32s({3, 3, 3}) + U16s({7}) + Text("ñandú");
  EXPECT_EQ(board_.Request(kClass, U16s({1})).payload, expected);
  EXPECT_EQ(board_.StatusOf(kForget, U16s({0})), 0);
  EXPECT_EQ(board_.learner().num_classes(), 1u);
  for (uint8_t command : {kForget, kClass, kEndClass}) {
    EXPECT_EQ(board_.StatusOf(command, U16s({0})), Value(Status::kUnknownClass));
  }
  EXPECT_EQ(board_.StatusOf(kLearn, U16s({0}) + Input(0)), Value(Status::kUnknownClass));
  EXPECT_EQ(board_.StatusOf(kRename, U16s({0}) + Text("x")), Value(Status::kUnknownClass));
  EXPECT_EQ(board_.StatusOf(kAddClass, ByteVector(65, 'x')), Value(Status::kInvalidName));
  EXPECT_EQ(board_.StatusOf(kAddClass), Value(Status::kInvalidName));
}

TEST_F(CommandsTest, EvaluateCountsUntilItIsToldToRestart) {
  EXPECT_EQ(board_.StatusOf(kEvaluate, U16s({0}) + ByteVector{0} + Input(0)), Value(Status::kNoClasses));
  EXPECT_EQ(board_.StatusOf(kClassify, Input(0)), Value(Status::kNoClasses));
  Teach(2, 5);
  const auto evaluate = [&](uint16_t label, uint8_t flags) {
    return board_.Request(kEvaluate, U16s({label}) + ByteVector{flags} + Input(1));
  };
  EXPECT_EQ(evaluate(1, 0).payload, U16s({1}) + U32s({1, 1}));
  EXPECT_EQ(evaluate(0, 0).payload, U16s({1}) + U32s({1, 2}));
  EXPECT_EQ(evaluate(1, 2).status, Value(Status::kInvalidArgument));
  EXPECT_EQ(evaluate(1, 0).payload, U16s({1}) + U32s({2, 3}));
  EXPECT_EQ(evaluate(1, 1).payload, U16s({1}) + U32s({1, 1}));
}

TEST_F(CommandsTest, ScoresAndLatentAreThoseOfTheLastSample) {
  const TestPackageFacts facts;
  Teach(2, 4);
  EXPECT_EQ(board_.StatusOf(kScores, U32s({0, 2})), Value(Status::kInvalidArgument));
  EXPECT_EQ(board_.StatusOf(kLatent, U32s({0, 2})), Value(Status::kInvalidArgument));
  ASSERT_EQ(board_.StatusOf(kClassify, Input(1)), 0);
  const ByteVector scores = board_.Request(kScores, U32s({0, facts.capacity})).payload;
  ASSERT_EQ(scores.size(), 4 * facts.capacity);
  EXPECT_GT(Float(scores, 1), Float(scores, 0));
  for (uint32_t label = 0; label < 2; ++label) EXPECT_EQ(Float(scores, label), board_.learner().scores()[label]);
  for (uint32_t label = 2; label < facts.capacity; ++label) {
    EXPECT_EQ(ReadNumber(scores, 4 * label, 4), 0x7FC00000u);
  }
  const ByteVector latent = board_.Request(kLatent, U32s({1, facts.latent_dim - 1})).payload;
  const Span<const int8_t> expected = board_.learner().latent();
  EXPECT_TRUE(std::equal(latent.begin(), latent.end(), expected.begin() + 1, expected.end(),
                         [](uint8_t left, int8_t right) { return left == static_cast<uint8_t>(right); }));
  EXPECT_EQ(board_.StatusOf(kScores, U32s({facts.capacity, 1})), Value(Status::kOutOfRange));
  EXPECT_EQ(board_.StatusOf(kScores, U32s({0xFFFFFFFF, 2})), Value(Status::kOutOfRange));
  EXPECT_EQ(board_.StatusOf(kLatent, U32s({1, facts.latent_dim})), Value(Status::kOutOfRange));
  ASSERT_EQ(board_.StatusOf(kSave), 0);
  EXPECT_EQ(board_.StatusOf(kLatent, U32s({0, 2})), Value(Status::kInvalidArgument));
}

TEST_F(CommandsTest, RowIsTheHeadsRow) {
  const TestPackageFacts facts;
  Teach(2, 4);
  const ByteVector row = board_.Request(kRow, U16s({1}) + U32s({2, facts.latent_dim - 2})).payload;
  ASSERT_EQ(row.size(), 4 * (facts.latent_dim - 2));
  bool any = false;
  for (uint32_t i = 2; i < facts.latent_dim; ++i) {
    EXPECT_EQ(Float(row, i - 2), board_.learner().row(1)[i]);
    any |= Float(row, i - 2) != 0;
  }
  EXPECT_TRUE(any);
  EXPECT_EQ(board_.StatusOf(kRow, U16s({1}) + U32s({0, facts.latent_dim + 1})), Value(Status::kOutOfRange));
  EXPECT_EQ(board_.StatusOf(kRow, U16s({5}) + U32s({0, 1})), Value(Status::kUnknownClass));
}

TEST_F(CommandsTest, LogReadGivesTheFlashByteByByte) {
  Teach(1, 4);
  ASSERT_EQ(board_.StatusOf(kSave), 0);
  const Bytes log = board_.log().contents();
  const ByteVector read = board_.Request(kLogRead, U32s({3, 1024})).payload;
  EXPECT_EQ(read, ByteVector(log.begin() + 3, log.begin() + 1027));
  EXPECT_EQ(board_.StatusOf(kLogRead, U32s({0, 1025})), Value(Status::kOutOfRange));
  EXPECT_EQ(board_.StatusOf(kLogRead, U32s({65'536, 1})), Value(Status::kOutOfRange));
  EXPECT_EQ(board_.StatusOf(kLogRead, U32s({65'536, 0})), 0);
  EXPECT_EQ(board_.StatusOf(kLogRead, U32s({0xFFFFFFFF, 1024})), Value(Status::kOutOfRange));
}

TEST_F(CommandsTest, ResetErasesWhatWasLearnt) {
  Teach(2, 3);
  EXPECT_EQ(board_.StatusOf(kReset), 0);
  EXPECT_EQ(board_.learner().num_classes(), 0u);
  EXPECT_EQ(board_.learner().num_records(), 0u);
  Teach(2, 3);
}

// Number and count of the entries of STATISTICS, parts first. Each took some time.
std::vector<std::pair<uint64_t, uint64_t>> Counts(const ByteVector& statistics) {
  const size_t num_entries = ReadNumber(statistics, 60, 2) + ReadNumber(statistics, 62, 2);
  EXPECT_EQ(statistics.size(), 64 + 24 * num_entries);
  std::vector<std::pair<uint64_t, uint64_t>> counts;
  for (size_t entry = 64; entry < 64 + 24 * num_entries; entry += 24) {
    counts.emplace_back(ReadNumber(statistics, entry, 4), ReadNumber(statistics, entry + 4, 4));
    EXPECT_GT(ReadNumber(statistics, entry + 8, 8), 0u);
    EXPECT_GE(ReadNumber(statistics, entry + 16, 8), counts.back().second * 10);
  }
  return counts;
}

TEST_F(CommandsTest, InfoTellsOfAFlashThatFailedAndResetStartsAnew) {
  Teach(1, 3);
  board_.failing_log().programs = false;
  EXPECT_EQ(board_.StatusOf(kSave), Value(Status::kFlashFailure));
  EXPECT_EQ(board_.StatusOf(kAddClass, Text("class 1")), Value(Status::kFlashFailure));
  EXPECT_EQ(board_.Request(kInfo, U32s({kSession})).payload[0], Value(Status::kFlashFailure));
  board_.failing_log().programs = true;
  EXPECT_EQ(board_.StatusOf(kReset), 0);
  EXPECT_EQ(board_.Request(kInfo, U32s({kSession})).payload[0], 0);
  EXPECT_EQ(board_.Request(kAddClass, Text("class 1")).payload, U16s({0, 0, 0}));
}

TEST_F(CommandsTest, StatisticsCountPartsAndSuccessfulCommands) {
  Teach(2, 3);
  ASSERT_EQ(board_.StatusOf(kForget, U16s({7})), Value(Status::kUnknownClass));
  ASSERT_EQ(board_.StatusOf(kClassify, Input(1)), 0);
  const ByteVector statistics = board_.Request(kStatistics).payload;
  EXPECT_GT(ReadNumber(statistics, 0, 4), 0u);
  EXPECT_LE(ReadNumber(statistics, 0, 4), ReadNumber(statistics, 4, 4));
  EXPECT_EQ(ReadNumber(statistics, 8, 4), 700u);
  EXPECT_EQ(ReadNumber(statistics, 12, 4), 8192u);
  EXPECT_EQ(ReadNumber(statistics, 16, 4), board_.learner().log_statistics().num_items);
  EXPECT_EQ(ReadNumber(statistics, 28, 8), board_.learner().log_statistics().programmed_bytes);
  EXPECT_EQ(ReadNumber(statistics, 60, 2), 6u);
  // Inferences, inner steps, records encoded, records decoded (3 and 6 in one epoch each), replay steps, mounts.
  const std::vector<std::pair<uint64_t, uint64_t>> expected{{1, 7},      {2, 6},         {3, 6},        {4, 9},
                                                            {5, 2},      {6, 1},         {kInfo, 1},    {kAddClass, 2},
                                                            {kLearn, 6}, {kEndClass, 2}, {kClassify, 1}};
  EXPECT_EQ(Counts(statistics), expected);
}

TEST_F(CommandsTest, ARequestOfAnotherLengthIsRefusedAndChangesNothing) {
  Teach(1, 2);
  struct {
    uint8_t command;
    size_t size;
  } const exact[] = {{kInfo, 4},
                     {kStatistics, 0},
                     {0x03, 0},
                     {kReset, 0},
                     {kLogRead, 8},
                     {0x10, 4},
                     {0x12, 8},
                     {0x13, 0},
                     {kEndClass, 2},
                     {kForget, 2},
                     {kSave, 0},
                     {kClass, 2},
                     {kRow, 10},
                     {kScores, 8},
                     {kLatent, 8},
                     {kLearn, 2 + input_bytes_},
                     {kClassify, input_bytes_},
                     {kEvaluate, 3 + input_bytes_}};
  const ByteVector before = board_.State();
  for (const auto& [command, size] : exact) {
    EXPECT_EQ(board_.StatusOf(command, ByteVector(size + 1)), Value(Status::kInvalidLength)) << int{command};
    if (size > 0) {
      EXPECT_EQ(board_.StatusOf(command, ByteVector(size - 1)), Value(Status::kInvalidLength)) << int{command};
    }
  }
  EXPECT_EQ(board_.StatusOf(kRename, ByteVector(1)), Value(Status::kInvalidLength));
  EXPECT_EQ(board_.StatusOf(0x11, ByteVector(3)), Value(Status::kInvalidLength));
  EXPECT_EQ(board_.State(), before);
  EXPECT_EQ(Board::num_reboots(), 0);
}

}  // namespace
}  // namespace tfodcl
