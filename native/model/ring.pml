// The ring of ../ring.h and the settling of dead nodes of ../settle.h, for Spin. check.sh lists what is run.
//
// Modelled. Each load, store and compare-and-swap of a shared word is one step, and a node may be killed before each of
//   them. It stays dead or gets a next owner, which settles it and goes on publishing, and may be killed, too, while it
//   settles or publishes. A stopped node is one that never makes its next step. A reader copies word by word. `hint` is
//   stored after a publish or not; with ANY_HINT it is any number, with NO_HINT it stays 0.
// Not modelled. Memory is sequentially consistent: the simulated memory (../sim) and the tests check the orders. Laps
//   are small numbers that never run out. Lengths, versions, reset, retirement, the checks of corrupt bytes, the limit
//   on passing and pauses are left out. So is the audit: no other member lives then, and an audit that died half-way is
//   repeated before any node settles. A node has one owner at a time: the kernel's lock ensures that.
// One step has several loads only where no other node ever writes the words: the loads of settle from its own entry.
//
// Names. slot, entry, hint, sparesTaken, burned, hand, head, received, intentPosition ... are those of ring.h and
//   settle.h, and the numbered steps are those of publish. `truth`, `published` and `frame` are ghosts: known to the
//   model only. They are the chunk that each node really owns, the number of published frames, and the payload that the
//   frame in each slot should have.
//
// Checked, by assertion: I1 and I2 (one_place, and a writer's hand is its truth), I3 and I4 (at the swap), a reader's
//   frame is whole and the one asked for, settle is exact or burns. By the search: no process is ever blocked (invalid
//   end states) and, with -DNP, none runs for ever (no cycle), no matter which nodes are dead or stopped: I5.
//
// run frames             -DNODES=2 -DFRAMES=2 -DDEATHS=1 -DREADERS=1
// run frames-two-slots   -DNODES=2 -DFRAMES=2 -DDEATHS=1 -DREADERS=1 -DCAPACITY=2
// run frames-three-nodes -DNODES=3 -DFRAMES=1 -DDEATHS=1 -DREADERS=1
// run settle             -DNODES=3 -DFRAMES=1 -DDEATHS=2 -DSPARES=2
// run settle-two-slots   -DNODES=3 -DFRAMES=1 -DDEATHS=2 -DSPARES=2 -DCAPACITY=2
// run settle-thrice      -DNODES=2 -DFRAMES=2 -DDEATHS=3 -DNO_HINT
// run any-hint           -DNODES=3 -DFRAMES=1 -DDEATHS=1 -DCAPACITY=2 -DANY_HINT
// run ends               -DNODES=3 -DFRAMES=1 -DDEATHS=1 -DNP
// run ends-any-hint      -DNODES=2 -DFRAMES=2 -DDEATHS=1 -DCAPACITY=2 -DANY_HINT -DNP
// Too large for CI, run by hand without an error, 33 million states: -DNODES=2 -DFRAMES=2 -DDEATHS=3
//
// mutant no-validate          -DMUTANT_NO_VALIDATE -DREADERS=1 -DDEATHS=0
// mutant guess-hand           -DMUTANT_GUESS_HAND
// mutant guess-received       -DMUTANT_GUESS_RECEIVED -DNODES=3
// mutant chunk-only           -DMUTANT_CHUNK_ONLY -DDEATHS=0
// mutant clear-first          -DMUTANT_CLEAR_FIRST
// mutant settler-clears-first -DMUTANT_SETTLER_CLEARS_FIRST -DDEATHS=2
// mutant no-intent-check      -DMUTANT_NO_INTENT_CHECK -DNODES=3 -DFRAMES=1
// mutant hand-before-intent   -DMUTANT_HAND_BEFORE_INTENT -DNODES=3 -DFRAMES=1
// mutant follows-hint         -DMUTANT_FOLLOWS_HINT -DCAPACITY=2 -DANY_HINT -DDEATHS=0
// mutant no-reload            -DMUTANT_NO_RELOAD -DDEATHS=0 -DNP
// mutant wait-for-intent      -DMUTANT_WAIT_FOR_INTENT -DNODES=3 -DFRAMES=1 -DDEATHS=2

