// What a port is: one function, that gives the board as a Device. The main loop (firmware.cc) is the same for all.

#ifndef TFODCL_PORTS_PORT_H_
#define TFODCL_PORTS_PORT_H_

#include "serial/device.h"

namespace tfodcl {

// Called once, before anything else, with the arguments of main; boards have none. Clocks, serial line and flash are
// ready when it returns. A host ends the program where the arguments are wrong.
const Device& InitializeBoard(int argc, char** argv);

}  // namespace tfodcl

#endif  // TFODCL_PORTS_PORT_H_
