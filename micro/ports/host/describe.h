#ifndef TFODCL_PORTS_HOST_DESCRIBE_H_
#define TFODCL_PORTS_HOST_DESCRIBE_H_

#include "base/span.h"
#include "ports/chips.h"

namespace tfodcl {

// Prints, as a line of JSON, what `package` needs of the arena with the chip's log: {"status", "arena_bytes", "parts":
// {NAME: bytes}}. Without parts, and 0, where status (SPEC.md 7.4) is not 0.
void Describe(Bytes package, const Chip& chip);

}  // namespace tfodcl

#endif  // TFODCL_PORTS_HOST_DESCRIBE_H_