#ifndef CAPACITY
#define CAPACITY 1
#endif
#ifndef NODES
#define NODES 2
#endif
#ifndef SPARES
#define SPARES 1
#endif
#ifndef DEATHS
#define DEATHS 1
#endif
#ifndef FRAMES     // publishes of each owner of a node
#define FRAMES 2
#endif
#ifndef READERS    // 0: payloads are left out too
#define READERS 0
#endif

#define SLOT_WORD(lap, chunk) ((lap) << 4 | (chunk))
#define LAP_IN(word) ((word) >> 4)
#define CHUNK_IN(word) ((word) & 15)
#define LAP_OF(position) ((position) / CAPACITY + 1)
#define SLOT_OF(position) slot[(position) % CAPACITY]
#define POSITION_IN(lap, index) (((lap) - 1) * CAPACITY + (index))
#define SPARE(index) (CAPACITY + NODES + (index))
#define TAG (made * NODES + me)  // the payload, another one every time

// Shared words.
typedef NodeEntry { byte hand; byte intentChunk; byte intentPosition }
typedef Chunk { byte id; byte payload[2] }

byte slot[CAPACITY];
NodeEntry entry[NODES];
byte hint;
byte sparesTaken;
byte burned;
#if READERS
Chunk chunk[CAPACITY + NODES + SPARES];
#endif

// Ghosts.
byte truth[NODES];
byte published;
#if READERS
byte frame[CAPACITY];
#endif
byte deaths;

// One step of a node, or its death instead. Only its first statement may block, and in the protocol none does.
#define STEP(...) if :: atomic { __VA_ARGS__ } :: atomic { deaths < DEATHS -> deaths++; goto dead } fi

// I1: every slot and every node has a chunk of its own, and none is still spare.
inline one_place() {
  for (i : 0 .. CAPACITY - 1) {
    for (other : 0 .. NODES - 1) { assert(CHUNK_IN(slot[i]) != truth[other]) }
    for (other : i + 1 .. CAPACITY - 1) { assert(CHUNK_IN(slot[i]) != CHUNK_IN(slot[other])) }
  }
  for (i : 0 .. NODES - 1) {
    assert(truth[i] < SPARE(sparesTaken));
    for (other : i + 1 .. NODES - 1) { assert(truth[i] != truth[other]) }
  }
  i = 0;
  other = 0
}

inline search_head() {
  STEP(lap = LAP_IN(slot[0]); head = 0; i = 1; other = CAPACITY);
  do
  :: lap == 0 || i >= other -> break
  :: else ->
     STEP(
       if
       :: LAP_IN(slot[i + (other - i) / 2]) >= lap -> i = i + (other - i) / 2 + 1
       :: else -> other = i + (other - i) / 2
       fi)
  od;
  atomic {
    if
    :: lap > 0 -> head = POSITION_IN(lap, i)
    :: else
    fi;
    lap = 0;
    i = 0;
    other = 0
  }
}

