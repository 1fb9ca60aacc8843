#include "store/log_format.h"

#include "base/crc32.h"

namespace tfodcl {
namespace {

constexpr uint8_t kMagic[4] = {0x89, 'L', 'O', 'G'};
constexpr uint8_t kVersion = 1;

uint8_t Log2(uint32_t power_of_two) {
  uint8_t exponent = 0;
  while (1u << exponent < power_of_two) ++exponent;
  return exponent;
}

// Of the header's first bytes and its place, so that nothing else passes for a header: no copy of one within an item,
// no remains of what the block held before.
uint32_t CommitHeaderCrc(const uint8_t* bytes, uint32_t sequence, uint32_t offset) {
  uint8_t place[8];
  WriteU32(sequence, place);
  WriteU32(offset, place + 4);
  return Crc32(place, Crc32(Bytes(bytes, 12)));
}

}  // namespace

void EncodeBlockHeader(const BlockHeader& header, const Geometry& geometry, uint8_t* bytes) {
  std::memcpy(bytes, kMagic, sizeof(kMagic));
  bytes[4] = kVersion;
  bytes[5] = Log2(geometry.program_unit_bytes);
  WriteU16(static_cast<uint16_t>(geometry.num_blocks), bytes + 6);
  WriteU32(geometry.erase_block_bytes, bytes + 8);
  WriteU32(header.erase_count, bytes + 12);
  WriteU32(header.sequence, bytes + 16);
  WriteU32(header.identity, bytes + 20);
  WriteU32(header.tail, bytes + 24);
  WriteU32(Crc32(Bytes(bytes, 28)), bytes + 28);
}

BlockContent DecodeBlockHeader(const uint8_t* bytes, const Geometry& geometry, uint32_t block, BlockHeader* header) {
  if (std::memcmp(bytes, kMagic, sizeof(kMagic)) != 0) return BlockContent::kNoHeader;
  if (Crc32(Bytes(bytes, 28)) != ReadU32(bytes + 28)) return BlockContent::kNoHeader;
  if (bytes[4] != kVersion || bytes[5] != Log2(geometry.program_unit_bytes) ||
      ReadU16(bytes + 6) != geometry.num_blocks || ReadU32(bytes + 8) != geometry.erase_block_bytes) {
    return BlockContent::kOtherLog;
  }
  const BlockHeader found = {ReadU32(bytes + 12), ReadU32(bytes + 16), ReadU32(bytes + 20), ReadU32(bytes + 24)};
  const bool is_possible = found.sequence <= kGreatestSequence && found.sequence % geometry.num_blocks == block &&
                           found.tail <= found.sequence && found.sequence - found.tail < geometry.num_blocks;
  if (!is_possible) return BlockContent::kNoHeader;
  *header = found;
  return BlockContent::kLog;
}

void EncodeCommitHeader(const CommitHeader& header, uint32_t sequence, uint32_t offset, uint8_t* bytes) {
  bytes[0] = header.kind;
  bytes[1] = 0;
  WriteU16(header.num_items, bytes + 2);
  WriteU32(header.item_bytes, bytes + 4);
  WriteU32(header.content_crc, bytes + 8);
  WriteU32(CommitHeaderCrc(bytes, sequence, offset), bytes + 12);
}

bool DecodeCommitHeader(const uint8_t* bytes, uint32_t sequence, uint32_t offset, CommitHeader* header) {
  if (bytes[1] != 0) return false;
  if (CommitHeaderCrc(bytes, sequence, offset) != ReadU32(bytes + 12)) return false;
  *header = {bytes[0], ReadU16(bytes + 2), ReadU32(bytes + 4), ReadU32(bytes + 8)};
  if (header->num_items == 0) return header->kind == 0 && header->content_crc == 0;
  return header->item_bytes > 0;
}

}  // namespace tfodcl
