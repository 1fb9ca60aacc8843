#include "package/package.h"

#include <cstring>

#include "base/bytes.h"
#include "base/crc32.h"
#include "base/utf8.h"
#include "codec/codec.h"

namespace tfodcl {
namespace {

constexpr uint8_t kMagic[] = {0x89, 'T', 'F', 'O', 'D', 'C', 'L', '\n'};
constexpr uint32_t kVersion = 1;
constexpr uint32_t kAlignment = 32;
constexpr uint32_t kMaxSections = 64;
constexpr uint32_t kHeaderBytes = 16;
constexpr uint32_t kEntryBytes = 16;
constexpr uint32_t kCrcBytes = 4;
constexpr uint32_t kMaxCapacity = 65536;

constexpr uint16_t kOptional = 0x8000;
enum Kind : uint16_t {
  kEncoder = 0x0001,
  kCodec = 0x0002,
  kLatent = 0x0003,
  kLearning = 0x0004,
  kLabels = 0x0005,
  kNetwork = 0x0006,
  kPlan = 0x8001,
  kOtherCodec = 0x8002,
  kAdaptive = 0x8003,
  kInfo = 0x8004,
};

// The sections that stand at most once, by kind.
struct Sections {
  Bytes encoder, codec, latent, learning, labels, network, plan, adaptive, info;

