#include "store/cursor.h"

namespace tfodcl {

uint64_t Cursor::CommitBytes(const Group& group, const Layout& layout) {
  const uint64_t last = layout.unit_bytes - 1;
  return (kCommitHeaderBytes + group.content_bytes() + last) & ~last;
}

Placement Cursor::PlacementOf(const Group& group, const Layout& layout) const {
  uint64_t end = offset;
  if (pending.num_items > 0) {
    const Group joined = {pending.kind, pending.item_bytes, pending.num_items + group.num_items};
    if (pending.kind == group.kind && pending.item_bytes == group.item_bytes && joined.num_items <= kMostItems &&
        joined.content_bytes() <= layout.batch_bytes && offset + CommitBytes(joined, layout) <= layout.limit()) {
      return Placement::kJoin;
    }
    end += CommitBytes(pending, layout);
  }
  return end + CommitBytes(group, layout) <= layout.limit() ? Placement::kHere : Placement::kBlock;
}

bool Cursor::Add(const Group& group, const Layout& layout) {
  const Placement placement = PlacementOf(group, layout);
  if (placement == Placement::kJoin) {
    pending.num_items += group.num_items;
    return false;
  }
  Close(layout);
  if (placement == Placement::kBlock) BeginNextBlock(layout);
  pending = group;
  return placement == Placement::kBlock;
}

void Cursor::Close(const Layout& layout) {
  if (pending.num_items > 0) offset += static_cast<uint32_t>(CommitBytes(pending, layout));
  pending = {};
}

void Cursor::BeginNextBlock(const Layout& layout) {
  ++sequence;
  offset = layout.first();
  pending = {};
}

}  // namespace tfodcl
