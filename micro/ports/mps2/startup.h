// What the startup code knows: the stack, and how to begin anew.

#ifndef TFODCL_PORTS_MPS2_STARTUP_H_
#define TFODCL_PORTS_MPS2_STARTUP_H_

#include <cstdint>

namespace tfodcl {

// Resets the core and its peripherals; memories keep their content.
[[noreturn]] void ResetBoard();

// Of the stack, and the most of them that were in use since the reset.
uint32_t StackBytes();
uint32_t StackUsedBytes();

}  // namespace tfodcl

#endif  // TFODCL_PORTS_MPS2_STARTUP_H_
