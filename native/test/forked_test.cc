// A forked child knows that it is one, and so does its own child; their parent is none.
#include "posix/forked.h"

#include <sys/wait.h>

#include "check.h"

namespace {

// Runs `body` in a forked child and waits for it.
template <typename Body>
void in_child(Body body) {
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    body();
    _exit(0);
  }
  int status;
  CHECK_EQUAL(waitpid(child, &status, 0), child);
  CHECK_EQUAL(status, 0);
}

}  // namespace

int main(int count, char** words) {
  parse_options(count, words);
  for (int i = 0; i < 2; i++) {
    CHECK(!orbit::is_forked());
    in_child([] {
      CHECK(orbit::is_forked());
      in_child([] { CHECK(orbit::is_forked()); });
    });
  }
  CHECK(!orbit::is_forked());
}
