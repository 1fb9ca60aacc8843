// In what the emulated boards differ.

#ifndef TFODCL_PORTS_MPS2_BOARD_H_
#define TFODCL_PORTS_MPS2_BOARD_H_

#include "base/span.h"
#include "ports/chips.h"

namespace tfodcl {

struct EmulatedBoard {
  const char* name;
  // The chip that it stands in for: its flash is simulated.
  const Chip& chip;
  // 16 MB that keep their content when the board is reset, and are zero when QEMU starts.
  uintptr_t psram_address;
  Span<uint8_t> request_buffer;
};

extern const EmulatedBoard kEmulatedBoard;

}  // namespace tfodcl

#endif  // TFODCL_PORTS_MPS2_BOARD_H_
