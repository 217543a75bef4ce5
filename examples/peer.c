/*
 * A member of a fleet in C, by orbit.h: an example for docs/guide/other-languages.md.
 *
 *   peer FLEET [COUNT]
 *
 * It reads the ring "questions", publishes each text in capital letters to the ring "answers", and adds 1 to the
 * counter "answered". It ends after COUNT records; without COUNT, when it is killed. Exit code 0: done; 1: an error; 2:
 * wrong arguments.
 */
#include <ctype.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "orbit.h"

enum { LOOK_MS = 1000, PAYLOAD_BYTES = 64 };

static void require_ok(int status) {
  if (status >= 0) return;
  fprintf(stderr, "peer: %s: %s\n", orbit_code(status), orbit_message());
  exit(1);
}

static orbit_ring *open_ring(orbit_fleet *fleet, const char *name) {
  orbit_type type = {0};
  orbit_ring *ring;
  type.struct_bytes = sizeof type;
  type.name = name;
  type.kind = ORBIT_KIND_OF_NAME;
  type.capacity = 64;
  type.payload_bytes = PAYLOAD_BYTES;
  require_ok(orbit_ring_open(fleet, &type, &ring));
  return ring;
}

static void answer(orbit_ring *answers, const orbit_record *question, char *text) {
  uint32_t i;
  for (i = 0; i < question->length; i++) text[i] = (char)toupper((unsigned char)text[i]);
  require_ok(orbit_ring_publish(answers, text, question->length, question->position, 0, NULL));
}

int main(int count, char **words) {
  orbit_join_options options = {0};
  orbit_fleet *fleet;
  orbit_ring *questions, *answers;
  orbit_counters *counters;
  uint64_t position;
  long left = count == 3 ? strtol(words[2], NULL, 10) : -1;
  int bell;
  if (count < 2 || count > 3 || (count == 3 && left <= 0)) {
    fprintf(stderr, "usage: peer FLEET [COUNT]\n");
    return 2;
  }
  options.struct_bytes = sizeof options;
  options.label = "peer.c";
  require_ok(orbit_fleet_join(words[1], &options, &fleet));
  questions = open_ring(fleet, "questions");
  answers = open_ring(fleet, "answers");
  require_ok(orbit_counters_open(fleet, NULL, &counters));
  require_ok(orbit_bell_open(fleet, &bell));
  require_ok(orbit_ring_oldest(questions, &position));
  printf("{\"node\":%u,\"position\":%llu}\n", (unsigned)orbit_fleet_node(fleet), (unsigned long long)position);
  fflush(stdout);

  while (left != 0) {
    struct pollfd waited = {0};
    orbit_record record;
    char text[PAYLOAD_BYTES];
    int status = orbit_ring_poll(questions, &position, &record, text, sizeof text);
    require_ok(status);
    if (record.lost > 0) fprintf(stderr, "peer: lost %llu questions\n", (unsigned long long)record.lost);
    if (status == ORBIT_OK) {
      answer(answers, &record, text);
      require_ok(orbit_counters_add(counters, "answered", 1, NULL));
      if (left > 0) left--;
      continue;
    }
    /* Nothing is left to read: sleep until the bell is signaled. An event loop would watch other descriptors, too. */
    require_ok(orbit_bell_clear(fleet));
    status = orbit_ring_sleep(questions, position);
    require_ok(status);
    if (status == ORBIT_OK) continue;
    waited.fd = bell;
    waited.events = POLLIN;
    poll(&waited, 1, LOOK_MS);
  }
  orbit_fleet_close(fleet);
  return 0;
}
