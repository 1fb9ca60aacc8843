#include "stage/adaptive_stage.h"

#include <gtest/gtest.h>

#include <cfloat>

#include "golden_network.h"
#include "random.h"

namespace tfodcl {
namespace {

constexpr size_t kLatentDim = 44, kCapacity = 30, kNumFeatures = 5, kBatch = 4;

StageSettings Settings(uint32_t max_batch = kBatch, uint32_t scratch_bytes = 1 << 20) {
  return {kLatentDim, kCapacity, 0.125f, max_batch, scratch_bytes};
}

// The golden network in an arena that is no byte larger than it must be.
class Stage {
 public:
  explicit Stage(const StageSettings& settings)
      : section_(GoldenNetwork()), memory_(Required(settings).total()), arena_(memory_.bytes()) {
    EXPECT_EQ(stage_.Prepare(section_.bytes(), settings, &arena_), Status::kOk);
    std::mt19937 random(1);
    rows_ = RandomF32(&random, kCapacity * kNumFeatures);
    std::vector<uint8_t> known(kCapacity, 1);
    known[7] = 0;
    SetHead(known);
  }

  StageMemory Required(const StageSettings& settings) const {
    StageMemory memory;
    EXPECT_EQ(AdaptiveStage::RequiredBytes(section_.bytes(), settings, &memory), Status::kOk);
    return memory;
  }

  void SetHead(std::vector<uint8_t> known) { stage_.SetHead(SpanOf(rows_), SpanOf(known)); }

  // A step on a mini-batch that depends on `seed` alone.
  float Step(size_t n = kBatch, uint32_t seed = 2) {
    std::mt19937 random(seed);
    std::vector<float> latents = RandomF32(&random, n * kLatentDim);
    std::vector<uint16_t> labels(n);
    for (size_t i = 0; i < n; ++i) labels[i] = static_cast<uint16_t>(3 * i);
    return stage_.Step(SpanOf(latents), SpanOf(labels));
  }

  std::vector<float> Logits(size_t n = kBatch) {
    std::mt19937 random(3);
    std::vector<float> latents = RandomF32(&random, n * kLatentDim);
    const Span<const float> logits = stage_.Logits(SpanOf(latents));
    return {logits.begin(), logits.end()};
  }

  std::vector<float> Arrays() { return {stage_.arrays().begin(), stage_.arrays().end()}; }

  void SetArrays(const std::vector<float>& arrays) { std::copy(arrays.begin(), arrays.end(), stage_.arrays().begin()); }

  std::vector<float> Row(uint32_t label) const {
    std::vector<float> row(kNumFeatures);
    stage_.CopyRow(label, SpanOf(row));
    return row;
  }

  const std::vector<float>& rows() const { return rows_; }
  const AdaptiveStage& stage() const { return stage_; }
  size_t used() const { return arena_.used(); }

