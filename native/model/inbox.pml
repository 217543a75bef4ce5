// The boxes of inbox.h, for Spin: a ring that refuses. check.sh lists what is run.
//
// Modelled. Each load, store and compare-and-swap of a shared word is one step; a message is one word in a chunk. A
//   sender or the owner may be killed before any step. Then the next owner of its node or of the box comes, or none. A
//   sender looks at the floor only when the floor that it remembers says "full", and remembers it over all its sends.
//   The owner commits when it likes, and several messages at once. A process that is stopped is one with a next step
//   that comes late, or never.
// Not modelled. Sequential consistency is assumed (native/sim searches without it). Bounds; the search for the head;
//   which hand belongs to which node after a death, which is ring.pml's subject: here the next owner is told. Waking is
//   in room.pml.
// Checked. B1: no swap overwrites a position at or above the floor. B2: the floor never falls. B3: each owner is given
//   the accepted messages from the floor on, in order, once, whole; at the end all of them were given. I1, I3.
//
// run two         -DSENDERS=2 -DMESSAGES=2 -DDEATHS=0
// run one-slot    -DSENDERS=2 -DMESSAGES=2 -DDEATHS=0 -DCAPACITY=1
// run three       -DSENDERS=3 -DMESSAGES=1 -DDEATHS=0
// run deaths      -DSENDERS=2 -DMESSAGES=2 -DDEATHS=1
// run two-deaths  -DSENDERS=2 -DMESSAGES=1 -DDEATHS=2 -DCAPACITY=1
// run long        -DSENDERS=1 -DMESSAGES=5 -DDEATHS=2
//
// mutant one-more      -DMUTANT_ONE_MORE -DDEATHS=0
// mutant no-look       -DMUTANT_NO_LOOK -DDEATHS=0
// mutant commit-first  -DMUTANT_COMMIT_FIRST -DDEATHS=1
// mutant copy-late     -DMUTANT_COPY_LATE -DDEATHS=0
// mutant floor-first   -DMUTANT_FLOOR_FIRST -DDEATHS=1
// mutant heir-at-head  -DMUTANT_HEIR_AT_HEAD -DDEATHS=1
// mutant chunk-only    -DMUTANT_CHUNK_ONLY -DDEATHS=0 -DCAPACITY=1
// mutant release-first -DMUTANT_RELEASE_FIRST -DDEATHS=0 -DLEAVES=1

#ifndef SENDERS
#define SENDERS 2
#endif
#ifndef MESSAGES
#define MESSAGES 2
#endif
#ifndef CAPACITY
#define CAPACITY 2
#endif
#ifndef DEATHS
#define DEATHS 1
#endif
#ifndef LEAVES  // how often an owner leaves in good order
#define LEAVES 0
#endif
#define TOTAL (SENDERS * MESSAGES + DEATHS)
#define WORD(lap, chunk) ((lap) << 3 | (chunk))
#define LAP_IN(word) ((word) >> 3)
#define CHUNK_IN(word) ((word) & 7)
#define LAP_OF(position) ((position) / CAPACITY + 1)
#define SLOT(position) ((position) % CAPACITY)

byte slot[CAPACITY];
byte chunk[CAPACITY + SENDERS];
byte floor;
bool owned;  // the owner word, and whether its owner lives: a living one is never displaced

byte truth[SENDERS];
byte accepted[TOTAL + 1];  // ghost: the message at each position, serial << 2 | sender + 1
byte head;                 // ghost
byte deaths;
byte leaves;
byte working = SENDERS;
bool delivered[TOTAL + 1];

#define STEP(...) if :: atomic { __VA_ARGS__ } :: atomic { deaths < DEATHS -> deaths++; goto dead } fi

