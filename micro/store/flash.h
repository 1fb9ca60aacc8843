// What the log needs of a flash memory: a geometry and three functions.

#ifndef TFODCL_STORE_FLASH_H_
#define TFODCL_STORE_FLASH_H_

#include "base/span.h"
#include "base/status.h"

namespace tfodcl {

// A region of flash that is used for one thing. Addresses are bytes from its beginning.
struct Geometry {
  // Bytes that are programmed at once, and only once between erases: 4..256, a power of two.
  // STM32H747: 32, a flash word with its ECC. nRF52840: 4.
  uint32_t program_unit_bytes;
  // Bytes that are erased at once, to 0xFF: a multiple of program_unit_bytes. STM32H747: 131,072. nRF52840: 4,096.
  uint32_t erase_block_bytes;
  // Erase blocks of the region.
  uint32_t num_blocks;
  // Erases that a block is specified for; reports only. Both chips: 10,000.
  uint32_t endurance;

  constexpr uint32_t size_bytes() const { return erase_block_bytes * num_blocks; }
};

// Implemented by a port. All functions return when the flash is done; after a power loss any one of them may have been
// done in part: a torn program unit or erase block may read as anything, as unreadable, and differently each time.
class Flash {
 public:
  virtual const Geometry& geometry() const = 0;

  // Reads bytes at any address. kUnreadable where an ECC error covers one of them (`out` is then undefined),
  // kOutOfRange.
  virtual Status Read(uint32_t address, Span<uint8_t> out) = 0;

  // Programs whole program units in ascending order, none of which has been programmed since its block was erased. In
  // case of kNotErased nothing has changed; kInvalidArgument where `address` or the size is no multiple of the unit,
  // kFlashFailure, kOutOfRange.
  virtual Status Program(uint32_t address, Bytes bytes) = 0;

  // Erases block 0 <= block < num_blocks. kFlashFailure, kOutOfRange.
  virtual Status Erase(uint32_t block) = 0;

 protected:
  ~Flash() = default;
};

}  // namespace tfodcl

#endif  // TFODCL_STORE_FLASH_H_
