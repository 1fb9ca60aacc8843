#include "store/log.h"

#include "base/crc32.h"

namespace tfodcl {
namespace {

constexpr uint32_t kLargestUnitBytes = 256;

bool IsPossible(const Geometry& geometry) {
  const uint32_t unit = geometry.program_unit_bytes;
  return unit >= 4 && unit <= kLargestUnitBytes && (unit & (unit - 1)) == 0 && geometry.erase_block_bytes > 0 &&
         geometry.erase_block_bytes % unit == 0 && geometry.num_blocks >= 3 && geometry.num_blocks <= 0xFFFF &&
         static_cast<uint64_t>(geometry.erase_block_bytes) * geometry.num_blocks <= 0xFFFFFFFF;
}

}  // namespace

size_t Log::RequiredBytes(const Geometry& geometry, size_t batch_bytes) {
  return Arena::BytesOf<uint8_t>(AlignUp(kCommitHeaderBytes + batch_bytes, geometry.program_unit_bytes));
}

Status Log::Prepare(size_t batch_bytes, Arena* arena) {
  const Geometry& geometry = flash_->geometry();
  if (!IsPossible(geometry) || batch_bytes == 0 || batch_bytes > geometry.erase_block_bytes) {
    return Status::kInvalidArgument;
  }
  const Layout layout = {geometry.program_unit_bytes, geometry.erase_block_bytes, geometry.num_blocks,
                         static_cast<uint32_t>(batch_bytes)};
  const size_t buffer_bytes = AlignUp(kCommitHeaderBytes + batch_bytes, geometry.program_unit_bytes);
  if (layout.first() + buffer_bytes + layout.reserve_bytes() > layout.block_bytes) return Status::kInvalidArgument;
  if (const Status status = arena->Allocate(buffer_bytes, &buffer_); status != Status::kOk) return status;
  layout_ = layout;
  return Status::kOk;
}

Status Log::Append(uint8_t kind, Bytes bytes, uint32_t* address) {
  if (const Status status = BeginWriting(); status != Status::kOk) return status;
  if (bytes.empty() || bytes.size() > layout_.batch_bytes) return Status::kInvalidArgument;
  const Group item = {kind, static_cast<uint32_t>(bytes.size()), 1};
  if (const Status status = MakeRoom(item); status != Status::kOk) return status;
  std::memcpy(Extend(item, address), bytes.data(), bytes.size());
  ++statistics_.num_items;
  statistics_.item_bytes += bytes.size();
  return Status::kOk;
}

Status Log::Flush() {
  if (!mounted_) return Status::kInvalidArgument;
  const Group& items = cursor_.pending;
  if (items.num_items == 0) return Status::kOk;
  const uint32_t content_bytes = items.item_bytes * items.num_items;
  const CommitHeader header = {items.kind, static_cast<uint16_t>(items.num_items), items.item_bytes,
                               Crc32(buffer_.subspan(kCommitHeaderBytes, content_bytes))};
  EncodeCommitHeader(header, cursor_.sequence, cursor_.offset, buffer_.data());
  const uint32_t used_bytes = kCommitHeaderBytes + content_bytes;
  const uint32_t commit_bytes = static_cast<uint32_t>(Cursor::CommitBytes(items, layout_));
  std::memset(buffer_.data() + used_bytes, 0, commit_bytes - used_bytes);
  const Status status = Program(cursor_.offset, buffer_.subspan(0, commit_bytes));
  if (status == Status::kOk) cursor_.Close(layout_);
  return status;
}

Status Log::AppendNow(uint8_t kind, Bytes head, Bytes body, uint32_t* address) {
  if (const Status status = BeginWriting(); status != Status::kOk) return status;
  const size_t most_bytes = layout_.limit() - layout_.first() - kCommitHeaderBytes;
  if (head.size() > most_bytes || body.size() > most_bytes - head.size() || head.size() + body.size() == 0) {
    return Status::kInvalidArgument;
  }
  if (const Status status = Flush(); status != Status::kOk) return status;
  const Group item = {kind, static_cast<uint32_t>(head.size() + body.size()), 1};
  if (const Status status = MakeRoom(item); status != Status::kOk) return status;
  *address = BlockOf(cursor_.sequence) * layout_.block_bytes + cursor_.offset + kCommitHeaderBytes;
  BeginCommit(item, Crc32(body, Crc32(head)));
  if (const Status status = Put(head); status != Status::kOk) return status;
  if (const Status status = Put(body); status != Status::kOk) return status;
  ++statistics_.num_items;
  statistics_.item_bytes += item.item_bytes;
  return EndCommit();
}

uint32_t Log::LargestItem() const {
  Cursor next = cursor_;
  next.Close(layout_);
  const uint32_t end = next.offset + kCommitHeaderBytes;
  if (end < layout_.limit() && layout_.limit() - end >= layout_.block_bytes / 8) return layout_.limit() - end;
  return layout_.limit() - layout_.first() - kCommitHeaderBytes;
}

Status Log::Read(uint32_t address, Span<uint8_t> out) const {
  const Group& items = cursor_.pending;
  if (items.num_items == 0) return flash_->Read(address, out);
  const uint32_t content = BlockOf(cursor_.sequence) * layout_.block_bytes + cursor_.offset + kCommitHeaderBytes;
  const uint32_t content_bytes = items.item_bytes * items.num_items;
  if (address < content || address - content >= content_bytes) return flash_->Read(address, out);
  if (out.size() > content_bytes - (address - content)) return Status::kOutOfRange;
  if (!out.empty()) std::memcpy(out.data(), buffer_.data() + kCommitHeaderBytes + (address - content), out.size());
  return Status::kOk;
}

LogStatistics Log::statistics() const {
  LogStatistics statistics = statistics_;
  for (uint32_t block = 0; block < flash_->geometry().num_blocks; ++block) {
    BlockHeader header;
    if (ReadBlockHeader(block, &header) != BlockContent::kLog) continue;
    uint32_t& least = statistics.least_erase_count;
    if (least == 0 || header.erase_count < least) least = header.erase_count;
  }
  statistics.greatest_erase_count = greatest_erase_count_;
  return statistics;
}

Status Log::MakeRoom(const Group& group) {
  for (uint32_t num_collected = 0; num_collected <= layout_.num_blocks; ++num_collected) {
    const Placement placement = cursor_.PlacementOf(group, layout_);
    if (placement == Placement::kJoin) return Status::kOk;
    if (const Status status = Flush(); status != Status::kOk) return status;
    if (placement == Placement::kHere) return Status::kOk;
    if (NumFreeBlocks() >= 2) return OpenNextBlock();
    if (num_collected == 0 && !CollectingMakesRoom(group)) return Status::kLogFull;
    if (const Status status = Collect(); status != Status::kOk) return status;
  }
  return Status::kLogFull;
}

uint8_t* Log::Extend(const Group& item, uint32_t* address) {
  Group& items = cursor_.pending;
  if (items.num_items == 0) items = {item.kind, item.item_bytes, 0};
  const uint32_t place = kCommitHeaderBytes + items.num_items * items.item_bytes;
  ++items.num_items;
  *address = BlockOf(cursor_.sequence) * layout_.block_bytes + cursor_.offset + place;
  return buffer_.data() + place;
}

Status Log::OpenNextBlock() {
  const uint32_t sequence = cursor_.sequence + 1;
  if (NumFreeBlocks() == 0 || sequence > kGreatestSequence) return LoseMount(Status::kCorruptLog);
  BlockHeader header = {0, sequence, identity_, tail_};
  if (const Status status = EraseBlock(BlockOf(sequence), &header.erase_count); status != Status::kOk) return status;
  cursor_.BeginNextBlock(layout_);
  uint8_t bytes[kLargestUnitBytes] = {};
  EncodeBlockHeader(header, flash_->geometry(), bytes);
  return Program(0, Bytes(bytes, layout_.first()));
}

Status Log::WriteTail() {
  uint8_t bytes[kLargestUnitBytes] = {};
  EncodeCommitHeader({0, 0, tail_, 0}, cursor_.sequence, cursor_.offset, bytes);
  const Status status = Program(cursor_.offset, Bytes(bytes, layout_.empty_commit_bytes()));
  cursor_.offset += layout_.empty_commit_bytes();
  return status;
}

Status Log::LoseMount(Status why) {
  mounted_ = false;
  return why;
}

void Log::BeginCommit(const Group& group, uint32_t content_crc) {
  const CommitHeader header = {group.kind, static_cast<uint16_t>(group.num_items), group.item_bytes, content_crc};
  EncodeCommitHeader(header, cursor_.sequence, cursor_.offset, buffer_.data());
  buffered_bytes_ = kCommitHeaderBytes;
}

Status Log::Put(Bytes bytes) {
  for (size_t done = 0; done < bytes.size();) {
    const Span<uint8_t> room = RoomInBuffer(bytes.size() - done);
    std::memcpy(room.data(), bytes.data() + done, room.size());
    done += room.size();
    if (const Status status = ProgramFullBuffer(); status != Status::kOk) return status;
  }
  return Status::kOk;
}

Status Log::EndCommit() {
  const uint32_t size = static_cast<uint32_t>(AlignUp(buffered_bytes_, layout_.unit_bytes));
  std::memset(buffer_.data() + buffered_bytes_, 0, size - buffered_bytes_);
  buffered_bytes_ = 0;
  const Status status = Program(cursor_.offset, buffer_.subspan(0, size));
  cursor_.offset += size;
  return status;
}

Span<uint8_t> Log::RoomInBuffer(size_t most_bytes) {
  const size_t room = buffer_.size() - buffered_bytes_;
  const Span<uint8_t> part = buffer_.subspan(buffered_bytes_, most_bytes < room ? most_bytes : room);
  buffered_bytes_ += static_cast<uint32_t>(part.size());
  return part;
}

Status Log::ProgramFullBuffer() {
  if (buffered_bytes_ < buffer_.size()) return Status::kOk;
  buffered_bytes_ = 0;
  const Status status = Program(cursor_.offset, buffer_);
  cursor_.offset += static_cast<uint32_t>(buffer_.size());
  return status;
}

Status Log::EraseBlock(uint32_t block, uint32_t* erase_count) {
  BlockHeader header;
  const bool is_known = ReadBlockHeader(block, &header) == BlockContent::kLog;
  *erase_count = is_known && header.erase_count < 0xFFFFFFFF ? header.erase_count + 1 : greatest_erase_count_;
  if (*erase_count == 0) *erase_count = 1;
  if (*erase_count > greatest_erase_count_) greatest_erase_count_ = *erase_count;
  const Status status = flash_->Erase(block);
  ++statistics_.num_erases;
  return status == Status::kOk ? status : LoseMount(status);
}

Status Log::Program(uint32_t offset, Bytes bytes) {
  const uint32_t address = BlockOf(cursor_.sequence) * layout_.block_bytes + offset;
  const Status status = flash_->Program(address, bytes);
  statistics_.programmed_bytes += bytes.size();
  if (status != Status::kOk) return LoseMount(status);
  return Holds(address, bytes) ? Status::kOk : LoseMount(Status::kUnreadable);
}

// Whether the flash reads as it was written: cells wear out, and a unit that reads as erased may have been torn.
bool Log::Holds(uint32_t address, Bytes bytes) const {
  uint8_t chunk[128];
  for (size_t done = 0; done < bytes.size();) {
    const size_t left = bytes.size() - done;
    const Span<uint8_t> part(chunk, left < sizeof(chunk) ? left : sizeof(chunk));
    if (flash_->Read(address + static_cast<uint32_t>(done), part) != Status::kOk) return false;
    if (std::memcmp(chunk, bytes.data() + done, part.size()) != 0) return false;
    done += part.size();
  }
  return true;
}

}  // namespace tfodcl
