#include "ports/simulated_flash.h"

#include <cstring>

#include "base/bytes.h"

namespace tfodcl {
namespace {

constexpr uint8_t kErased = 0xFF;
constexpr uint32_t kTrailerBytes = 20;

uint32_t NumUnits(const Geometry& geometry) { return geometry.size_bytes() / geometry.program_unit_bytes; }

// The geometry behind a word that memory never used is unlikely to hold.
void EncodeTrailer(const Geometry& geometry, uint8_t* bytes) {
  WriteU32(0x534C4654, bytes);
  WriteU32(geometry.program_unit_bytes, bytes + 4);
  WriteU32(geometry.erase_block_bytes, bytes + 8);
  WriteU32(geometry.num_blocks, bytes + 12);
  WriteU32(geometry.endurance, bytes + 16);
}

}  // namespace

size_t SimulatedFlash::RequiredBytes(const Geometry& geometry) {
  return size_t{geometry.size_bytes()} + (NumUnits(geometry) + 7) / 8 + size_t{4} * geometry.num_blocks + kTrailerBytes;
}

Status SimulatedFlash::Open() {
  if (memory_.size() < RequiredBytes(geometry_)) return Status::kInvalidArgument;
  uint8_t expected[kTrailerBytes];
  EncodeTrailer(geometry_, expected);
  if (std::memcmp(trailer(), expected, kTrailerBytes) == 0) return Status::kOk;
  std::memset(memory_.data(), kErased, geometry_.size_bytes());
  std::memset(programmed_bits(), 0, RequiredBytes(geometry_) - geometry_.size_bytes());
  std::memcpy(trailer(), expected, kTrailerBytes);
  return Status::kOk;
}

Status SimulatedFlash::Read(uint32_t address, Span<uint8_t> out) {
  if (!IsWithin(address, out.size())) return Refuse(Status::kOutOfRange);
  if (!out.empty()) std::memcpy(out.data(), memory_.data() + address, out.size());
  return Status::kOk;
}

Status SimulatedFlash::Program(uint32_t address, Bytes bytes) {
  const uint32_t unit_bytes = geometry_.program_unit_bytes;
  if (!IsWithin(address, bytes.size())) return Refuse(Status::kOutOfRange);
  if (address % unit_bytes != 0 || bytes.size() % unit_bytes != 0) return Refuse(Status::kInvalidArgument);
  const uint32_t first = address / unit_bytes;
  const uint32_t num_units = static_cast<uint32_t>(bytes.size()) / unit_bytes;
  uint8_t* bits = programmed_bits();
  for (uint32_t unit = first; unit < first + num_units; ++unit) {
    if (bits[unit / 8] >> unit % 8 & 1) return Refuse(Status::kNotErased);
  }
  for (uint32_t unit = first; unit < first + num_units; ++unit) bits[unit / 8] |= static_cast<uint8_t>(1 << unit % 8);
  if (!bytes.empty()) std::memcpy(memory_.data() + address, bytes.data(), bytes.size());
  return Status::kOk;
}

Status SimulatedFlash::Erase(uint32_t block) {
  if (block >= geometry_.num_blocks) return Refuse(Status::kOutOfRange);
  std::memset(memory_.data() + block * geometry_.erase_block_bytes, kErased, geometry_.erase_block_bytes);
  const uint32_t units_per_block = geometry_.erase_block_bytes / geometry_.program_unit_bytes;
  uint8_t* bits = programmed_bits();
  for (uint32_t unit = block * units_per_block; unit < (block + 1) * units_per_block; ++unit) {
    bits[unit / 8] &= static_cast<uint8_t>(~(1 << unit % 8));
  }
  WriteU32(erase_count(block) + 1, erase_counts() + 4 * block);
  return Status::kOk;
}

uint32_t SimulatedFlash::erase_count(uint32_t block) const { return ReadU32(erase_counts() + 4 * block); }

Status SimulatedFlash::Refuse(Status status) {
  ++num_violations_;
  return status;
}

bool SimulatedFlash::IsWithin(uint32_t address, size_t size) const {
  return address <= geometry_.size_bytes() && size <= geometry_.size_bytes() - address;
}

uint8_t* SimulatedFlash::erase_counts() const { return programmed_bits() + (NumUnits(geometry_) + 7) / 8; }

uint8_t* SimulatedFlash::trailer() const { return erase_counts() + 4 * geometry_.num_blocks; }

}  // namespace tfodcl
