// Files as memory.

#ifndef TFODCL_PORTS_HOST_FLASH_FILE_H_
#define TFODCL_PORTS_HOST_FLASH_FILE_H_

#include "base/span.h"

namespace tfodcl {

// `size_bytes` bytes that are those of the file at `path`, which is created, or extended with zeros. What is written to
// them is in the file at once, also if the program is killed. An empty path gives memory that ends with the program.
// At a multiple of the page size; never given back. Ends the program where that cannot be had.
Span<uint8_t> MapFlashFile(const char* path, size_t size_bytes);

// The content of the file at `path`, at a multiple of the page size; never given back. Ends the program as above.
Bytes MapFile(const char* path);

}  // namespace tfodcl

#endif  // TFODCL_PORTS_HOST_FLASH_FILE_H_
