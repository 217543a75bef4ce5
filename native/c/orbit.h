/*
 * orbit.h: the C interface of orbit-node. A process that uses it is a member of a fleet as a Node.js process is.
 *
 *   orbit_fleet *fleet;
 *   if (orbit_fleet_join("demo", NULL, &fleet) != ORBIT_OK) puts(orbit_message());
 *
 * Every call returns ORBIT_OK, ORBIT_NOTHING, or an error: a negative number. No call throws, and none ends the
 * process. Two threads must not use one fleet, or what was opened in it, at the same time; each thread may join on its
 * own. In a child of fork() every call returns ORBIT_CLOSED.
 *
 * docs/guide/other-languages.md says how to build it.
 */
#ifndef ORBIT_H
#define ORBIT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ORBIT_API __attribute__((visibility("default")))

typedef struct orbit_fleet orbit_fleet;
typedef struct orbit_ring orbit_ring;
typedef struct orbit_counters orbit_counters;

/* What a call returns. Errors have the codes of orbit-node: docs/guide/errors.md explains them. */
enum {
  ORBIT_OK = 0,
  ORBIT_NOTHING = 1,           /* there is nothing: no record, no counter, no news in the time given */
  ORBIT_INVALID_ARGUMENT = -1, /* ERR_ORBIT_INVALID_ARGUMENT: a pointer that must not be NULL, or another version */
  ORBIT_OUT_OF_RANGE = -2,     /* ERR_ORBIT_OUT_OF_RANGE */
  ORBIT_PAYLOAD_SIZE = -3,     /* ERR_ORBIT_PAYLOAD_SIZE: nothing was published */
  ORBIT_CLOSED = -4,           /* ERR_ORBIT_CLOSED: this process was forked from the member */
  ORBIT_NODE_TAKEN = -5,       /* ERR_ORBIT_NODE_TAKEN */
  ORBIT_FLEET_FULL = -6,       /* ERR_ORBIT_FLEET_FULL */
  ORBIT_BUSY = -7,             /* ERR_ORBIT_BUSY */
  ORBIT_RETIRED = -8,          /* ERR_ORBIT_RETIRED: the object was removed; close the fleet and join again */
  ORBIT_KINDS_FULL = -9,       /* ERR_ORBIT_KINDS_FULL */
  ORBIT_NO_SPACE = -10,        /* ERR_ORBIT_NO_SPACE: of shared memory, or of the process's own */
  ORBIT_TABLE_FULL = -11,      /* ERR_ORBIT_TABLE_FULL */
  ORBIT_NO_SPARE = -12,        /* ERR_ORBIT_NO_SPARE */
  ORBIT_EXHAUSTED = -13,       /* ERR_ORBIT_EXHAUSTED */
  ORBIT_PERMISSION = -14,      /* ERR_ORBIT_PERMISSION */
  ORBIT_LAYOUT_MISMATCH = -15, /* ERR_ORBIT_LAYOUT_MISMATCH */
  ORBIT_TYPE_MISMATCH = -16,   /* ERR_ORBIT_TYPE_MISMATCH */
  ORBIT_CORRUPT = -17,         /* ERR_ORBIT_CORRUPT */
  ORBIT_SYSTEM = -18           /* ERR_ORBIT_SYSTEM: a system call failed, see orbit_errno */
};

/* The code of an error, such as "ERR_ORBIT_BUSY"; "" for ORBIT_OK, ORBIT_NOTHING and other numbers. */
ORBIT_API const char* orbit_code(int status);
/* The message of the last error in this thread: what was expected, what was given, and what to do. "" for none. */
ORBIT_API const char* orbit_message(void);
/* errno of the last error in this thread, if a system call failed; otherwise 0. */
ORBIT_API int orbit_errno(void);

/* ---- fleets ------------------------------------------------------------------------------------------------------ */

enum { ORBIT_LIFETIME_DEFAULT = 0, ORBIT_LIFETIME_FLEET = 1, ORBIT_LIFETIME_PERSISTENT = 2 };

/* Set struct_bytes to sizeof(orbit_join_options), and what you leave to the default to 0. */
typedef struct orbit_join_options {
  size_t struct_bytes;
  const char* label;   /* what `orbit nodes` shows, cut to 32 bytes of UTF-8; default "orbit.h" */
  uint32_t size;       /* number of nodes, 1..65536; default that of the existing fleet, or 256 for a new one */
  uint32_t lifetime;   /* ORBIT_LIFETIME_...; default that of the existing fleet, or FLEET for a new one */
  uint32_t timeout_ms; /* how long to wait for the lock of joins and creations, up to 2^31-1; default 1000 */
  uint32_t takes_node; /* 1: takes the node `node`, or fails with ORBIT_NODE_TAKEN; default the first free one */
  uint32_t node;       /* 0..size-1 */
} orbit_join_options;

/*
 * Joins the fleet of this name on this host and user, as Fleet.joinShm does, and creates it if it does not exist.
 * `name`: 1..64 of letters, digits, '.', '_' and '-'. `options` may be NULL.
 */
ORBIT_API int orbit_fleet_join(const char* name, const orbit_join_options* options, orbit_fleet** fleet);
/* Leaves the fleet, and frees it with its rings, counters and bell. NULL is allowed. */
ORBIT_API void orbit_fleet_close(orbit_fleet* fleet);
/* The node that this member holds. */
ORBIT_API uint32_t orbit_fleet_node(const orbit_fleet* fleet);