proctype Sender(byte me) {
  byte hand, next, word, seen, left, serial, h;
  left = MESSAGES;
taken:
  atomic { hand = truth[me]; next = 0; seen = 0 }
again:
  do
  :: left == 0 -> break
  :: else ->
     STEP(assert(hand == truth[me]); chunk[hand] = (serial + 1) << 2 | (me + 1));
     h = next;
look:
     STEP(word = slot[SLOT(h)]);
     if
     :: LAP_IN(word) >= LAP_OF(h) -> atomic { h = (LAP_IN(word) - 1) * CAPACITY + SLOT(h) + 1; word = 0 } goto look
     :: else
     fi;
     // A slot more than a lap behind: the head is before it. Look from 0.
     if
     :: LAP_IN(word) + 1 != LAP_OF(h) -> atomic { h = 0; word = 0 } goto look
     :: else
     fi;
#ifndef MUTANT_NO_LOOK
     if
     :: h - seen >= CAPACITY ->
        STEP(seen = floor);
#ifdef MUTANT_ONE_MORE
        if
        :: h - seen > CAPACITY -> goto refused
        :: else
        fi
#else
        if
        :: h - seen >= CAPACITY -> goto refused
        :: else
        fi
#endif
     :: else
     fi;
#endif
     STEP(
       if
#ifdef MUTANT_CHUNK_ONLY
       :: CHUNK_IN(slot[SLOT(h)]) != CHUNK_IN(word)
#else
       :: slot[SLOT(h)] != word
#endif
          -> goto lost
       :: else
       fi;
       assert(h == head);                       // I3
       assert(h - floor < CAPACITY);            // B1
       accepted[h] = chunk[hand];
       head++;
       slot[SLOT(h)] = WORD(LAP_OF(h), hand);
       truth[me] = CHUNK_IN(word);
       hand = CHUNK_IN(word);
       next = h + 1; word = 0; h = 0;
       serial++; left--);
     goto again;
lost:
     atomic { word = 0; goto look }
refused:
     // Try again when the floor has moved, or give up.
     atomic { word = 0; h = 0 }
     if
     :: atomic { floor != seen -> skip } goto again
     :: atomic { left--; serial++ } goto again
     fi
  od;
  goto stopped;
dead:
  atomic { hand = 0; next = 0; word = 0; seen = 0; h = 0 }
  if
  :: atomic { serial++ } goto taken  // its next owner; the message in doubt is not sent again
  :: true
  fi;
stopped:
  atomic { working--; hand = 0; next = 0; seen = 0; serial = 0; left = 0 }
}

proctype Owner() {
  byte next, word, message, committed, i;
  byte last[SENDERS + 1];
taken:
#ifdef MUTANT_FLOOR_FIRST
  STEP(next = floor);
end_waiting:
  atomic { !owned -> owned = true }
#else
end_waiting:
  atomic { !owned -> owned = true }
#ifdef MUTANT_HEIR_AT_HEAD
  STEP(next = head);
#else
  STEP(next = floor);
#endif
#endif
  committed = next;
  do
  :: atomic { LAP_IN(slot[SLOT(next)]) >= LAP_OF(next) -> word = slot[SLOT(next)] }
     if
     :: atomic { deaths < DEATHS -> deaths++; goto dead }
     :: else
     :: true
     fi;
#ifdef MUTANT_COMMIT_FIRST
     STEP(assert(floor <= next + 1); floor = next + 1);
     committed = next + 1;
#endif
#ifndef MUTANT_COPY_LATE
     STEP(message = chunk[CHUNK_IN(word)]);
     STEP(assert(slot[SLOT(next)] == word));    // B1: what is not committed is never overwritten
#else
     STEP(floor = next + 1); committed = next + 1;
     STEP(message = chunk[CHUNK_IN(word)]);
#endif
     atomic {
       assert(LAP_IN(word) == LAP_OF(next));
       assert(message == accepted[next]);         // whole, and the accepted one: B3
       assert(last[message & 3] < message >> 2);  // in the order of each sender, once to this owner
       last[message & 3] = message >> 2;
       delivered[next] = true;
       next++; word = 0; message = 0
     }
  :: next > committed -> STEP(assert(next >= floor); floor = next); committed = next   // B2
#if LEAVES
  :: leaves < LEAVES ->
     atomic { leaves++ }
#ifdef MUTANT_RELEASE_FIRST
     atomic { owned = false; run Owner() }
     STEP(assert(next >= floor); floor = next);
#else
     STEP(assert(next >= floor); floor = next);
     atomic { owned = false; run Owner() }
#endif
     goto ended
#endif
  :: atomic { working == 0 && next == head && next == committed -> i = 0 }
     do
     :: atomic { i < head -> assert(delivered[i]); i++ }
     :: else -> break
     od;
     goto ended
  od;
dead:
  atomic { owned = false; next = 0; word = 0; message = 0; committed = 0 }
  atomic { for (i : 0 .. SENDERS) { last[i] = 0 }; i = 0 }
  if
  :: goto taken
  :: true
  fi;
ended:
}

init {
  byte k;
  atomic {
    for (k : 0 .. CAPACITY - 1) { slot[k] = WORD(0, k) }
    for (k : 0 .. SENDERS - 1) { truth[k] = CAPACITY + k; run Sender(k) }
    run Owner();
#ifdef MUTANT_FLOOR_FIRST
    run Owner();  // waits to take over, and has looked at the floor long before
#endif
    k = 0
  }
}