  // Null for other kinds.
  Bytes* Of(uint16_t kind) {
    switch (kind) {
      case kEncoder:
        return &encoder;
      case kCodec:
        return &codec;
      case kLatent:
        return &latent;
      case kLearning:
        return &learning;
      case kLabels:
        return &labels;
      case kNetwork:
        return &network;
      case kPlan:
        return &plan;
      case kAdaptive:
        return &adaptive;
      case kInfo:
        return &info;
    }
    return nullptr;
  }
};

// The end of the zeros that begin at `start` and go up to the next aligned offset, once they are there.
Status SkipZeros(Bytes bytes, uint32_t start, uint32_t* end) {
  const uint32_t padding = (kAlignment - start % kAlignment) % kAlignment;
  if (padding > bytes.size() - start) return Status::kCorruptPackage;
  for (const uint8_t byte : bytes.subspan(start, padding)) {
    if (byte != 0) return Status::kCorruptPackage;
  }
  *end = start + padding;
  return Status::kOk;
}

// Checks header and table; `package` becomes the part of `bytes` that is the package.
Status ReadHeader(Bytes bytes, Bytes* package, uint32_t* num_sections) {
  if (bytes.size() < sizeof(kMagic) || std::memcmp(bytes.data(), kMagic, sizeof(kMagic)) != 0) {
    return Status::kNotAPackage;
  }
  // Before all else: a later version may differ in everything that follows.
  if (bytes.size() >= 10 && ReadU16(bytes.data() + 8) > kVersion) return Status::kUnsupportedVersion;
  if (bytes.size() < kHeaderBytes) return Status::kCorruptPackage;
  if (ReadU16(bytes.data() + 8) < 1) return Status::kInvalidPackage;
  *num_sections = ReadU16(bytes.data() + 10);
  const uint32_t total_bytes = ReadU32(bytes.data() + 12);
  const uint32_t table_end = kHeaderBytes + kEntryBytes * *num_sections;
  if (*num_sections > kMaxSections) return Status::kInvalidPackage;
  if (total_bytes > bytes.size() || total_bytes < table_end + kCrcBytes) return Status::kCorruptPackage;
  *package = bytes.subspan(0, total_bytes);
  const bool intact = Crc32(package->subspan(0, table_end)) == ReadU32(package->data() + table_end);
  return intact ? Status::kOk : Status::kCorruptPackage;
}

// One entry of the table, whose section must begin at *end; *end becomes where the next one does.
Status ReadSection(Bytes package, const uint8_t* entry, uint32_t* end, Bytes* section) {
  const uint32_t offset = ReadU32(entry + 4);
  const uint32_t length = ReadU32(entry + 8);
  if (ReadU16(entry + 2) != 0 || offset != *end || length > package.size() - offset) return Status::kInvalidPackage;
  *section = package.subspan(offset, length);
  if (Crc32(*section) != ReadU32(entry + 12)) return Status::kCorruptPackage;
  return SkipZeros(package, offset + length, end);
}

Status ReadSections(Bytes package, uint32_t num_sections, Sections* sections) {
  uint32_t end = 0;
  if (Status status = SkipZeros(package, kHeaderBytes + kEntryBytes * num_sections + kCrcBytes, &end);
      status != Status::kOk) {
    return status;
  }
  for (uint32_t i = 0; i < num_sections; ++i) {
    const uint8_t* entry = package.data() + kHeaderBytes + kEntryBytes * i;
    const uint16_t kind = ReadU16(entry);
    Bytes section;
    if (Status status = ReadSection(package, entry, &end, &section); status != Status::kOk) return status;
    if (Bytes* place = sections->Of(kind); place != nullptr) {
      if (place->data() != nullptr) return Status::kInvalidPackage;  // two of a kind
      *place = section;
    } else if ((kind & kOptional) == 0) {
      return Status::kInvalidPackage;
    }
  }
  return end == package.size() ? Status::kOk : Status::kInvalidPackage;
}

// Above 0 and finite; false for NaN.
bool IsPositive(float value) { return value > 0.0f && value <= 3.402823466e+38f; }

Status ReadLatent(Bytes section, Package* package) {
  if (section.size() != 12) return Status::kInvalidPackage;
  package->latent_dim = ReadU32(section.data());
  package->latent_scale = ReadF32(section.data() + 4);
  package->latent_zero_point = static_cast<int8_t>(section[8]);
  const bool valid = IsPositive(package->latent_scale) && section[9] == 0 && section[10] == 0 && section[11] == 0;
  return valid ? Status::kOk : Status::kInvalidPackage;
}

Status ReadLearning(Bytes section, Package* package) {
  if (section.size() != 24) return Status::kInvalidPackage;
  package->capacity = ReadU32(section.data());
  package->inner_lr = ReadF32(section.data() + 4);
  package->outer_lr = ReadF32(section.data() + 8);
  package->replay_batch = ReadU32(section.data() + 12);
  package->replay_epochs = ReadU32(section.data() + 16);
  package->replay_budget_bytes = ReadU32(section.data() + 20);
  const bool valid = package->capacity >= 1 && package->capacity <= kMaxCapacity && IsPositive(package->inner_lr) &&
                     IsPositive(package->outer_lr) && package->replay_batch >= 1;
  return valid ? Status::kOk : Status::kInvalidPackage;
}

// Names of the classes known to the workstation. A board starts with none: it checks them and goes on.
Status CheckLabels(Bytes section) {
  if (section.size() < 4) return Status::kInvalidPackage;
  uint32_t num_left = ReadU32(section.data());
  size_t position = 4;
  for (; num_left > 0; --num_left) {
    if (section.size() - position < 2) return Status::kInvalidPackage;
    const size_t length = ReadU16(section.data() + position);
    position += 2;
    if (section.size() - position < length) return Status::kInvalidPackage;
    if (!IsUtf8(section.subspan(position, length))) return Status::kInvalidPackage;
    position += length;
  }
  return position == section.size() ? Status::kOk : Status::kInvalidPackage;
}

Status CheckEncoder(Bytes section) {
  const bool valid = section.size() >= 8 && std::memcmp(section.data() + 4, "TFL3", 4) == 0;
  return valid ? Status::kOk : Status::kInvalidPackage;
}

Status CheckNetwork(Bytes section, Trains trains) {
  if (section.data() == nullptr) return Status::kOk;
  if (section.empty()) return Status::kInvalidPackage;
  return trains == Trains::kNetwork ? Status::kOk : Status::kUnsupportedNetwork;
}

Status CheckCodec(const Package& package) {
  Codec codec;
  if (Status status = codec.Prepare(package.codec); status != Status::kOk) return status;
  const bool agrees = codec.latent_dim() == package.latent_dim &&
                      (!codec.is_sparse() || codec.zero_point() == package.latent_zero_point);
  return agrees ? Status::kOk : Status::kInvalidPackage;
}

}  // namespace

Status ReadPackage(Bytes bytes, Package* package, Trains trains) {
  if (reinterpret_cast<uintptr_t>(bytes.data()) % kAlignment != 0) return Status::kInvalidArgument;
  Bytes whole;
  uint32_t num_sections = 0;
  Sections sections;
  if (Status status = ReadHeader(bytes, &whole, &num_sections); status != Status::kOk) return status;
  if (Status status = ReadSections(whole, num_sections, &sections); status != Status::kOk) return status;
  package->identity = ReadU32(whole.data() + kHeaderBytes + kEntryBytes * num_sections);
  package->total_bytes = static_cast<uint32_t>(whole.size());
  package->encoder = sections.encoder;
  package->plan = sections.plan;
  package->network = sections.network;
  package->codec = sections.codec;
  if (Status status = CheckEncoder(sections.encoder); status != Status::kOk) return status;
  if (Status status = ReadLatent(sections.latent, package); status != Status::kOk) return status;
  if (Status status = ReadLearning(sections.learning, package); status != Status::kOk) return status;
  if (Status status = CheckLabels(sections.labels); status != Status::kOk) return status;
  if (Status status = CheckCodec(*package); status != Status::kOk) return status;
  return CheckNetwork(sections.network, trains);
}

}  // namespace tfodcl