inline publish() {
  // 1. Fill the hand.
#if READERS
  STEP(assert(hand == truth[me]); chunk[hand].payload[0] = TAG);
  STEP(assert(hand == truth[me]); chunk[hand].payload[1] = TAG);
#endif

  // 2. Start after our own newest frame.
  atomic { head = next; follows = true; hinted = false }

pass:
  // 3. Pass what is filled; a lap behind, jump.
  STEP(
    word = SLOT_OF(head);
    if
    :: LAP_IN(word) >= LAP_OF(head) -> head = POSITION_IN(LAP_IN(word), head % CAPACITY) + 1; follows = true; word = 0
    :: LAP_IN(word) + 1 < LAP_OF(head) -> goto lost
    :: else -> goto unfilled
    fi);
#ifndef NO_HINT
  if
  :: hinted
  :: else ->
     STEP(
       hinted = true;
       if
#ifdef ANY_HINT
       :: true
       :: select(head : head + 1 .. (NODES + DEATHS) * FRAMES + 1); follows = false
#else
       :: hint <= head
       :: hint > head -> head = hint; follows = false
#endif
       fi
#ifdef MUTANT_FOLLOWS_HINT
       ; follows = true
#endif
       )
  fi;
#endif
  goto pass;

kept:
  // The swap was lost: the hand is still ours, and no intent hides it from settlers.
  STEP(entry[me].intentPosition = 0);
  goto pass;

unfilled:
  // 4. Leave no gap.
  if
  :: follows
  :: else ->
     STEP(
       if
       :: LAP_IN(SLOT_OF(head - 1)) < LAP_OF(head - 1) -> goto lost
       :: else
       fi)
  fi;

  // 5. Name the frame; write down what is about to happen.
#if READERS
  STEP(assert(hand == truth[me]); chunk[hand].id = head + 1);
#endif
  STEP(entry[me].intentChunk = CHUNK_IN(word));
  STEP(entry[me].intentPosition = head + 1);

  // 6. Publish.
#ifdef MUTANT_NO_RELOAD
swap:
#endif
  STEP(
    if
#ifdef MUTANT_CHUNK_ONLY
    :: CHUNK_IN(SLOT_OF(head)) != CHUNK_IN(word)
#else
    :: SLOT_OF(head) != word
#endif
#ifdef MUTANT_NO_RELOAD
       -> goto swap
#else
       -> word = 0; hinted = false; searched = false; goto kept
#endif
    :: else
    fi;
    assert(hand == truth[me]);
    assert(head == published);
    assert(LAP_OF(head) == LAP_IN(SLOT_OF(head)) + 1);
    assert(LAP_OF(head) < 16);  // the model's words are that short
    SLOT_OF(head) = SLOT_WORD(LAP_OF(head), hand);
    truth[me] = CHUNK_IN(word);
    published++;
#if READERS
    frame[head % CAPACITY] = TAG;
#endif
    one_place();
    hand = CHUNK_IN(word);
    next = head + 1;
    word = 0;
    head = 0;
    follows = false;
    hinted = false;
    searched = false);

  // The overwritten chunk is the next hand: the hand is stored first, the intent is cleared second.
#ifdef MUTANT_CLEAR_FIRST
  STEP(entry[me].intentPosition = 0);
  STEP(entry[me].hand = hand);
#else
  STEP(entry[me].hand = hand);
  STEP(entry[me].intentPosition = 0);
#endif
#if !defined(ANY_HINT) && !defined(NO_HINT)
  if
  :: STEP(hint = next)
  :: true  // ring.h does so every few positions
  fi
#endif
}

// `seen` if `sought` certainly belongs to a slot or another node.
inline seen_elsewhere(sought) {
  do
  :: i == CAPACITY || seen -> break
  :: else -> STEP(seen = CHUNK_IN(slot[i]) == sought; i++)
  od;
  do
  :: other == NODES || seen -> break
  :: other == me -> other++
  :: else ->
#if defined(MUTANT_NO_INTENT_CHECK)
     STEP(seen = entry[other].hand == sought; other++)
#elif defined(MUTANT_HAND_BEFORE_INTENT)
     STEP(seen = entry[other].hand == sought);
     STEP(seen = seen && entry[other].intentPosition == 0; other++)
#else
     STEP(seen = entry[other].intentPosition == 0);
#ifdef MUTANT_WAIT_FOR_INTENT
     STEP(entry[other].intentPosition == 0; seen = true);
#endif
     if
     :: seen -> STEP(seen = entry[other].hand == sought; other++)
     :: else -> other++
     fi
#endif
  od;
  atomic { i = 0; other = 0 }
}

