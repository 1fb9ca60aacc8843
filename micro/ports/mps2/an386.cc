#include "ports/mps2/board.h"

namespace tfodcl {

static uint8_t request_buffer[kNrf52840.request_buffer_bytes];

const EmulatedBoard kEmulatedBoard = {"mps2-an386", kNrf52840, 0x21000000, request_buffer};

}  // namespace tfodcl
