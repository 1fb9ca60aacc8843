// The host program's line: standard input and output, or one TCP connection at a time.

#ifndef TFODCL_PORTS_HOST_LINE_H_
#define TFODCL_PORTS_HOST_LINE_H_

#include "base/span.h"

namespace tfodcl {

// Speaks on 127.0.0.1:`port` instead of standard input and output; 0 takes a free port. Writes "listening on
// 127.0.0.1:PORT" to standard error, and returns the port. Ends the program where it cannot be had.
int ListenOn(int port);

// As Device::read and Device::write. At the end of standard input the program ends. After the end of a connection the
// next one is waited for, and bytes for nobody are dropped.
size_t ReadLine(Span<uint8_t> out);
void WriteLine(Bytes bytes);

}  // namespace tfodcl

#endif  // TFODCL_PORTS_HOST_LINE_H_
