// Waking up: the bells of ../wake.h, for Spin. check.sh lists what is run.
//
// Modelled. Each load, store and read-modify-write of a shared word and each system call is one step. A publisher may
//   be killed before each of them. So may a waiter, even asleep; then the next owner of its node, which comes at any
//   time, settles it, makes a bell of its own and waits, too. A stopped process is one that never makes its next step.
//   One node waits on every ring with one bell. A look at a ring reads all that is in it. A waiter that found something
//   when it looked either sleeps or arms again, without draining the bell first.
// Not modelled. Memory is sequentially consistent. On one side the publishing swap and the load of `groups` must be so,
//   on the other the store of `arm` and the look that follows. How frames get into slots is in ring.pml: here a ring is
//   the number of its frames. Generations are small numbers that never run out. The slow timer, which bounds the gap of
//   a dead publisher, is left out; so are forged bytes, which cost a poll.
//
// Names, with those of wake.h. groups: sleeperGroups. sleepers, arm: the same, a bit and a word for
//   each node and ring. head: frames in the ring; adding one is the publishing swap. bell: bytes in the FIFO of the
//   node's present owner, a full one drops what is written. name: the FIFO that the bell's path leads to, 0 for none;
//   descriptor: the one that a publisher has open; a FIFO that is not `life`, the present owner's, has no reader.
//   incarnation: the word in the node's record. `life`, `unsignalled` and `signalled` are ghosts: known to the model
//   only.
//
// Checked. No lost wake: when everything is quiet, a waiter that sleeps with no byte in its bell has read every frame,
//   but for frames of publishers that died before they found this waiter's `arm` even or wrote its byte (`unsignalled`:
//   the gap). Cost: a publisher writes at most one byte for a generation, and generations only grow. Only a sleeping
//   waiter ever blocks (invalid end states), and nothing runs for ever (-DNP).
//
// What the mutants teach. A publisher opens the bell, or makes sure of the incarnation that it holds open, after it
//   loaded `arm`. An owner has its bell at its path before its incarnation is told, and both before it arms. No
//   settling, audit or reset ever makes `arm` smaller. A publisher never clears a sleeper's bit.
//
// run waiter         -DPUBLISHERS=2 -DFRAMES=2 -DDEATHS=1 -DBELL=1
// run waiter-deaths  -DPUBLISHERS=2 -DFRAMES=1 -DDEATHS=2
// run publishers     -DPUBLISHERS=3 -DFRAMES=1 -DDEATHS=0 -DBELL=1
// run waiter-leaves  -DPUBLISHERS=2 -DFRAMES=1 -DDEATHS=1 -DLEAVE
// run waiters        -DWAITERS=2 -DPUBLISHERS=2 -DFRAMES=1 -DDEATHS=0 -DONCE -DBELL=1
// run waiters-deaths -DWAITERS=2 -DPUBLISHERS=1 -DFRAMES=2 -DDEATHS=1
// run waiters-group  -DWAITERS=2 -DPUBLISHERS=1 -DFRAMES=1 -DDEATHS=2 -DGROUP=2
// run rings          -DRINGS=2 -DPUBLISHERS=2 -DFRAMES=2 -DDEATHS=0
// run rings-deaths   -DRINGS=2 -DPUBLISHERS=2 -DFRAMES=1 -DDEATHS=1 -DBELL=1
// run keep           -DPUBLISHERS=1 -DFRAMES=3 -DDEATHS=2 -DKEEP
// run ends           -DRINGS=2 -DPUBLISHERS=2 -DFRAMES=1 -DDEATHS=1 -DNP
//
// mutant clear-first       -DMUTANT_CLEAR_FIRST
// mutant same-generation   -DMUTANT_SAME_GENERATION -DDEATHS=0
// mutant look-first        -DMUTANT_LOOK_FIRST -DDEATHS=0
// mutant bit-last          -DMUTANT_BIT_LAST -DDEATHS=0
// mutant group-last        -DMUTANT_GROUP_LAST -DDEATHS=0
// mutant check-first       -DMUTANT_CHECK_FIRST -DDEATHS=0
// mutant clear-bit         -DMUTANT_CLEAR_BIT
// mutant no-clear          -DMUTANT_NO_CLEAR -DDEATHS=0
// mutant settler-zeroes    -DMUTANT_SETTLER_ZEROES
// mutant bell-last         -DMUTANT_BELL_LAST
// mutant open-first        -DMUTANT_OPEN_FIRST
// mutant keep-unchecked    -DMUTANT_KEEP_UNCHECKED -DKEEP
// mutant incarnation-first -DMUTANT_INCARNATION_FIRST -DKEEP

