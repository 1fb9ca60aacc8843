// The program of every board: starts the learner and serves for ever.

#include "batch_learner/batch_learner.h"
#include "learner/learner.h"
#include "ports/port.h"
#include "serial/server.h"

int main(int argc, char** argv) {
  const tfodcl::Device& device = tfodcl::InitializeBoard(argc, argv);
  static tfodcl::Learner class_learner;
  static tfodcl::BatchLearner batch_learner;
  static tfodcl::Server server(device, &class_learner, &batch_learner);
  server.Start();
  for (;;) {
    static uint8_t buffer[256];
    const tfodcl::Span<uint8_t> bytes(buffer);
    server.Receive(bytes.subspan(0, device.read(bytes)));
  }
}
