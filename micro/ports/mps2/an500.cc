#include "ports/mps2/board.h"

namespace tfodcl {

static uint8_t request_buffer[kStm32h747.request_buffer_bytes];

const EmulatedBoard kEmulatedBoard = {"mps2-an500", kStm32h747, 0x60000000, request_buffer};

}  // namespace tfodcl