#ifndef WAITERS
#define WAITERS 1
#endif
#ifndef PUBLISHERS
#define PUBLISHERS 2
#endif
#ifndef RINGS      // publisher k uses ring k % RINGS
#define RINGS 1
#endif
#ifndef FRAMES     // of each publisher
#define FRAMES 2
#endif
#ifndef DEATHS
#define DEATHS 1
#endif
#ifndef BELL       // bytes that a FIFO holds
#define BELL 2
#endif
#ifndef GROUP      // nodes to a bit of `groups`
#define GROUP 1
#endif
// KEEP: publishers keep bells open between publishes.
// ONCE: a waiter that found something when it looked goes to sleep.
// LEAVE: a woken waiter may stop waiting and begin anew.

#define BIT(index) (1 << (index))
#define AT(node, ring) ((node) * RINGS + (ring))
#define IS_SET(bits, index) (((bits) >> (index)) & 1)

// Shared.
byte head[RINGS];
byte groups[RINGS];
byte sleepers[RINGS];
byte arm[WAITERS * RINGS];
byte bell[WAITERS];
byte name[WAITERS];
#ifdef KEEP
byte incarnation[WAITERS] = 1;
#endif

// Ghosts.
byte life[WAITERS];
byte unsignalled[WAITERS * RINGS];  // one bit per frame
byte signalled[WAITERS * RINGS];    // publishers that have written a byte for the present generation
byte deaths;
byte publishing = PUBLISHERS;

// One step of a process, or its death instead. Only its first statement may block, and none but the sleep does.
#define STEP(...) if :: atomic { __VA_ARGS__ } :: atomic { deaths < DEATHS -> deaths++; goto dead } fi

inline open_bell() {
#ifdef KEEP
#ifndef MUTANT_KEEP_UNCHECKED
  STEP(found = incarnation[node]);
#else
  found = 1;
#endif
  if
  :: kept[node] == found
  :: else -> STEP(descriptor[node] = name[node]; kept[node] = found)
  fi;
  found = 0
#else
  STEP(descriptor[node] = name[node])
#endif
}

inline write_bell() {
  STEP(
    written = true;
    if
    :: arm[AT(node, ring)] == generation ->
       assert(!IS_SET(signalled[AT(node, ring)], me));
       signalled[AT(node, ring)] = signalled[AT(node, ring)] | BIT(me)
    :: else
    fi;
    if
    :: descriptor[node] == life[node] && bell[node] < BELL -> bell[node]++
    :: else
    fi)
}

inline clear_arm() {
#ifdef MUTANT_NO_CLEAR
  skip
#else
  STEP(
    if
    :: arm[AT(node, ring)] == generation -> arm[AT(node, ring)] = generation + 1; signalled[AT(node, ring)] = 0
    :: else
    fi)
#endif
}

proctype Publisher(byte me) {
  byte ring, left, position, node, summary, bits, generation;
  byte descriptor[WAITERS];
#ifdef KEEP
  byte kept[WAITERS];  // the incarnation that it was opened for
  byte found;
#endif
  bool written;

  atomic { ring = me % RINGS; left = FRAMES; node = WAITERS }
  do
  :: left == 0 -> break
  :: else ->
#ifdef MUTANT_CHECK_FIRST
     STEP(summary = groups[ring]);
#endif
     STEP(position = head[ring]; head[ring]++; node = 0; left--);
#ifndef MUTANT_CHECK_FIRST
     STEP(summary = groups[ring]);
#endif
     do
     :: node == WAITERS -> break
     :: else ->
        if
        :: IS_SET(summary, node / GROUP) && node % GROUP == 0 -> STEP(bits = sleepers[ring])
        :: else
        fi;
        if
        :: IS_SET(bits, node) ->
#ifdef MUTANT_OPEN_FIRST
           open_bell();
#endif
           STEP(generation = arm[AT(node, ring)]);
           if
           :: generation % 2 == 1 ->
#ifndef MUTANT_OPEN_FIRST
              open_bell();
#endif
#ifdef MUTANT_CLEAR_BIT
              write_bell();
              STEP(
                if
                :: descriptor[node] != life[node] -> sleepers[ring] = sleepers[ring] & ~BIT(node)
                :: else
                fi);
              clear_arm()
#elif defined(MUTANT_CLEAR_FIRST)
              clear_arm();
              write_bell()
#else
              write_bell();
              clear_arm()
#endif
           :: else
           fi
        :: else
        fi;
        atomic {
          node++;
          written = false; generation = 0;
          if
          :: node % GROUP == 0 -> bits = 0
          :: else
          fi;
#ifndef KEEP
          descriptor[node - 1] = 0
#endif
        }
     od;
     atomic { summary = 0; position = 0 }
  od;
  goto stopped;

dead:
  atomic {
    if
    :: node < WAITERS && written -> node++
    :: else
    fi;
    do
    :: node == WAITERS -> break
    :: else -> unsignalled[AT(node, ring)] = unsignalled[AT(node, ring)] | BIT(position); node++
    od
  }
stopped:
  publishing--
}

