#include "package/package.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <functional>
#include <iterator>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/crc32.h"

namespace tfodcl {
namespace {

// A package's bytes at a multiple of 32, with nothing behind, so that the sanitizers see every read past their end.
class Region {
 public:
  explicit Region(const std::vector<uint8_t>& content)
      : begin_(static_cast<uint8_t*>(::operator new(content.size(), std::align_val_t(32)))), size_(content.size()) {
    std::copy(content.begin(), content.end(), begin_);
  }
  Region(const Region&) = delete;
  ~Region() { ::operator delete(begin_, std::align_val_t(32)); }
  Bytes bytes() const { return {begin_, size_}; }

 private:
  uint8_t* begin_;
  size_t size_;
};

std::vector<uint8_t> Golden(const char* name = "package_v1.bin") {
  std::ifstream file(std::string(TFODCL_GOLDEN) + "/" + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

Status Read(const std::vector<uint8_t>& content) {
  Package package;
  return ReadPackage(Region(content).bytes(), &package);
}

using Section = std::pair<uint16_t, std::vector<uint8_t>>;

std::vector<Section> Split(const std::vector<uint8_t>& package) {
  std::vector<Section> sections;
  for (size_t i = 0; i < ReadU16(&package[10]); ++i) {
    const uint8_t* entry = &package[16 + 16 * i];
    const uint8_t* begin = &package[ReadU32(entry + 4)];
    sections.emplace_back(ReadU16(entry), std::vector<uint8_t>(begin, begin + ReadU32(entry + 8)));
  }
  return sections;
}

std::vector<uint8_t> Join(const std::vector<Section>& sections) {
  const size_t table_end = 16 + 16 * sections.size();
  std::vector<uint8_t> package(AlignUp(table_end + 4, 32));
  std::memcpy(&package[0], "\x89TFODCL\n", 8);
  WriteU16(1, &package[8]);
  WriteU16(static_cast<uint16_t>(sections.size()), &package[10]);
  for (size_t i = 0; i < sections.size(); ++i) {
    const std::vector<uint8_t>& content = sections[i].second;
    uint8_t* entry = &package[16 + 16 * i];
    WriteU16(sections[i].first, entry);
    WriteU32(static_cast<uint32_t>(package.size()), entry + 4);
    WriteU32(static_cast<uint32_t>(content.size()), entry + 8);
    WriteU32(Crc32({content.data(), content.size()}), entry + 12);
    package.insert(package.end(), content.begin(), content.end());
    package.resize(AlignUp(package.size(), 32));
  }
  WriteU32(static_cast<uint32_t>(package.size()), &package[12]);
  WriteU32(Crc32({package.data(), table_end}), &package[table_end]);
  return package;
}

// The golden package after a change of one section, with right CRC-32s.
std::vector<uint8_t> Changed(uint16_t kind, const std::function<void(std::vector<uint8_t>*)>& change) {
  std::vector<Section> sections = Split(Golden());
  for (Section& section : sections) {
    if (section.first == kind) change(&section.second);
  }
  return Join(sections);
}

TEST(Package, ReadsTheGoldenOne) {
  const Region region(Golden());
  Package package;
  ASSERT_EQ(ReadPackage(region.bytes(), &package), Status::kOk);
  EXPECT_EQ(package.identity, 0x524f829bu);
  EXPECT_EQ(package.total_bytes, 992u);
  EXPECT_EQ(package.encoder.data() - region.bytes().data(), 0xc0);
  EXPECT_EQ(package.encoder.size(), 45u);
  EXPECT_EQ(package.codec.data() - region.bytes().data(), 0x100);
  EXPECT_EQ(package.codec.size(), 92u);
  ASSERT_EQ(package.plan.size(), 40u);
  EXPECT_EQ(package.plan[0], 200);
  EXPECT_EQ(package.latent_dim, 44u);
  EXPECT_EQ(package.latent_scale, 0.0625f);
  EXPECT_EQ(package.latent_zero_point, -128);
  EXPECT_EQ(package.capacity, 30u);
  EXPECT_EQ(package.inner_lr, 0.001f);
  EXPECT_EQ(package.outer_lr, 0.0001f);
  EXPECT_EQ(package.replay_batch, 8u);
  EXPECT_EQ(package.replay_epochs, 1u);
  EXPECT_EQ(package.replay_budget_bytes, 65536u);
}

TEST(Package, IsReadFromALongerRegion) {
  std::vector<uint8_t> content = Golden();
  content.insert(content.end(), 1000, 0xff);
  EXPECT_EQ(Read(content), Status::kOk);
}

TEST(Package, IsRefusedWithAnyBitFlipped) {
  std::vector<uint8_t> content = Golden();
  for (size_t bit = 0; bit < 8 * content.size(); ++bit) {
    content[bit / 8] ^= static_cast<uint8_t>(1u << bit % 8);
    EXPECT_NE(Read(content), Status::kOk) << "bit " << bit;
    content[bit / 8] ^= static_cast<uint8_t>(1u << bit % 8);
  }
}

TEST(Package, IsRefusedCutShortAnywhere) {
  std::vector<uint8_t> content = Golden();
  while (!content.empty()) {
    content.pop_back();
    EXPECT_NE(Read(content), Status::kOk) << content.size();
  }
}

TEST(Package, IsRefusedWhereItIsNotAligned) {
  std::vector<uint8_t> content = Golden();
  content.insert(content.begin(), 4, 0);
  const Region region(content);
  Package package;
  EXPECT_EQ(ReadPackage(region.bytes().subspan(4, 992), &package), Status::kInvalidArgument);
}

TEST(Package, NamesWhatIsWrong) {
  const std::vector<uint8_t> golden = Golden();
  const auto with = [&](size_t byte, uint8_t value) {
    std::vector<uint8_t> content = golden;
    content[byte] = value;
    return Read(content);
  };
  EXPECT_EQ(with(0, 0x88), Status::kNotAPackage);
  EXPECT_EQ(with(8, 2), Status::kUnsupportedVersion);
  EXPECT_EQ(with(8, 0), Status::kInvalidPackage);
  EXPECT_EQ(with(10, 65), Status::kInvalidPackage);
  EXPECT_EQ(with(0xb0, 0), Status::kCorruptPackage);  // CRC-32 of the table
  EXPECT_EQ(with(0xb8, 1), Status::kCorruptPackage);  // padding after it
  EXPECT_EQ(with(0xc9, 0), Status::kCorruptPackage);  // in a section
  EXPECT_EQ(with(0xef, 1), Status::kCorruptPackage);  // padding after one
}

TEST(Package, JoinedAnewIsTheGoldenOne) { EXPECT_EQ(Join(Split(Golden())), Golden()); }

TEST(Package, NeedsEverySectionOfABoardOnce) {
  const std::vector<Section> all = Split(Golden());
  for (size_t i = 0; i < all.size(); ++i) {
    std::vector<Section> without = all;
    without.erase(without.begin() + static_cast<long>(i));
    const bool optional = all[i].first & 0x8000;
    EXPECT_EQ(Read(Join(without)), optional ? Status::kOk : Status::kInvalidPackage) << all[i].first;
    std::vector<Section> twice = all;
    twice.push_back(all[i]);
    const bool repeatable = all[i].first == 0x8002;
    EXPECT_EQ(Read(Join(twice)), repeatable ? Status::kOk : Status::kInvalidPackage) << all[i].first;
  }
}

TEST(Package, SkipsUnknownSectionsThatAreOptionalOnly) {
  std::vector<Section> sections = Split(Golden());
  sections.push_back({0x8777, {1, 2, 3}});
  EXPECT_EQ(Read(Join(sections)), Status::kOk);
  sections.back().first = 0x0777;
  EXPECT_EQ(Read(Join(sections)), Status::kInvalidPackage);
}

TEST(Package, WithoutPlanHasAnEmptyOne) {
  std::vector<Section> sections = Split(Golden());
  sections.erase(sections.begin() + 5);
  const Region region(Join(sections));
  Package package;
  ASSERT_EQ(ReadPackage(region.bytes(), &package), Status::kOk);
  EXPECT_TRUE(package.plan.empty());
}

TEST(Package, WithNetworkIsForProgramsThatTrainOne) {
  const Region region(Golden("package_with_network_v1.bin"));
  Package package;
  ASSERT_EQ(ReadPackage(region.bytes(), &package, Trains::kNetwork), Status::kOk);
  EXPECT_EQ(package.network.size(), 3040u);
  EXPECT_EQ(ReadU16(package.network.data()), 5u);  // layers
  EXPECT_EQ(reinterpret_cast<uintptr_t>(package.network.data()) % 32, 0u);
  EXPECT_EQ(ReadPackage(region.bytes(), &package), Status::kUnsupportedNetwork);
}

TEST(Package, WithNetworkIsRefusedForWhatElseIsWrong) {
  std::vector<Section> sections = Split(Golden("package_with_network_v1.bin"));
  ASSERT_EQ(sections[5].first, 6);
  std::vector<Section> twice = sections;
  twice.push_back(sections[5]);
  EXPECT_EQ(Read(Join(twice)), Status::kInvalidPackage);
  std::vector<Section> empty = sections;
  empty[5].second.clear();
  EXPECT_EQ(Read(Join(empty)), Status::kInvalidPackage);
  sections[3].second.pop_back();  // learning
  EXPECT_EQ(Read(Join(sections)), Status::kInvalidPackage);
}

TEST(Package, WithoutNetworkIsForEveryProgram) {
  const Region region(Golden());
  Package package;
  ASSERT_EQ(ReadPackage(region.bytes(), &package, Trains::kNetwork), Status::kOk);
  EXPECT_TRUE(package.network.empty());
}

struct Contradiction {
  const char* name;
  uint16_t kind;
  void (*change)(std::vector<uint8_t>*);
};

class PackageOf : public testing::TestWithParam<Contradiction> {};

TEST_P(PackageOf, ContradictorySectionsIsRefused) {
  EXPECT_EQ(Read(Changed(GetParam().kind, GetParam().change)), Status::kInvalidPackage);
}

using Content = std::vector<uint8_t>*;
const Contradiction kContradictions[] = {
    {"EncoderThatIsNone", 1, [](Content c) { (*c)[4] = 'X'; }},
    {"EncoderTooShort", 1, [](Content c) { c->resize(7); }},
    {"UnknownCodec", 2, [](Content c) { (*c)[0] = 9; }},
    {"CodecOfOtherZeroPoint", 2, [](Content c) { (*c)[24] = 3; }},
    {"CodebookCutShort", 2, [](Content c) { c->pop_back(); }},
    {"LatentOfOtherDim", 3, [](Content c) { WriteU32(45, c->data()); }},
    {"LatentOfNoValues", 3, [](Content c) { WriteU32(0, c->data()); }},
    {"LatentScaleZero", 3, [](Content c) { WriteF32(0.0f, c->data() + 4); }},
    {"LatentScaleNegative", 3, [](Content c) { WriteF32(-1.0f, c->data() + 4); }},
    {"LatentScaleInfinite", 3, [](Content c) { WriteU32(0x7f800000, c->data() + 4); }},
    {"LatentScaleNan", 3, [](Content c) { WriteU32(0x7fc00000, c->data() + 4); }},
    {"LatentReserved", 3, [](Content c) { (*c)[11] = 1; }},
    {"LatentLonger", 3, [](Content c) { c->push_back(0); }},
    {"NoCapacity", 4, [](Content c) { WriteU32(0, c->data()); }},
    {"CapacityAboveLabels", 4, [](Content c) { WriteU32(65537, c->data()); }},
    {"InnerRateZero", 4, [](Content c) { WriteF32(0.0f, c->data() + 4); }},
    {"OuterRateNan", 4, [](Content c) { WriteU32(0xffc00000, c->data() + 8); }},
    {"NoBatch", 4, [](Content c) { WriteU32(0, c->data() + 12); }},
    {"LearningShorter", 4, [](Content c) { c->pop_back(); }},
    {"LabelsWithoutCount", 5, [](Content c) { c->resize(3); }},
    {"MoreLabelsThanNames", 5, [](Content c) { (*c)[0] = 4; }},
    {"FewerLabelsThanNames", 5, [](Content c) { (*c)[0] = 2; }},
    {"LabelPastTheEnd", 5, [](Content c) { (*c)[4] = 200; }},
    {"LabelNotUtf8", 5, [](Content c) { (*c)[6] = 0xff; }},
};

INSTANTIATE_TEST_SUITE_P(Every, PackageOf, testing::ValuesIn(kContradictions),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace tfodcl
