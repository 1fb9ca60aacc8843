// An append-only log of opaque items in a ring of erase blocks: committed or absent, never half (SPEC.md 5).
//
// Items are written in commits: a header, some items of one kind and size, one CRC-32. A commit lies within one block.
// Nothing is overwritten. When the ring is full, the oldest block is collected: items that the owner still needs are
// appended anew, and the block may be erased. So all blocks wear alike. Why it is so: DESIGN.md, "Store".

#ifndef TFODCL_STORE_LOG_H_
#define TFODCL_STORE_LOG_H_

#include "base/arena.h"
#include "base/span.h"
#include "base/status.h"
#include "store/commit_reader.h"
#include "store/cursor.h"
#include "store/flash.h"
#include "store/log_format.h"

namespace tfodcl {

// Who knows what the items mean. Must not call the log but for Read while one of these runs.
class LogOwner {
 public:
  // While mounting: one committed item, in the order in which they lie in the log. An item that was moved stands where
  // it was moved to, thus after younger ones. After a power loss an item may come twice, with equal bytes: the earlier
  // one is to be kept, for the later one may be torn. Items that were not needed any longer may come again. Any status
  // but kOk ends the mount with it.
  virtual Status OnItem(const Item& item) = 0;

  // Whether the item at this address is needed any longer. Asked more than once; the answer may change only between
  // calls of the log. False for an address that the owner does not know.
  virtual bool IsNeeded(const Item& item) = 0;

  // A needed item has been appended anew at address `to`; it will be durable before the old one is erased.
  virtual void OnMoved(const Item& item, uint32_t to) = 0;

 protected:
  ~LogOwner() = default;
};

// Since the log was created in RAM, but for erase counts, which the blocks keep.
struct LogStatistics {
  uint32_t num_items;             // appended by the owner
  uint64_t item_bytes;            // of these items
  uint64_t programmed_bytes;      // of all program units written: items, headers, padding, copies
  uint64_t copied_bytes;          // of items, by collecting
  uint32_t num_erases;            // by this object
  uint32_t least_erase_count;     // of the blocks that have been used, over their life
  uint32_t greatest_erase_count;  // the same
  uint32_t num_commits_damaged;   // by the last mount: the header is there, its items are not (torn or unreadable)
};

class Log {
 public:
  // Of the arena given to Prepare, for commits of `batch_bytes` of items: those, a header, and padding.
  static size_t RequiredBytes(const Geometry& geometry, size_t batch_bytes);

  // `flash` and `owner` must outlive the log.
  Log(Flash* flash, LogOwner* owner) : flash_(flash), owner_(owner) {}
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  // First of all, once: takes the buffer for commits of at most `batch_bytes` of items. kArenaTooSmall;
  // kInvalidArgument where the geometry is not one of flash.h with 3..65,535 blocks, or a block cannot hold a commit of
  // batch_bytes.
  Status Prepare(size_t batch_bytes, Arena* arena);

  // Finds all committed items and hands them to the owner. Reads only, but for a flash without a log, which becomes an
  // empty log of `identity`. Nothing changes where the flash holds a log that was made with another identity (a
  // package's CRC-32), kForeignLog, or for another geometry or by a later version, kCorruptLog: see Format.
  // In these cases and where OnItem fails, the log is not mounted.
  Status Mount(uint32_t identity);

  // Begins an empty log and erases all else, whatever the flash holds. After a power loss within, a mount finds either
  // the log as it was or an empty one. In the latter case bytes of the old one may remain in the flash: Purge.
  Status Format(uint32_t identity);

  // All functions below: kInvalidArgument before a Mount or Format has succeeded, and after any failure but kLogFull,
  // kInvalidArgument and one of Read: the log must then be mounted again.

  // Appends an item to the pending commit: durable after Flush, or when an item comes that the pending commit cannot
  // take. Its address is known at once and can be read. `bytes` is copied; 1..batch_bytes. May collect blocks.
  // kLogFull where the items needed leave no room: nothing has changed then. kUnreadable where what was written reads
  // otherwise, or a needed item cannot be read any longer: the next mount will not find it.
  Status Append(uint8_t kind, Bytes bytes, uint32_t* address);