inline set_group() {
  STEP(groups[ring] = groups[ring] | BIT(me / GROUP))
}
inline set_bit() {
  if
  :: IS_SET(sleepers[ring], me)  // no other node changes it
  :: else -> STEP(sleepers[ring] = sleepers[ring] | BIT(me))
  fi
}

// A fresh odd value. A plain store will do: between load and store others can only make it even, to a value below.
inline arm_fresh() {
  STEP(generation = arm[AT(me, ring)]);
#ifdef MUTANT_SAME_GENERATION
  if
  :: generation % 2 == 1 -> generation--
  :: else
  fi;
#endif
  STEP(
#ifndef MUTANT_SAME_GENERATION
    assert(generation + 1 + generation % 2 > arm[AT(me, ring)]);
#endif
    arm[AT(me, ring)] = generation + 1 + generation % 2;
    signalled[AT(me, ring)] = 0;
    generation = 0)
}

inline look() {
  STEP(
    if
    :: seen[ring] != head[ring] -> seen[ring] = head[ring]; unsignalled[AT(me, ring)] = 0; news = true
    :: else
    fi)
}

inline make_bell() {
#ifdef MUTANT_INCARNATION_FIRST
  STEP(incarnation[me] = life[me]);
#endif
  STEP(name[me] = 0);  // the dead owner's
  STEP(name[me] = life[me]);
#if defined(KEEP) && !defined(MUTANT_INCARNATION_FIRST)
  STEP(incarnation[me] = life[me]);
#endif
}

proctype Waiter(byte me) {
  byte ring, generation;
  byte seen[RINGS];  // a next owner's may as well start here: its first look reads all that is left
  bool news;

  goto wait;

taken:
  // Settle.
  ring = 0;
  do
  :: ring == RINGS -> break
  :: else ->
     if
     :: IS_SET(sleepers[ring], me) -> STEP(sleepers[ring] = sleepers[ring] & ~BIT(me))
     :: else
     fi;
#ifdef MUTANT_SETTLER_ZEROES
     STEP(arm[AT(me, ring)] = 0; signalled[AT(me, ring)] = 0);
#else
     if
     :: arm[AT(me, ring)] % 2 == 1 -> STEP(arm[AT(me, ring)] = (arm[AT(me, ring)] + 1) & ~1; signalled[AT(me, ring)] = 0)
     :: true
     fi;
#endif
     ring++
  od;
#ifndef MUTANT_BELL_LAST
  if
  :: name[me] == life[me]
  :: else -> make_bell()
  fi;
#endif

wait:
  atomic { ring = 0; news = false }
  do
  :: ring == RINGS -> break
  :: else ->
#ifdef MUTANT_LOOK_FIRST
     look();
#endif
#ifndef MUTANT_GROUP_LAST
     if
     :: IS_SET(groups[ring], me / GROUP)
     :: else -> set_group()
     fi;
#endif
#ifndef MUTANT_BIT_LAST
     set_bit();
#endif
     arm_fresh();
#ifndef MUTANT_LOOK_FIRST
     look();
#endif
#ifdef MUTANT_GROUP_LAST
     set_group();
#endif
#ifdef MUTANT_BIT_LAST
     set_bit();
#endif
     ring++
  od;
#ifdef MUTANT_BELL_LAST
  if
  :: name[me] == life[me]
  :: else -> make_bell()
  fi;
#endif
  if
#ifndef ONCE
  :: news -> goto wait
#endif
  :: true
  fi;

  atomic { ring = 0; news = false }
  if
  :: atomic { bell[me] > 0 -> bell[me] = 0 }  // woken; drain
  :: atomic { deaths < DEATHS && publishing > 0 -> deaths++; goto dead }
  :: timeout ->
     atomic {
       do
       :: ring == RINGS -> break
       :: else ->
          do
          :: seen[ring] == head[ring] -> break
          :: else -> assert(IS_SET(unsignalled[AT(me, ring)], seen[ring])); seen[ring]++
          od;
          ring++
       od
     }
     goto stopped
  fi;
  // Poll.
  do
  :: ring == RINGS -> break
  :: else -> look(); ring++
  od;
  if
#ifdef LEAVE
  :: goto taken
#endif
  :: goto wait
  fi;

dead:
  atomic { life[me]++; bell[me] = 0; ring = 0; generation = 0; news = false }
  goto taken;

stopped:
}

init {
  byte k;
  atomic {
    for (k : 0 .. WAITERS - 1) { life[k] = 1; name[k] = 1; run Waiter(k) }
    for (k : 0 .. PUBLISHERS - 1) { run Publisher(k) }
    k = 0
  }
}
