// CRC-32 of IEEE 802.3, as zlib computes it (SPEC.md 1).

#ifndef TFODCL_BASE_CRC32_H_
#define TFODCL_BASE_CRC32_H_

#include "base/span.h"

namespace tfodcl {

// The CRC-32 of `bytes`, or, given that of the bytes before them, of both together.
uint32_t Crc32(Bytes bytes, uint32_t before = 0);

}  // namespace tfodcl

#endif  // TFODCL_BASE_CRC32_H_