  // Makes all items appended so far durable.
  Status Flush();

  // Appends and commits one item that may be larger than the buffer, `head` then `body`, together 1.. the bytes that
  // LargestItem gives for a fresh block. Flushes what is pending first. Errors as Append.
  Status AppendNow(uint8_t kind, Bytes head, Bytes body, uint32_t* address);

  // The most bytes that AppendNow takes without leaving the rest of the block unused; where that rest is less than an
  // eighth of a block, those of a fresh block.
  uint32_t LargestItem() const;

  // Begins a new block, moves the needed items out of all blocks before it, and erases all other blocks: what the owner
  // no longer needs is gone from the flash. Interrupted, it has to be called again after the mount. kUnreadable as
  // Append.
  Status Purge();

  // Items appended that are not durable yet.
  uint32_t num_pending() const { return cursor_.pending.num_items; }

  // Reads within an item, pending or durable. kUnreadable, kOutOfRange.
  Status Read(uint32_t address, Span<uint8_t> out) const;

  // Reads the headers of all blocks for the erase counts.
  LogStatistics statistics() const;

 private:
  // log.cc: writing.
  Status MakeRoom(const Group& group);
  uint8_t* Extend(const Group& item, uint32_t* address);
  Status OpenNextBlock();
  Status WriteTail();
  Status LoseMount(Status why);
  Status Program(uint32_t offset, Bytes bytes);
  bool Holds(uint32_t address, Bytes bytes) const;
  Status EraseBlock(uint32_t block, uint32_t* erase_count);
  uint32_t NumFreeBlocks() const { return layout_.num_blocks - (cursor_.sequence + 1 - tail_); }
  uint32_t BlockOf(uint32_t sequence) const { return sequence % layout_.num_blocks; }

  // log.cc: a commit larger than the buffer, in parts. At the cursor, where room has been made and nothing is pending.
  void BeginCommit(const Group& group, uint32_t content_crc);
  Status Put(Bytes bytes);
  Span<uint8_t> RoomInBuffer(size_t most_bytes);
  Status ProgramFullBuffer();
  Status EndCommit();

  // log_mount.cc: finding the log in the flash.
  BlockContent ReadBlockHeader(uint32_t block, BlockHeader* header) const;
  bool FindHead();
  bool AdoptHead(const BlockHeader& header);
  uint32_t WrittenEnd(uint32_t block, uint32_t from) const;
  bool IsErased(uint32_t address, uint32_t size) const;
  Status DeliverItems();
  Status BeginWriting();
  Status SettleDoubts();

  // log_collect.cc: moving what is needed.
  bool CollectingMakesRoom(const Group& group) const;
  uint32_t NumNeeded(const Commit& commit) const;
  Status Collect();
  Status MoveNeeded(const Commit& commit, uint32_t num_needed);
  Status MoveLarge(const Commit& commit, const Group& group);
  Status AddToCrc(const Item& item, uint32_t* crc);
  Status PutItem(const Item& item, uint32_t* crc);
  void TellMoved(const Commit& commit, uint32_t to);
  Status ReadDurable(uint32_t address, Span<uint8_t> out);
  Status EraseFreeBlocks();

  Flash* flash_;
  LogOwner* owner_;
  LogStatistics statistics_{};
  Layout layout_{};
  Span<uint8_t> buffer_;         // the pending commit from its header on, or a part of a larger one
  uint32_t buffered_bytes_ = 0;  // of a larger one
  bool mounted_ = false;
  bool settled_ = false;  // what the mount left in doubt is so no longer
  uint32_t identity_ = 0;
  uint32_t tail_ = 0;  // sequence number of the oldest block that counts
  uint32_t greatest_erase_count_ = 0;
  Cursor cursor_{};  // where the next commit goes; its block is the head
};

}  // namespace tfodcl

#endif  // TFODCL_STORE_LOG_H_
