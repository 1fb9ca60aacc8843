#include "base/crc32.h"

namespace tfodcl {
namespace {

// One entry for each value of four bits: 64 bytes of flash, two look-ups a byte.
struct Table {
  uint32_t entries[16];
};

constexpr Table MakeTable() {
  Table table{};
  for (uint32_t i = 0; i < 16; ++i) {
    uint32_t remainder = i;
    for (int bit = 0; bit < 4; ++bit) remainder = remainder >> 1 ^ (remainder & 1 ? 0xEDB88320u : 0);
    table.entries[i] = remainder;
  }
  return table;
}

constexpr Table kTable = MakeTable();

}  // namespace

uint32_t Crc32(Bytes bytes, uint32_t before) {
  uint32_t crc = ~before;
  for (const uint8_t byte : bytes) {
    crc ^= byte;
    crc = crc >> 4 ^ kTable.entries[crc & 15];
    crc = crc >> 4 ^ kTable.entries[crc & 15];
  }
  return ~crc;
}

}  // namespace tfodcl
