// How the host program ends when it cannot go on.

#ifndef TFODCL_PORTS_HOST_FAIL_H_
#define TFODCL_PORTS_HOST_FAIL_H_

#include <cstdio>
#include <cstdlib>

namespace tfodcl {

// One line on standard error: the rule that was broken and what was received. Exit code 2.
[[noreturn]] inline void Fail(const char* rule, const char* received) {
  std::fprintf(stderr, "tfodcl_host: error: %s. Received: %s.\n", rule, received);
  std::exit(2);
}

}  // namespace tfodcl

#endif  // TFODCL_PORTS_HOST_FAIL_H_
