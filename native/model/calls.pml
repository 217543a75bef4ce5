// The reply slots of calls.h, for Spin. check.sh lists what is run.
//
// Modelled. One node calls through one slot, one call after another, and may give up each at any time; in the patient
//   runs only after it saw that its server died. Its requests are in a box (inbox.pml). The owner of the box begins,
//   runs, finishes and answers them from the floor on, and commits after the answer. Both may be killed before any step;
//   then the next owner of the node or the box comes, or none. Each load, store and swap is one step.
//   With PARTS each answer is a stream of one part and an end. With REFUSES an owner of the box may lack the handler.
// Not modelled. Which hand belongs to which node after a death (ring.pml). Sequential consistency is assumed. Deadlines,
//   which are a way to give up.
// Checked. C1: a call ends once, with its own answer, whole, or given up; no answer to another call is taken for it. C2:
//   a handler is begun at most once for each request, and never after its cancelling. C3: an answered call is done. C4:
//   a part is taken once, before the end. C5: the handler of a refused call has not begun, and never will. No call waits
//   for ever while its server lives (invalid end states).
//
// run calls       -DCALLS=3 -DDEATHS=0
// run deaths      -DCALLS=2 -DDEATHS=1
// run two-deaths  -DCALLS=2 -DDEATHS=2
// run patient     -DCALLS=2 -DDEATHS=2 -DPATIENT
// run stream      -DCALLS=2 -DDEATHS=1 -DPARTS
// run stream-ends -DCALLS=1 -DDEATHS=2 -DPARTS
// run refused     -DCALLS=2 -DDEATHS=1 -DREFUSES
//
// mutant heir-keeps-stamp  -DMUTANT_HEIR_KEEPS_STAMP -DCALLS=2 -DDEATHS=1
// mutant forget            -DMUTANT_FORGET -DCALLS=2 -DDEATHS=0
// mutant chunk-only        -DMUTANT_CHUNK_ONLY -DCALLS=3 -DDEATHS=0
// mutant begin-stored      -DMUTANT_BEGIN_STORED -DCALLS=1 -DDEATHS=0
// mutant begin-late        -DMUTANT_BEGIN_LATE -DCALLS=1 -DDEATHS=1
// mutant unstamped         -DMUTANT_UNSTAMPED -DCALLS=2 -DDEATHS=0
// mutant done-late         -DMUTANT_DONE_LATE -DCALLS=1 -DDEATHS=0
// mutant unwanted          -DMUTANT_UNWANTED -DPARTS -DCALLS=1 -DDEATHS=0
// mutant wants-early       -DMUTANT_WANTS_EARLY -DPARTS -DCALLS=1 -DDEATHS=0
// mutant refuse-unchecked  -DMUTANT_REFUSE_UNCHECKED -DREFUSES -DCALLS=1 -DDEATHS=1

#ifndef CALLS
#define CALLS 2
#endif
#ifndef DEATHS
#define DEATHS 1
#endif
#define MOST (CALLS + DEATHS + 1)
#define WORD(stamp, chunk) ((stamp) << 2 | (chunk))
#define STAMP_IN(word) ((word) >> 2)
#define CHUNK_IN(word) ((word) & 3)
#define GIVEN_UP 99
#define PART(call) (100 + (call))
#define REFUSED(call) (200 + (call))
#define WAITING 0
#define BEGUN 1
#define DONE 2
#define CANCELLED 3

byte slot = WORD(0, 0);
byte progress = WORD(0, CANCELLED);  // { stamp | WAITING, BEGUN, DONE or CANCELLED }
byte chunk[3];
byte truth[2];           // the hands of caller and server
byte request[MOST + 1];  // the stamp that call k names
byte sent, floor, deaths, life;
byte runs[MOST + 1];        // ghost: how often the handler of call k has begun
bool cancelled[MOST + 1];   // ghost: cancel_call has returned true
bool owned, callerEnded;

#define STEP(...) if :: atomic { __VA_ARGS__ } :: atomic { deaths < DEATHS -> deaths++; goto dead } fi

#ifdef MUTANT_CHUNK_ONLY
#define MOVED(word) (CHUNK_IN(slot) != CHUNK_IN(word))
#else
#define MOVED(word) (slot != (word))
#endif

#ifdef MUTANT_UNSTAMPED
#define IS_AT(stamp, state) (CHUNK_IN(progress) == state)
#else
#define IS_AT(stamp, state) (progress == WORD(stamp, state))
#endif

