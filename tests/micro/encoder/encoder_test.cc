#include "encoder/encoder.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace tfodcl {
namespace {

using Content = std::vector<uint8_t>;

Content ReadGolden(const std::string& name) {
  std::ifstream file(TFODCL_GOLDEN "/" + name, std::ios::binary);
  return Content(std::istreambuf_iterator<char>(file), {});
}

// Bytes on the heap at a multiple of 32, and not one more than they are, so that AddressSanitizer sees what lies
// beside.
class Block {
 public:
  explicit Block(size_t size) : size_(size) { EXPECT_EQ(posix_memalign(&data_, 32, size), 0); }
  explicit Block(const Content& content) : Block(content.size()) { std::copy(content.begin(), content.end(), begin()); }
  ~Block() { std::free(data_); }
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

  uint8_t* begin() { return static_cast<uint8_t*>(data_); }
  Bytes bytes() { return Bytes(begin(), size_); }
  Span<uint8_t> span() { return Span<uint8_t>(begin(), size_); }

 private:
  void* data_ = nullptr;
  size_t size_;
};

constexpr size_t kMostArenaBytes = 1 << 16;  // of plans that are run; corrupt ones may ask for more
constexpr size_t kVersion = 0, kArenaBytes = 16, kFirstOperator = 0x158;

class EncoderTest : public ::testing::Test {
 protected:
  EncoderTest() : tflite_(ReadGolden("plan_encoder.tflite")), plan_(ReadGolden("plan_v1.bin")) {}

  // Prepares and, if that is possible, runs the encoder with another plan.
  Status Try(const Content& plan) {
    Block section(plan);
    size_t arena_bytes = 0;
    Status status = Encoder::RequiredBytes(tflite_.bytes(), section.bytes(), &arena_bytes);
    if (status != Status::kOk) return status;
    if (arena_bytes > kMostArenaBytes) return Status::kArenaTooSmall;
    Block memory(arena_bytes);
    std::fill_n(memory.begin(), arena_bytes, 0x5a);
    Arena arena(memory.span());
    Encoder encoder;
    status = encoder.Prepare(tflite_.bytes(), section.bytes(), &arena);
    if (status != Status::kOk) return status;
    std::fill(encoder.input().begin(), encoder.input().end(), 1);
    status = encoder.Invoke();
    for (const int8_t value : encoder.latent()) sum_ += value;  // reads them all
    return status;
  }