/* ---- rings ------------------------------------------------------------------------------------------------------- */

#define ORBIT_KIND_OF_NAME (-1)

/* The contract of a ring, which must be the same in every process: what orbitType() takes. */
typedef struct orbit_type {
  size_t struct_bytes; /* sizeof(orbit_type) */
  const char* name;    /* 1..64 bytes of UTF-8; with ORBIT_KIND_OF_NAME it must not begin with "orbit." */
  int32_t kind;        /* 0..127, or ORBIT_KIND_OF_NAME: the fleet chooses one by the name */
  uint32_t capacity;   /* a power of two in 1..2^19; 0: 1024 */
  /* The most bytes of a payload, 1..2^24. 0: 256 without a pod, and with one the room that costs no more memory. */
  uint32_t payload_bytes;
  const char* pod;    /* `pod.schema` of the pod in JavaScript; NULL: payloads are bytes */
  uint32_t pod_bytes; /* its `pod.byteLength`: the length of each payload that this process publishes */
} orbit_type;

/* Opens the ring of a type, and creates it if it does not exist. The fleet owns it. */
ORBIT_API int orbit_ring_open(orbit_fleet* fleet, const orbit_type* type, orbit_ring** ring);
/* The most bytes that a payload of the ring may have. */
ORBIT_API uint32_t orbit_ring_payload_bytes(const orbit_ring* ring);

/*
 * Publishes a record, and wakes the members that wait for it. `version`: any number up to 2^53-1. `frame_kind`: any
 * number for the application. `position` may be NULL.
 */
ORBIT_API int orbit_ring_publish(orbit_ring* ring, const void* payload, size_t bytes, uint64_t version,
                                 uint8_t frame_kind, uint64_t* position);

/* The position of the next record to be published. A reader that begins there reads what is published from now on. */
ORBIT_API int orbit_ring_head(orbit_ring* ring, uint64_t* position);
/* The oldest position that can still be read. */
ORBIT_API int orbit_ring_oldest(orbit_ring* ring, uint64_t* position);

typedef struct orbit_record {
  uint64_t position, version;
  uint64_t lost;      /* records before this one that were overwritten or cleared before they could be read */
  uint64_t malformed; /* positions before this one that contain no whole record */
  uint32_t node;      /* of its publisher */
  uint32_t length;    /* of the payload */
  uint8_t frame_kind;
} orbit_record;

/*
 * Reads the next record from `*position` on, and moves `*position` behind it. `payload` has room for `room` bytes, at
 * least orbit_ring_payload_bytes. ORBIT_NOTHING: there is none now. `lost` and `malformed` are set in that case, too.
 */
ORBIT_API int orbit_ring_poll(orbit_ring* ring, uint64_t* position, orbit_record* record, void* payload, size_t room);

/* ---- waiting ----------------------------------------------------------------------------------------------------- */

/*
 * Waits until a poll from `position` would find something. ORBIT_NOTHING: it would not, after `timeout_ms` or because a
 * signal was handled. It looks once a second in any case, since a publisher can be killed between its record and the
 * wake-up.
 */
ORBIT_API int orbit_ring_wait(orbit_ring* ring, uint64_t position, uint32_t timeout_ms);

/*
 * For an event loop of your own: the descriptor of the member's bell, which becomes readable when a ring for which
 * this member sleeps has news. The fleet closes it. When it is readable: clear it, poll each ring until ORBIT_NOTHING,
 * then call orbit_ring_sleep for each. Do the same once a second without it.
 */
ORBIT_API int orbit_bell_open(orbit_fleet* fleet, int* descriptor);
/* Takes the signals out of the bell. */
ORBIT_API int orbit_bell_clear(orbit_fleet* fleet);
/* ORBIT_OK: there is something to poll at `position`. ORBIT_NOTHING: from now on publishers signal the bell. */
ORBIT_API int orbit_ring_sleep(orbit_ring* ring, uint64_t position);
/* Ends the sleep: publishers need not signal for this ring. */
ORBIT_API int orbit_ring_awake(orbit_ring* ring);

/* ---- counters ---------------------------------------------------------------------------------------------------- */

/* Set struct_bytes to sizeof(orbit_counters_options), and what you leave to the default to 0. */
typedef struct orbit_counters_options {
  size_t struct_bytes;
  const char* name;    /* of a table of its own, 1..48 bytes; default the one table without a name */
  uint32_t capacity;   /* how many counters, a power of two in 16..2^21; default that of the existing table, or 4096 */
  uint32_t name_bytes; /* the longest name of a counter, 16..128; default that of the existing table, or 64 */
} orbit_counters_options;

/* Opens the table of `new Counters(fleet)`, and creates it if it does not exist. `options` may be NULL. */
ORBIT_API int orbit_counters_open(orbit_fleet* fleet, const orbit_counters_options* options, orbit_counters** counters);
/*
 * Adds to the counter of this name, which is made if it does not exist. `value`, which may be NULL, gets the sum.
 * ORBIT_EXHAUSTED: the sum would be outside -(2^53-1)..2^53-1, and nothing was added.
 */
ORBIT_API int orbit_counters_add(orbit_counters* counters, const char* name, int64_t delta, int64_t* value);
/* The value of a counter. ORBIT_NOTHING: there is no such counter. */
ORBIT_API int orbit_counters_get(orbit_counters* counters, const char* name, int64_t* value);

#ifdef __cplusplus
}
#endif

#endif