inline settle() {
  STEP(
    hand = entry[me].hand;
    received = entry[me].intentChunk;
    head = entry[me].intentPosition;
    if
    :: head == 0 -> assert(hand == truth[me]); goto settled
    :: else -> head--
    fi);
  STEP(
    word = SLOT_OF(head);
    if
    :: LAP_IN(word) > LAP_OF(head) && hand != received  // the slot cannot tell any more
    :: LAP_IN(word) == LAP_OF(head) && CHUNK_IN(word) == hand -> hand = received; goto decided
    :: else -> goto decided
    fi);
#if defined(MUTANT_GUESS_HAND)
#elif defined(MUTANT_GUESS_RECEIVED)
  hand = received;
#else
  seen_elsewhere(received);
  if
  :: seen -> goto decided
  :: else
  fi;
  seen_elsewhere(hand);
  if
  :: seen -> hand = received; goto decided
  :: else
  fi;
  STEP(i = sparesTaken; sparesTaken++);
  if
  :: i >= SPARES -> STEP(sparesTaken = SPARES; i = 0); goto stopped  // kNoSpare
  :: else
  fi;
  atomic { hand = SPARE(i); burn = true; i = 0 }
  STEP(burned++);
#endif
decided:
  atomic { seen = false; word = 0; head = 0; received = 0 }
#ifdef MUTANT_SETTLER_CLEARS_FIRST
  STEP(entry[me].intentPosition = 0);
#endif
  STEP(assert(burn || hand == truth[me]); burn = false; truth[me] = hand; one_place(); entry[me].hand = hand);
  STEP(entry[me].intentPosition = 0);
settled:
}

proctype Node(byte me) {
  byte hand, next, head, word, received, lap, i, other, left;
  bool seen, burn, follows, hinted, searched;
#if READERS
  byte made;
#endif

taken:
  left = FRAMES;
  settle();
  do
  :: left == 0 -> goto stopped
  :: else ->
     left--;
#if READERS
     made++;
#endif
     publish()
  od;

lost:
#ifdef ANY_HINT
  assert(!searched);  // once per swap is enough
  searched = true;
  search_head();
  follows = true;
  goto pass;
#else
  assert(false);  // a hint that was stored once never leads here
#endif

dead:
  atomic {
    // What a dead process had in private is gone.
    left = 0; hand = 0; next = 0; head = 0; word = 0; received = 0; lap = 0; i = 0; other = 0;
    seen = false; burn = false; follows = false; hinted = false; searched = false
  }
  if
  :: goto taken
  :: true  // it never gets another owner
  fi;

stopped:
}

#if READERS
// Reads any filled position at any time, again and again. Lap and chunk of the slot word stand for the position.
proctype Reader() {
  byte index, word, expected;
  bool whole;

end:
  do
  :: atomic {  // Begin.
       select(index : 0 .. CAPACITY - 1);
       word = slot[index];
       if
       :: LAP_IN(word) == 0 -> index = 0; goto end  // kNotYet
       :: else -> expected = frame[index]
       fi
     }
     // Copy.
     whole = chunk[CHUNK_IN(word)].id == POSITION_IN(LAP_IN(word), index) + 1;
     whole = whole && chunk[CHUNK_IN(word)].payload[0] == expected;
     whole = whole && chunk[CHUNK_IN(word)].payload[1] == expected;
     atomic {  // Validate.
       if
#ifdef MUTANT_NO_VALIDATE
       :: true
#else
       :: slot[index] == word
#endif
          -> assert(whole)
       :: else  // kOverwritten
       fi;
       index = 0; word = 0; expected = 0; whole = false
     }
  od
}
#endif

init {
  byte k;
  atomic {
    for (k : 0 .. CAPACITY - 1) { slot[k] = k }
    for (k : 0 .. NODES - 1) {
      entry[k].hand = CAPACITY + k;
      truth[k] = CAPACITY + k
    }
    for (k : 0 .. NODES - 1) { run Node(k) }
#if READERS
    run Reader();
#endif
    k = 0
  }

  // When every node has ended: only a settler that died between the two additions leaves a burned chunk uncounted.
  _nr_pr == 1 + READERS;
  assert(burned == sparesTaken || (DEATHS > 1 && burned < sparesTaken))
}
