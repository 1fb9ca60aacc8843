// Where commits go: arithmetic that writing and planning ahead share.

#ifndef TFODCL_STORE_CURSOR_H_
#define TFODCL_STORE_CURSOR_H_

#include "base/bytes.h"
#include "store/flash.h"
#include "store/log_format.h"

namespace tfodcl {

// Sizes that follow from a geometry and the buffer (SPEC.md 5).
struct Layout {
  uint32_t unit_bytes;
  uint32_t block_bytes;
  uint32_t num_blocks;
  uint32_t batch_bytes;  // most bytes of items in a pending commit

  // Offset of a block's first commit.
  uint32_t first() const { return static_cast<uint32_t>(AlignUp(kBlockHeaderBytes, unit_bytes)); }
  // Bytes of a commit without items.
  uint32_t empty_commit_bytes() const { return static_cast<uint32_t>(AlignUp(kCommitHeaderBytes, unit_bytes)); }
  // Kept free at the end of a block: for a commit that gives the tail, a gap after a mount, and the tail once more.
  uint32_t reserve_bytes() const { return 3 * empty_commit_bytes(); }
  // Offset at which commits with items end.
  uint32_t limit() const { return block_bytes - reserve_bytes(); }
};

// Most items of a commit: its header counts them in 16 bits.
inline constexpr uint32_t kMostItems = 0xFFFF;

// Items of one kind and size that stay together in one commit.
struct Group {
  uint8_t kind;
  uint32_t item_bytes;
  uint32_t num_items;

  uint64_t content_bytes() const { return static_cast<uint64_t>(item_bytes) * num_items; }
};

enum class Placement {
  kJoin,   // into the pending commit
  kHere,   // into a new commit of the same block
  kBlock,  // into a new commit of a new block
};

// The block that is written, the next commit's place in it, and that commit's items so far.
struct Cursor {
  uint32_t sequence;
  uint32_t offset;
  Group pending;  // num_items 0: none

  static uint64_t CommitBytes(const Group& group, const Layout& layout);

  Placement PlacementOf(const Group& group, const Layout& layout) const;

  // Puts the group where PlacementOf says. True where that began a new block.
  bool Add(const Group& group, const Layout& layout);

  // Ends the pending commit.
  void Close(const Layout& layout);

  void BeginNextBlock(const Layout& layout);
};

}  // namespace tfodcl

#endif  // TFODCL_STORE_CURSOR_H_
