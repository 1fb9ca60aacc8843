// The program of every board: starts the learner and serves for ever.

#include "learner/learner.h"
#include "ports/port.h"
#include "serial/server.h"

int main(int argc, char** argv) {
  const tfodcl::Device& device = tfodcl::InitializeBoard(argc, argv);
  static tfodcl::Learner learner;
  static tfodcl::Server server(device, &learner);
  server.Start();
  for (;;) {
    static uint8_t buffer[256];
    const tfodcl::Span<uint8_t> bytes(buffer);
    server.Receive(bytes.subspan(0, device.read(bytes)));
  }
}
