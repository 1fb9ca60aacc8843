// Moving what is needed out of the oldest block (SPEC.md 5.5).

#include "base/crc32.h"
#include "store/log.h"

namespace tfodcl {

Status Log::Purge() {
  if (const Status status = BeginWriting(); status != Status::kOk) return status;
  if (const Status status = Flush(); status != Status::kOk) return status;
  const uint32_t last = cursor_.sequence;
  if (const Status status = OpenNextBlock(); status != Status::kOk) return status;
  while (tail_ <= last) {
    if (const Status status = Collect(); status != Status::kOk) return status;
  }
  return EraseFreeBlocks();
}

// Follows what Collect would do, block by block, without writing: a full log is so found out without wear.
bool Log::CollectingMakesRoom(const Group& group) const {
  Cursor plan = cursor_;
  uint32_t num_free = NumFreeBlocks();
  for (uint32_t sequence = tail_; sequence <= cursor_.sequence; ++sequence) {
    CommitReader reader(flash_, layout_, sequence);
    for (Commit commit; reader.Next(&commit);) {
      const uint32_t num_needed = NumNeeded(commit);
      if (num_needed > 0 && plan.Add({commit.header.kind, commit.header.item_bytes, num_needed}, layout_)) --num_free;
    }
    plan.Close(layout_);
    if (plan.offset > layout_.limit()) {
      plan.BeginNextBlock(layout_);
      --num_free;
    }
    plan.offset += layout_.empty_commit_bytes();
    ++num_free;
    if (num_free >= 2 || plan.PlacementOf(group, layout_) != Placement::kBlock) return true;
  }
  return false;
}

uint32_t Log::NumNeeded(const Commit& commit) const {
  uint32_t num_needed = 0;
  for (uint32_t i = 0; i < commit.header.num_items; ++i) {
    if (owner_->IsNeeded(commit.ItemAt(i))) ++num_needed;
  }
  return num_needed;
}

// Moves what is needed of the tail, the oldest block, to the head. The tail then no longer counts, and is erased when
// the ring comes to it.
Status Log::Collect() {
  CommitReader reader(flash_, layout_, tail_);
  for (Commit commit; reader.Next(&commit);) {
    const uint32_t num_needed = NumNeeded(commit);
    if (num_needed == 0) continue;
    if (!commit.is_intact) return LoseMount(Status::kUnreadable);
    if (const Status status = MoveNeeded(commit, num_needed); status != Status::kOk) return status;
  }
  if (const Status status = Flush(); status != Status::kOk) return status;
  ++tail_;
  if (cursor_.offset > layout_.limit()) {
    if (const Status status = OpenNextBlock(); status != Status::kOk) return status;
  }
  return WriteTail();
}

// What is needed of one commit stays together: so the copies never take more program units than the originals did. All
// its items are read once more, since what is copied must be what the CRC-32 has been checked of.
Status Log::MoveNeeded(const Commit& commit, uint32_t num_needed) {
  const Group group = {commit.header.kind, commit.header.item_bytes, num_needed};
  const Placement placement = cursor_.PlacementOf(group, layout_);
  if (placement != Placement::kJoin) {
    if (const Status status = Flush(); status != Status::kOk) return status;
  }
  if (placement == Placement::kBlock) {
    if (const Status status = OpenNextBlock(); status != Status::kOk) return status;
  }
  statistics_.copied_bytes += group.content_bytes();
  if (group.content_bytes() > layout_.batch_bytes) return MoveLarge(commit, group);
  uint32_t address = 0;
  uint32_t crc = 0;
  for (uint32_t i = 0; i < commit.header.num_items; ++i) {
    const Item item = commit.ItemAt(i);
    if (!owner_->IsNeeded(item)) {
      if (const Status status = AddToCrc(item, &crc); status != Status::kOk) return status;
      continue;
    }
    const Span<uint8_t> copy(Extend({group.kind, group.item_bytes, 1}, &address), item.size_bytes);
    if (const Status status = ReadDurable(item.address, copy); status != Status::kOk) return status;
    crc = Crc32(copy, crc);
  }
  if (crc != commit.header.content_crc) return LoseMount(Status::kUnreadable);
  TellMoved(commit, address - (num_needed - 1) * group.item_bytes);
  return Status::kOk;
}

// In two passes, for the CRC-32 stands before the items.
Status Log::MoveLarge(const Commit& commit, const Group& group) {
  const uint32_t first = BlockOf(cursor_.sequence) * layout_.block_bytes + cursor_.offset + kCommitHeaderBytes;
  uint32_t crc = 0;
  uint32_t needed_crc = 0;
  for (uint32_t i = 0; i < commit.header.num_items; ++i) {
    const Item item = commit.ItemAt(i);
    if (const Status status = AddToCrc(item, &crc); status != Status::kOk) return status;
    if (!owner_->IsNeeded(item)) continue;
    if (const Status status = AddToCrc(item, &needed_crc); status != Status::kOk) return status;
  }
  if (crc != commit.header.content_crc) return LoseMount(Status::kUnreadable);
  BeginCommit(group, needed_crc);
  crc = 0;
  for (uint32_t i = 0; i < commit.header.num_items; ++i) {
    const Item item = commit.ItemAt(i);
    if (!owner_->IsNeeded(item)) continue;
    if (const Status status = PutItem(item, &crc); status != Status::kOk) return status;
  }
  if (const Status status = EndCommit(); status != Status::kOk) return status;
  if (crc != needed_crc) return LoseMount(Status::kUnreadable);
  TellMoved(commit, first);
  return Status::kOk;
}

void Log::TellMoved(const Commit& commit, uint32_t to) {
  for (uint32_t i = 0; i < commit.header.num_items; ++i) {
    const Item item = commit.ItemAt(i);
    if (!owner_->IsNeeded(item)) continue;
    owner_->OnMoved(item, to);
    to += item.size_bytes;
  }
}

Status Log::AddToCrc(const Item& item, uint32_t* crc) {
  uint8_t chunk[128];
  for (uint32_t done = 0; done < item.size_bytes;) {
    const uint32_t left = item.size_bytes - done;
    const Span<uint8_t> part(chunk, left < sizeof(chunk) ? left : sizeof(chunk));
    if (const Status status = ReadDurable(item.address + done, part); status != Status::kOk) return status;
    *crc = Crc32(part, *crc);
    done += static_cast<uint32_t>(part.size());
  }
  return Status::kOk;
}

Status Log::PutItem(const Item& item, uint32_t* crc) {
  for (uint32_t done = 0; done < item.size_bytes;) {
    const Span<uint8_t> part = RoomInBuffer(item.size_bytes - done);
    if (const Status status = ReadDurable(item.address + done, part); status != Status::kOk) return status;
    *crc = Crc32(part, *crc);
    if (const Status status = ProgramFullBuffer(); status != Status::kOk) return status;
    done += static_cast<uint32_t>(part.size());
  }
  return Status::kOk;
}

Status Log::ReadDurable(uint32_t address, Span<uint8_t> out) {
  const Status status = flash_->Read(address, out);
  return status == Status::kOk ? status : LoseMount(status);
}

// So that nothing can be read any longer in the blocks that do not count; those that read as erased are left alone.
Status Log::EraseFreeBlocks() {
  for (uint32_t i = 0; i < NumFreeBlocks(); ++i) {
    const uint32_t block = (BlockOf(cursor_.sequence + 1) + i) % layout_.num_blocks;
    if (IsErased(block * layout_.block_bytes, layout_.block_bytes)) continue;
    uint32_t erase_count;
    if (const Status status = EraseBlock(block, &erase_count); status != Status::kOk) return status;
  }
  return Status::kOk;
}

}  // namespace tfodcl
