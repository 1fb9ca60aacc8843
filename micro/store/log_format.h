// Block headers and commit headers (SPEC.md 5.1, 5.2).

#ifndef TFODCL_STORE_LOG_FORMAT_H_
#define TFODCL_STORE_LOG_FORMAT_H_

#include "base/bytes.h"
#include "store/flash.h"

namespace tfodcl {

inline constexpr uint32_t kBlockHeaderBytes = 32;
inline constexpr uint32_t kCommitHeaderBytes = 16;
inline constexpr uint32_t kGreatestSequence = 0xFFFF0000;

struct BlockHeader {
  uint32_t erase_count;  // of this block, over its life
  uint32_t sequence;     // of this block: 1 more than that of the block opened before it
  uint32_t identity;     // whom the log belongs to
  uint32_t tail;         // sequence of the oldest block that counted when this one was opened
};

enum class BlockContent {
  kNoHeader,  // never used, torn, or not a log's
  kOtherLog,  // the header of a log with another geometry or version
  kLog,
};

// `bytes`: kBlockHeaderBytes.
void EncodeBlockHeader(const BlockHeader& header, const Geometry& geometry, uint8_t* bytes);

// Of the bytes at the beginning of a block; only kLog fills `header`.
BlockContent DecodeBlockHeader(const uint8_t* bytes, const Geometry& geometry, uint32_t block, BlockHeader* header);

// num_items items of item_bytes bytes, or, with num_items 0, the new tail's sequence number in item_bytes.
struct CommitHeader {
  uint8_t kind;
  uint16_t num_items;
  uint32_t item_bytes;
  uint32_t content_crc;
};

// `bytes`: kCommitHeaderBytes, which will lie at `offset` of the block with this sequence number.
void EncodeCommitHeader(const CommitHeader& header, uint32_t sequence, uint32_t offset, uint8_t* bytes);

// False where they are not a commit's header written for this place.
bool DecodeCommitHeader(const uint8_t* bytes, uint32_t sequence, uint32_t offset, CommitHeader* header);

}  // namespace tfodcl

#endif  // TFODCL_STORE_LOG_FORMAT_H_