 private:
  Memory section_;
  Memory memory_;
  Arena arena_;
  AdaptiveStage stage_;
  std::vector<float> rows_;
};

Status Prepare(const std::vector<uint8_t>& content, const StageSettings& settings, size_t arena_bytes) {
  const Memory section(content), memory(arena_bytes);
  Arena arena(memory.bytes());
  AdaptiveStage stage;
  const Status status = stage.Prepare(section.bytes(), settings, &arena);
  EXPECT_EQ(arena.used() == 0, status != Status::kOk);
  return status;
}

TEST(AdaptiveStage, TakesWhatItRequiresToTheByte) {
  for (const uint32_t max_batch : {1, 4, 5}) {
    const Stage stage(Settings(max_batch));
    EXPECT_EQ(stage.used(), stage.Required(Settings(max_batch)).total());
    EXPECT_EQ(stage.stage().memory().total(), stage.used());
  }
}

TEST(AdaptiveStage, NeedsByPartWhatIsCountedByHand) {
  const auto values = [](size_t count) { return AlignUp(sizeof(float) * count, kArenaAlignment); };
  const StageMemory memory = Stage(Settings()).stage().memory();
  EXPECT_EQ(memory.weights, values(99 + 44 + 66 + 24 + 270 + 20 + 150));
  EXPECT_EQ(memory.velocities, values(99 + 22 + 66 + 12 + 270 + 10 + 150));
  // Outputs of all layers, the largest output, three values a channel kept, three of the most channels.
  EXPECT_EQ(memory.activations,
            values(kBatch * (44 + 24 + 5 + 5 + 30)) + values(kBatch * 44) + values(3 * (11 + 6 + 5)) + values(3 * 11));
  EXPECT_EQ(memory.scratch, values(kBatch * 6));  // the convolution's four pixels of six channels
}

TEST(AdaptiveStage, RefusesAnArenaThatIsAByteTooSmall) {
  StageMemory memory;
  const Memory section(GoldenNetwork());
  ASSERT_EQ(AdaptiveStage::RequiredBytes(section.bytes(), Settings(), &memory), Status::kOk);
  EXPECT_EQ(Prepare(GoldenNetwork(), Settings(), memory.total()), Status::kOk);
  EXPECT_EQ(Prepare(GoldenNetwork(), Settings(), memory.total() - 1), Status::kArenaTooSmall);
}

TEST(AdaptiveStage, RefusesSettingsThatItCannotHave) {
  const std::vector<uint8_t> golden = GoldenNetwork();
  const auto with = [&](auto StageSettings::*field, auto value) {
    StageSettings settings = Settings();
    settings.*field = value;
    return Prepare(golden, settings, 1 << 16);
  };
  EXPECT_EQ(with(&StageSettings::latent_dim, 43u), Status::kInvalidPackage);
  EXPECT_EQ(with(&StageSettings::capacity, 31u), Status::kInvalidPackage);
  EXPECT_EQ(with(&StageSettings::rate, 0.0f), Status::kInvalidArgument);
  EXPECT_EQ(with(&StageSettings::rate, FLT_MAX * 2), Status::kInvalidArgument);
  EXPECT_EQ(with(&StageSettings::max_batch, 0u), Status::kInvalidArgument);
  EXPECT_EQ(with(&StageSettings::max_batch, 65536u), Status::kInvalidArgument);
  EXPECT_EQ(with(&StageSettings::max_batch, 65535u), Status::kArenaTooSmall);
  EXPECT_EQ(with(&StageSettings::scratch_bytes, 23u), Status::kInvalidArgument);  // a pixel has six channels
  EXPECT_EQ(with(&StageSettings::scratch_bytes, 24u), Status::kOk);
}

TEST(AdaptiveStage, RefusesASectionThatIsNone) {
  std::vector<uint8_t> content = GoldenNetwork();
  content[48] = 9;
  EXPECT_EQ(Prepare(content, Settings(), 1 << 16), Status::kUnsupportedNetwork);
  content[48] = 4;
  EXPECT_EQ(Prepare(content, Settings(), 1 << 16), Status::kInvalidPackage);
}

TEST(AdaptiveStage, LearnsTheSameBitsInAnyScratch) {
  Stage wide(Settings()), narrow(Settings(kBatch, 24));
  EXPECT_LT(narrow.used(), wide.used());
  for (uint32_t seed = 0; seed < 3; ++seed) EXPECT_EQ(wide.Step(kBatch, seed), narrow.Step(kBatch, seed));
  EXPECT_EQ(wide.Arrays(), narrow.Arrays());
  EXPECT_EQ(wide.Logits(), narrow.Logits());
}

TEST(AdaptiveStage, LearnsASmallerMiniBatchAsOneMadeForIt) {
  Stage larger(Settings(9)), exact(Settings(3));
  for (uint32_t seed = 0; seed < 3; ++seed) EXPECT_EQ(larger.Step(3, seed), exact.Step(3, seed));
  EXPECT_EQ(larger.Arrays(), exact.Arrays());
  EXPECT_EQ(larger.Logits(2), exact.Logits(2));
}

TEST(AdaptiveStage, LearnsAMiniBatchThatItSeesAgainAndAgain) {
  Stage stage(Settings());
  const float first = stage.Step();
  float last = first;
  for (int i = 0; i < 60; ++i) last = stage.Step();
  EXPECT_GT(first, 1.0f);
  EXPECT_LT(last, 0.1f);
}

TEST(AdaptiveStage, HasTheRowsThatItIsGivenAndScoresKnownClassesOnly) {
  Stage stage(Settings());
  for (uint32_t label = 0; label < kCapacity; ++label) {
    const auto begin = stage.rows().begin() + label * kNumFeatures;
    EXPECT_EQ(stage.Row(label), std::vector<float>(begin, begin + kNumFeatures));
  }
  const std::vector<float> logits = stage.Logits();
  ASSERT_EQ(logits.size(), kBatch * kCapacity);
  for (size_t i = 0; i < logits.size(); ++i) EXPECT_EQ(logits[i] == -FLT_MAX, i % kCapacity == 7) << i;
}

TEST(AdaptiveStage, ForgetsItsVelocitiesWithANewHead) {
  Stage moved(Settings()), fresh(Settings());
  moved.Step();
  const std::vector<float> before = fresh.Arrays();
  moved.SetArrays(before);
  moved.SetHead(std::vector<uint8_t>(kCapacity, 1));
  fresh.SetHead(std::vector<uint8_t>(kCapacity, 1));
  EXPECT_EQ(moved.Step(), fresh.Step());
  EXPECT_EQ(moved.Arrays(), fresh.Arrays());
}

TEST(AdaptiveStage, InfersEverySampleAlone) {
  Stage stage(Settings());
  stage.Step();
  const std::vector<float> together = stage.Logits(), first = stage.Logits(1);
  EXPECT_EQ(std::vector<float>(together.begin(), together.begin() + kCapacity), first);
  const std::vector<float> arrays = stage.Arrays();
  stage.Logits();
  EXPECT_EQ(stage.Arrays(), arrays);
}

}  // namespace
}  // namespace tfodcl
