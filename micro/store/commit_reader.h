// Finds the commits of one block.

#ifndef TFODCL_STORE_COMMIT_READER_H_
#define TFODCL_STORE_COMMIT_READER_H_

#include "store/cursor.h"
#include "store/flash.h"
#include "store/log_format.h"

namespace tfodcl {

// An item in the log. `address` is that of its first byte in the flash; it stays valid until OnMoved tells another.
struct Item {
  uint8_t kind;
  uint32_t address;
  uint32_t size_bytes;
};

// One that was found; none of its numbers reaches beyond its block.
struct Commit {
  CommitHeader header;
  uint32_t content_address;  // of the first item, in the flash
  uint32_t end_offset;       // in the block, behind the padding
  bool is_intact;            // all items can be read and have the CRC-32 of the header

  // Item 0 <= i < header.num_items.
  Item ItemAt(uint32_t i) const { return {header.kind, content_address + i * header.item_bytes, header.item_bytes}; }
};

// Finds every commit whose header is valid, in the order of their places, among whatever else lies there. Behind an
// intact commit it goes on at its end; else at the next program unit, since writing may have resumed inside of it.
class CommitReader {
 public:
  CommitReader(Flash* flash, const Layout& layout, uint32_t sequence)
      : flash_(flash), layout_(layout), sequence_(sequence), offset_(layout.first()) {}

  // False behind the last one.
  bool Next(Commit* commit);

 private:
  bool ReadAt(uint32_t offset, Commit* commit) const;
  bool IsIntact(const Commit& commit) const;

  Flash* flash_;
  const Layout& layout_;
  uint32_t sequence_;
  uint32_t offset_;
};

}  // namespace tfodcl

#endif  // TFODCL_STORE_COMMIT_READER_H_