proctype Caller() {
  byte stamp, word, answer, left = CALLS, call, server;
  bool hasPart;
taken:
#ifndef MUTANT_HEIR_KEEPS_STAMP
  STEP(word = slot);
  STEP(chunk[truth[0]] = GIVEN_UP);
  STEP(
    if
    :: slot != word  // an answer has just landed
    :: else -> slot = WORD(STAMP_IN(word) + 1, truth[0]); truth[0] = CHUNK_IN(word)
    fi);
  word = 0;
#endif
  do
  :: left == 0 -> break
  :: else ->
     STEP(stamp = STAMP_IN(slot));
     STEP(progress = WORD(stamp, WAITING));
     STEP(left--; sent++; call = sent; request[sent] = stamp; server = life);  // accepted by the box
wait:
     if
     :: STEP(STAMP_IN(slot) != stamp -> skip)
#ifdef PATIENT
     :: (!owned || life != server) ->
#else
     :: true ->
#endif
#ifdef MUTANT_FORGET
        goto next  // gives up without a swap
#else
        STEP(
          if
          :: IS_AT(stamp, WAITING) -> progress = WORD(stamp, CANCELLED); cancelled[call] = true
          :: else
          fi);
        STEP(chunk[truth[0]] = GIVEN_UP);
        STEP(word = slot);
        if
        :: STAMP_IN(word) != stamp  // answered after all
        :: else ->
           STEP(
             if
             :: MOVED(word)
             :: else -> slot = WORD(stamp + 1, truth[0]); truth[0] = CHUNK_IN(word); word = 0; goto next
             fi)
        fi
#endif
     fi;
     STEP(word = slot; assert(STAMP_IN(word) == stamp + 1));
#ifdef MUTANT_WANTS_EARLY
     STEP(progress = WORD(stamp + 1, BEGUN));
#endif
     STEP(answer = chunk[CHUNK_IN(word)]);
     STEP(assert(slot == word));
#ifdef PARTS
     if
     :: answer == PART(call) ->
        assert(!hasPart);
        atomic { hasPart = true; stamp++; word = 0; answer = 0 }
        STEP(progress = WORD(stamp, BEGUN));
        goto wait
     :: else -> assert(hasPart)
     fi;
#endif
#ifdef REFUSES
     if
     :: answer == REFUSED(call) -> assert(runs[call] == 0); goto next
     :: else
     fi;
#endif
     assert(answer == call);
     assert(progress == WORD(stamp, DONE));
next:
     atomic { word = 0; answer = 0; stamp = 0; call = 0; server = 0; hasPart = false }
  od;
  goto ended;
dead:
  atomic { stamp = 0; word = 0; answer = 0; call = 0; server = 0; hasPart = false }
  if
  :: left > 0 -> goto taken
  :: true
  fi;
ended:
  callerEnded = true
}

#define BEGIN(call) runs[call]++; assert(runs[call] == 1); assert(!cancelled[call])

proctype Server() {
  byte next, word, stamp;
taken:
  atomic { owned = true; life++; next = floor }
  do
  :: atomic { next < sent -> stamp = request[next + 1] }
     STEP(word = slot);
     if
     :: STAMP_IN(word) != stamp -> goto commit  // over
     :: else
     fi;
#ifdef REFUSES
     if
     :: true
     :: true ->
#ifndef MUTANT_REFUSE_UNCHECKED
        STEP(
          if
          :: IS_AT(stamp, WAITING) -> progress = WORD(stamp, CANCELLED); cancelled[next + 1] = true
          :: else -> goto commit
          fi);
#endif
        STEP(chunk[truth[1]] = REFUSED(next + 1));
        goto answer
     fi;
#endif
#ifdef MUTANT_BEGIN_STORED
     STEP(word = progress);
     if
     :: word != WORD(stamp, WAITING) -> goto commit
     :: else
     fi;
     STEP(progress = WORD(stamp, BEGUN); BEGIN(next + 1));
#else
#ifdef MUTANT_BEGIN_LATE
     STEP(BEGIN(next + 1));
#endif
     STEP(
       if
       :: IS_AT(stamp, WAITING) -> progress = WORD(stamp, BEGUN);
#ifndef MUTANT_BEGIN_LATE
          BEGIN(next + 1)
#endif
       :: else -> goto commit
       fi);
#endif
#ifdef PARTS
     STEP(chunk[truth[1]] = PART(next + 1));
     STEP(word = slot);
     STEP(
       if
       :: STAMP_IN(word) != stamp || MOVED(word) -> goto commit
       :: else -> slot = WORD(stamp + 1, truth[1]); truth[1] = CHUNK_IN(word); stamp++; word = 0
       fi);
     if
     :: STEP(progress == WORD(stamp, BEGUN) -> skip)
     :: STEP(STAMP_IN(slot) != stamp -> goto commit)
     :: callerEnded -> goto commit
#ifdef MUTANT_UNWANTED
     :: true
#endif
     fi;
#endif
     STEP(chunk[truth[1]] = next + 1);  // the answer to call next + 1
#ifndef MUTANT_DONE_LATE
     STEP(
       if
       :: progress == WORD(stamp, BEGUN) -> progress = WORD(stamp, DONE)
       :: else
       fi);
#endif
answer:
     STEP(word = slot);
     if
     :: STAMP_IN(word) == stamp ->
        STEP(
          if
          :: MOVED(word)
          :: else -> slot = WORD(stamp + 1, truth[1]); truth[1] = CHUNK_IN(word)
          fi)
     :: else
     fi;
#ifdef MUTANT_DONE_LATE
     STEP(
       if
       :: progress == WORD(stamp, BEGUN) -> progress = WORD(stamp, DONE)
       :: else
       fi);
#endif
commit:
     STEP(floor = next + 1);
     atomic { next++; word = 0; stamp = 0 }
  :: atomic { callerEnded && next == sent -> goto ended }
  od;
dead:
  atomic { owned = false; next = 0; word = 0; stamp = 0 }
  if
  :: goto taken
  :: true
  fi;
ended:
}

init { atomic { truth[0] = 1; truth[1] = 2; run Caller(); run Server() } }
