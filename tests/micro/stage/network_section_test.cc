#include "stage/network_section.h"

#include <gtest/gtest.h>

#include "golden_network.h"

namespace tfodcl {
namespace {

Status Read(const std::vector<uint8_t>& content) {
  const Memory memory(content);
  NetworkSection section;
  return section.Read(memory.bytes());
}

std::vector<NetworkLayer> LayersOf(const NetworkSection& section) {
  std::vector<NetworkLayer> layers;
  section.ForEachLayer([&](const NetworkLayer& layer) { layers.push_back(layer); });
  return layers;
}

TEST(NetworkSection, ReadsTheGoldenOne) {
  const Memory memory(GoldenNetwork());
  NetworkSection section;
  ASSERT_EQ(section.Read(memory.bytes()), Status::kOk);
  EXPECT_EQ(section.latent().size(), 44);
  EXPECT_EQ(section.momentum(), 0.9f);
  EXPECT_EQ(section.weight_decay(), 5e-4f);
  EXPECT_EQ(section.renorm().r_max, 1.25f);
  EXPECT_EQ(section.renorm().d_max, 0.5f);
  EXPECT_EQ(section.renorm().momentum, 0.99f);
  const std::vector<NetworkLayer> layers = LayersOf(section);
  ASSERT_EQ(layers.size(), 5u);
  const uint64_t arrays[] = {99 + 44, 66 + 24, 270 + 20, 0, 150};
  const uint64_t trained[] = {99 + 22, 66 + 12, 270 + 10, 0, 150};
  const int32_t outputs[] = {44, 24, 5, 5, 30};
  for (size_t i = 0; i < layers.size(); ++i) {
    EXPECT_EQ(static_cast<size_t>(layers[i].kind), (std::vector<size_t>{2, 3, 1, 4, 5})[i]);
    EXPECT_EQ(layers[i].arrays_size(), arrays[i]);
    EXPECT_EQ(layers[i].trained_size(), trained[i]);
    EXPECT_EQ(layers[i].output.size(), outputs[i]);
  }
}

TEST(NetworkSection, CopiesArraysWithoutGaps) {
  const Memory memory(GoldenNetwork());
  NetworkSection section;
  ASSERT_EQ(section.Read(memory.bytes()), Status::kOk);
  const NetworkLayer layer = LayersOf(section)[1];  // its arrays begin at 800, kernel of 66, then four of 6
  std::vector<float> arrays(layer.arrays_size());
  section.CopyArrays(layer, arrays.data());
  const uint8_t* begin = memory.bytes().data() + 800;
  for (size_t i = 0; i < 66; ++i) EXPECT_EQ(arrays[i], ReadF32(begin + 4 * i));
  for (size_t i = 0; i < 24; ++i) EXPECT_EQ(arrays[66 + i], ReadF32(begin + 288 + 32 * (i / 6) + 4 * (i % 6)));
}

TEST(NetworkSection, PadsAsTensorFlowDoes) {
  const auto pads = [](int32_t length, int32_t size, int32_t stride) {
    const int32_t output = (length + stride - 1) / stride;
    const NetworkLayer layer = {LayerKind::kConv, size, stride, {length, length, 1}, {output, output, 1}, 0};
    return layer.Convolution(1).window.pad_top;
  };
  EXPECT_EQ(pads(4, 3, 1), 1);
  EXPECT_EQ(pads(4, 3, 2), 0);  // one in all, which comes after
  EXPECT_EQ(pads(5, 3, 2), 1);
  EXPECT_EQ(pads(1, 3, 2), 1);
  EXPECT_EQ(pads(6, 1, 3), 0);
  EXPECT_EQ(pads(4, 2, 1), 0);
  EXPECT_EQ(pads(7, 7, 1), 3);
}

TEST(NetworkSection, IsRefusedCutShortAnywhere) {
  std::vector<uint8_t> content = GoldenNetwork();
  content.resize(content.size() + 32);
  EXPECT_EQ(Read(content), Status::kInvalidPackage);
  content.resize(content.size() - 32);
  while (!content.empty()) {
    content.pop_back();
    EXPECT_EQ(Read(content), Status::kInvalidPackage) << content.size();
  }
}

TEST(NetworkSection, WithAnyByteChangedIsRefusedOrStaysWithinItsBytes) {
  const std::vector<uint8_t> golden = GoldenNetwork();
  size_t num_refused = 0;
  for (size_t byte = 0; byte < 128; ++byte) {
    for (int value = 0; value < 256; ++value) {
      std::vector<uint8_t> content = golden;
      content[byte] = static_cast<uint8_t>(value);
      const Memory memory(content);
      NetworkSection section;
      if (section.Read(memory.bytes()) != Status::kOk) {
        ++num_refused;
        continue;
      }
      section.ForEachLayer([&](const NetworkLayer& layer) {
        std::vector<float> arrays(layer.arrays_size());
        section.CopyArrays(layer, arrays.data());
      });
    }
  }
  EXPECT_GT(num_refused, 128u * 200u);
}

TEST(NetworkSection, IsRefusedWhereItIsNotAligned) {
  std::vector<uint8_t> content = GoldenNetwork();
  content.insert(content.begin(), 4, 0);
  const Memory memory(content);
  NetworkSection section;
  EXPECT_EQ(section.Read(memory.bytes().subspan(4, content.size() - 4)), Status::kInvalidArgument);
}

TEST(NetworkSection, WithALayerOfAnUnknownKindIsUnsupported) {
  std::vector<uint8_t> content = GoldenNetwork();
  for (const uint8_t kind : {0, 6, 255}) {
    content[48] = kind;
    EXPECT_EQ(Read(content), Status::kUnsupportedNetwork);
  }
}

struct Contradiction {
  const char* name;
  void (*change)(uint8_t*);
};

class NetworkSectionWith : public testing::TestWithParam<Contradiction> {};

TEST_P(NetworkSectionWith, ContradictionIsRefused) {
  std::vector<uint8_t> content = GoldenNetwork();
  GetParam().change(content.data());
  EXPECT_EQ(Read(content), Status::kInvalidPackage);
}

constexpr uint32_t kNan = 0x7fc00000, kInfinity = 0x7f800000;

// Layers begin at 32, 48, 64, 80 (pool) and 96 (head).
const Contradiction kContradictions[] = {
    {"NoLayers", [](uint8_t* c) { WriteU16(0, c); }},
    {"LayersPastTheEnd", [](uint8_t* c) { WriteU16(65535, c); }},
    {"NoHead", [](uint8_t* c) { WriteU16(4, c); }},
    {"NoHeight", [](uint8_t* c) { WriteU16(0, c + 2); }},
    {"NoWidth", [](uint8_t* c) { WriteU16(0, c + 4); }},
    {"NoChannels", [](uint8_t* c) { WriteU32(0, c + 8); }},
    {"LatentTooLarge", [](uint8_t* c) { WriteU32(262145, c + 8); }},
    {"ChannelsOverflow", [](uint8_t* c) { WriteU32(0xffffffff, c + 8); }},
    {"MomentumOne", [](uint8_t* c) { WriteF32(1.0f, c + 12); }},
    {"MomentumNegative", [](uint8_t* c) { WriteF32(-0.5f, c + 12); }},
    {"MomentumNan", [](uint8_t* c) { WriteU32(kNan, c + 12); }},
    {"DecayNegative", [](uint8_t* c) { WriteF32(-0.5f, c + 16); }},
    {"DecayInfinite", [](uint8_t* c) { WriteU32(kInfinity, c + 16); }},
    {"RMaxBelowOne", [](uint8_t* c) { WriteF32(0.5f, c + 20); }},
    {"RMaxInfinite", [](uint8_t* c) { WriteU32(kInfinity, c + 20); }},
    {"DMaxNegative", [](uint8_t* c) { WriteF32(-0.5f, c + 24); }},
    {"DMaxNan", [](uint8_t* c) { WriteU32(kNan, c + 24); }},
    {"NormMomentumAboveOne", [](uint8_t* c) { WriteF32(1.5f, c + 28); }},
    {"NormMomentumNegative", [](uint8_t* c) { WriteF32(-0.5f, c + 28); }},
    {"HeadFirst", [](uint8_t* c) { c[32] = 5; }},
    {"DepthwiseOfNoSize", [](uint8_t* c) { c[33] = 0; }},
    {"DepthwiseWithoutStride", [](uint8_t* c) { c[34] = 0; }},
    {"LayerReserved", [](uint8_t* c) { c[35] = 1; }},
    {"DepthwiseToOtherChannels", [](uint8_t* c) { WriteU32(12, c + 36); }},
    {"ArraysElsewhere", [](uint8_t* c) { WriteU32(160, c + 40); }},
    {"LayerReservedWord", [](uint8_t* c) { WriteU32(1, c + 44); }},
    {"PointwiseWithSize", [](uint8_t* c) { c[49] = 3; }},
    {"OutputOfNoChannels", [](uint8_t* c) { WriteU32(0, c + 52); }},
    {"OutputTooLarge", [](uint8_t* c) { WriteU32(262145, c + 52); }},
    {"KernelOverflow", [](uint8_t* c) { WriteU32(0xffffffff, c + 68); }},
    {"PoolWithSize", [](uint8_t* c) { c[81] = 1; }},
    {"PoolWithStride", [](uint8_t* c) { c[82] = 2; }},
    {"PoolToOtherChannels", [](uint8_t* c) { WriteU32(6, c + 84); }},
    {"PoolWithArrays", [](uint8_t* c) { WriteU32(128, c + 88); }},
    {"HeadWithSize", [](uint8_t* c) { c[97] = 2; }},
    {"HeadWithStride", [](uint8_t* c) { c[98] = 2; }},
    {"TooManyClasses", [](uint8_t* c) { WriteU32(65537, c + 100); }},
    {"AfterTheLayers", [](uint8_t* c) { c[127] = 1; }},
    {"WeightNan", [](uint8_t* c) { WriteU32(kNan, c + 128); }},
    {"WeightInfinite", [](uint8_t* c) { WriteU32(0xff800000, c + 132); }},
    {"AfterAnArray", [](uint8_t* c) { c[128 + 4 * 99] = 1; }},
    {"VarianceNegative", [](uint8_t* c) { WriteF32(-1.0f, c + 128 + 416 + 3 * 64); }},
};

INSTANTIATE_TEST_SUITE_P(Every, NetworkSectionWith, testing::ValuesIn(kContradictions),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace tfodcl