  Block tflite_;
  Content plan_;
  int sum_ = 0;
};

TEST_F(EncoderTest, GivesTheGoldenLatentsFromAnArenaOfTheRequiredBytes) {
  Block plan(plan_);
  size_t arena_bytes = 0;
  ASSERT_EQ(Encoder::RequiredBytes(tflite_.bytes(), plan.bytes(), &arena_bytes), Status::kOk);
  Block memory(arena_bytes);
  Arena arena(memory.span());
  Encoder encoder;
  ASSERT_EQ(encoder.Prepare(tflite_.bytes(), plan.bytes(), &arena), Status::kOk);
  EXPECT_EQ(arena.used(), arena_bytes);
  EXPECT_LE(arena_bytes, ReadU32(plan_.data() + kArenaBytes) + 100);

  EXPECT_EQ(encoder.input_tensor().height, 7u);
  EXPECT_EQ(encoder.input_tensor().width, 6u);
  EXPECT_EQ(encoder.input_tensor().channels, 3u);
  EXPECT_EQ(encoder.input_tensor().scale, 0.02f);
  EXPECT_EQ(encoder.input_tensor().zero_point, -10);
  EXPECT_EQ(encoder.latent_tensor().channels, 8u);
  EXPECT_EQ(encoder.latent_tensor().zero_point, -128);

  const Content expected = ReadGolden("plan_latents.bin");
  ASSERT_EQ(expected.size(), 4 * 8u);
  uint32_t index = 0;
  for (size_t sample = 0; sample < 4; ++sample) {
    for (int8_t& value : encoder.input()) {
      value = static_cast<int8_t>(static_cast<int32_t>((index * index * 7 + index * 31) % 256) - 128);
      ++index;
    }
    ASSERT_EQ(encoder.Invoke(), Status::kOk);
    ASSERT_EQ(encoder.latent().size(), 8u);
    for (size_t i = 0; i < 8; ++i) {
      EXPECT_EQ(encoder.latent()[i], static_cast<int8_t>(expected[8 * sample + i])) << sample << " " << i;
    }
  }
}

TEST_F(EncoderTest, RefusesAnArenaWithLessThanTheRequiredBytes) {
  Block plan(plan_);
  size_t arena_bytes = 0;
  ASSERT_EQ(Encoder::RequiredBytes(tflite_.bytes(), plan.bytes(), &arena_bytes), Status::kOk);
  Block memory(arena_bytes - 1);
  Arena arena(memory.span());
  Encoder encoder;
  EXPECT_EQ(encoder.Prepare(tflite_.bytes(), plan.bytes(), &arena), Status::kArenaTooSmall);
}

TEST_F(EncoderTest, RefusesSectionsThatAreNotAligned) {
  Content shifted(1, 0);
  shifted.insert(shifted.end(), plan_.begin(), plan_.end());
  Block plan(shifted);
  Block memory(4096);
  Arena arena(memory.span());
  Encoder encoder;
  EXPECT_EQ(encoder.Prepare(tflite_.bytes(), plan.bytes().subspan(1, plan_.size()), &arena), Status::kInvalidArgument);
}

TEST_F(EncoderTest, RefusesPlansThatItCannotKnow) {
  EXPECT_EQ(Try({}), Status::kNoPlan);
  Content later = plan_;
  later[kVersion] = 2;
  EXPECT_EQ(Try(later), Status::kUnsupportedVersion);
  Content unknown = plan_;
  unknown[kFirstOperator] = 99;
  EXPECT_EQ(Try(unknown), Status::kUnsupportedOperator);
}

TEST_F(EncoderTest, RefusesThePlanOfAnotherEncoder) {
  for (const size_t at : {size_t{0}, tflite_.bytes().size() / 2, tflite_.bytes().size() - 1}) {
    tflite_.begin()[at] ^= 1;
    EXPECT_EQ(Try(plan_), Status::kInvalidPackage) << at;
    tflite_.begin()[at] ^= 1;
  }
  EXPECT_EQ(Try(plan_), Status::kOk);
}

TEST_F(EncoderTest, RefusesEveryTruncatedPlan) {
  for (size_t size = 1; size < plan_.size(); ++size) {
    ASSERT_EQ(Try(Content(plan_.begin(), plan_.begin() + size)), Status::kInvalidPackage) << size;
  }
}

TEST_F(EncoderTest, StaysInBoundsWhicheverByteIsWrong) {
  int num_refused = 0;
  for (size_t at = 0; at < plan_.size(); ++at) {
    for (const uint8_t change : {0x01, 0x02, 0x08, 0x80, 0xff}) {
      Content corrupt = plan_;
      corrupt[at] ^= change;
      num_refused += Try(corrupt) != Status::kOk;
    }
  }
  EXPECT_GT(num_refused, 1000);
}

TEST_F(EncoderTest, StaysInBoundsWhicheverFieldIsHostile) {
  int num_refused = 0;
  for (size_t at = 0; at + 4 <= plan_.size(); at += 2) {
    for (const uint32_t value : {0u, 1u, 0x7fffffffu, 0x80000000u, 0xffffffffu, 0xfffffff0u, 0x00010001u, 0x3fffffffu,
                                 static_cast<uint32_t>(plan_.size()), 480u, 479u}) {
      Content hostile = plan_;
      WriteU32(value, hostile.data() + at);
      num_refused += Try(hostile) != Status::kOk;
    }
  }
  EXPECT_GT(num_refused, 1000);
}

TEST_F(EncoderTest, StaysInBoundsWhereManyBytesAreWrong) {
  std::mt19937 random(7);
  int num_run = 0;
  for (int i = 0; i < 20000; ++i) {
    Content corrupt = plan_;
    // Among header, tensors and operators, in which a byte means most.
    for (uint32_t changes = 1 + random() % 4; changes > 0; --changes) {
      corrupt[random() % 0x258] = static_cast<uint8_t>(random() % 2 ? random() : random() % 4);
    }
    num_run += Try(corrupt) == Status::kOk;
  }
  EXPECT_GT(num_run, 100);
}

}  // namespace
}  // namespace tfodcl
