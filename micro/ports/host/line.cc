#include "ports/host/line.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "ports/host/fail.h"

namespace tfodcl {
namespace {

int listener = -1;  // -1: standard input and output
int connection = -1;

int InputFile() { return listener < 0 ? STDIN_FILENO : connection; }
int OutputFile() { return listener < 0 ? STDOUT_FILENO : connection; }

void Accept() {
  while (connection < 0) connection = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
  const int on = 1;
  setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

void Disconnect() {
  if (listener < 0) std::exit(0);
  close(connection);
  connection = -1;
}

}  // namespace

int ListenOn(int port) {
  std::signal(SIGPIPE, SIG_IGN);
  listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (bind(listener, generic, size) != 0 || listen(listener, 1) != 0 || getsockname(listener, generic, &size) != 0) {
    Fail("the TCP port must be free", std::strerror(errno));
  }
  std::fprintf(stderr, "listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
  return ntohs(address.sin_port);
}

size_t ReadLine(Span<uint8_t> out) {
  for (;;) {
    if (listener >= 0 && connection < 0) Accept();
    const ssize_t size = read(InputFile(), out.data(), out.size());
    if (size > 0) return static_cast<size_t>(size);
    if (size < 0 && errno == EINTR) continue;
    Disconnect();
  }
}

void WriteLine(Bytes bytes) {
  while (!bytes.empty() && OutputFile() >= 0) {
    const ssize_t size = write(OutputFile(), bytes.data(), bytes.size());
    if (size >= 0) {
      bytes = bytes.subspan(static_cast<size_t>(size), bytes.size() - static_cast<size_t>(size));
    } else if (errno != EINTR) {
      Disconnect();
    }
  }
}

}  // namespace tfodcl
