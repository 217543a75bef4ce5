// Segments of the store, ../protocol/segment.h and hands.h, for Spin. check.sh lists what is run.
//
// Modeled. Segments of one record each: one in the slot, one in the hand of each of two nodes, one spare. A full hand is
//   exchanged for the segment in the slot, with an intent, and its next generation begins. Index words have one bit of
//   generation, so it repeats at once, and a sweep comes before each 0. The index has one word, that of the key that is
//   read. Nodes put or delete the key, or put records of other keys, which only use up segments. A record has two halves
//   that say its version. A reader gets the key by five looks. A node may be killed before any step, and an heir
//   settles its entry and goes on.
// Not modeled. The bucket, which is bucket.pml; walks of victims, which are puts that expect the old word; weak memory:
//   sim/store_scenes.cc has the latter.
// Checked. S1: no segment is in two places. A get answers one whole record of the key, of a version that no operation
//   had followed which had returned before the get began.
//
// run one            -DFIRST=4
// run two            -DFIRST=2 -DSECOND=1 -DTRIES=1
// run death          -DFIRST=2 -DDEATH -DTRIES=1
//
// mutant no-second-state -DMUTANT_NO_SECOND_STATE -DFIRST=5
// mutant no-second-word  -DMUTANT_NO_SECOND_WORD -DFIRST=5
// mutant no-generation   -DMUTANT_NO_GENERATION -DFIRST=3
// mutant no-sweep        -DMUTANT_NO_SWEEP -DFIRST=5 -DONLY_OTHERS
// mutant late-generation -DMUTANT_LATE_GENERATION -DFIRST=5
// mutant early-post      -DMUTANT_EARLY_POST -DFIRST=3
// mutant believe-hand    -DMUTANT_BELIEVE_HAND -DFIRST=1 -DSECOND=1 -DDEATH

#ifndef FIRST  // operations of each node
#define FIRST 0
#endif
#ifndef SECOND
#define SECOND 0
#endif
#ifndef TRIES  // of the reader
#define TRIES 2
#endif
#define SEGMENTS 4
#define OTHER 31  // a version: the record is of another key
#define WORD(generation, segment) (1 + (segment) * 2 + ((generation) & 1))
#define SEGMENT(word) (((word) - 1) / 2)
#define GENERATION(word) (((word) - 1) & 1)

byte word;  // the index
byte generation[SEGMENTS], first[SEGMENTS], second[SEGMENTS];
bit filled[SEGMENTS];
byte stamp = 1, inSlot = 0;
byte hand[2], intentSegment[2], intentStamp[2];
byte spare = 3;
byte ticks, latest, returned[32];
bit isDead;

inline swap_word(old, new, ok) {
  atomic {
    if
    :: word == old -> word = new; ok = 1
    :: else -> ok = 0
    fi
  }
}
inline sweep(segment, seen, ok) {
  do
  :: seen = word;
     if
     :: seen == 0 || SEGMENT(seen) != segment -> break
     :: else -> swap_word(seen, 0, ok); if :: ok -> break :: else fi
     fi
  od;
  seen = 0; ok = 0
}
inline begin_generation(segment, seen, ok) {
#ifndef MUTANT_NO_SWEEP
  if
  :: ((generation[segment] + 1) & 1) == 0 -> sweep(segment, seen, ok)
  :: else
  fi;
#endif
#ifdef MUTANT_NO_GENERATION
  filled[segment] = 0
#else
#ifdef MUTANT_LATE_GENERATION
  first[segment] = 0;
#endif
  atomic { generation[segment]++; filled[segment] = 0 }
#endif
}
inline exchange(me, own, slotStamp, received, ok) {
  do
  :: atomic { slotStamp = stamp; received = inSlot };
     intentSegment[me] = received;
     intentStamp[me] = slotStamp + 1;
     atomic {
       if
       :: stamp == slotStamp -> stamp++; inSlot = own; ok = 1
       :: else -> ok = 0
       fi
     };
     if
     :: ok -> break
     :: else -> intentStamp[me] = 0
     fi
  od;
  own = received;
  hand[me] = own;
  intentStamp[me] = 0;
  atomic { slotStamp = 0; received = 0; ok = 0 }
}
// settle.h, with one other node.
inline settle(me, own, received) {
  own = hand[me]; received = intentSegment[me];
#ifndef MUTANT_BELIEVE_HAND
  if
  :: intentStamp[me] == 0
  :: else ->
     if
     :: stamp == intentStamp[me] && inSlot == own -> own = received
     :: stamp > intentStamp[me] && own != received ->
        if
        :: inSlot == received || (intentStamp[1 - me] == 0 && hand[1 - me] == received)
        :: else ->
           if
           :: inSlot == own || (intentStamp[1 - me] == 0 && hand[1 - me] == own) -> own = received
           :: else -> assert(spare < SEGMENTS); own = spare; spare++
           fi
        fi
     :: else
     fi
  fi;
#endif
  hand[me] = own;
  intentStamp[me] = 0;
  received = 0
}

proctype Node(byte me, operations; bit isHeir) {
  byte own, version, seen, slotStamp, received;
  bit ok;
  {
    if
    :: isHeir -> settle(me, own, received)
    :: else -> own = hand[me]
    fi;
    do
    :: operations == 0 -> break
    :: operations > 0 ->
       operations--;
       if
       :: true ->  // another key
          if
          :: filled[own] -> exchange(me, own, slotStamp, received, ok); begin_generation(own, seen, ok)
          :: else
          fi;
          assert(own != inSlot);
          first[own] = OTHER; second[own] = OTHER;
          filled[own] = 1
#ifdef ONLY_OTHERS
       :: latest == 0 ->
#else
       :: true ->
#endif
          atomic { ticks++; version = ticks };
          if
          :: filled[own] -> exchange(me, own, slotStamp, received, ok); begin_generation(own, seen, ok)
          :: else
          fi;
          assert(own != inSlot);
#ifndef MUTANT_EARLY_POST
          first[own] = version; second[own] = version;
#endif
          filled[own] = 1;
          do
          :: seen = word;
             swap_word(seen, WORD(generation[own], own), ok);
             if :: ok -> break :: else fi
          od;
#ifdef MUTANT_EARLY_POST
          first[own] = version; second[own] = version;
#endif
          atomic { ticks++; returned[version] = ticks; if :: latest < version -> latest = version :: else fi; seen = 0 }
#ifndef ONLY_OTHERS
       :: true ->  // delete
          atomic { ticks++; version = ticks };
          do
          :: seen = word;
             swap_word(seen, 0, ok);
             if :: ok -> break :: else fi
          od;
          atomic { ticks++; returned[version] = ticks; if :: latest < version -> latest = version :: else fi; seen = 0 }
#endif
       fi;
       atomic { version = 0; ok = 0 }
    od
  } unless { isDead && me == 0 && !isHeir }
}

proctype Reader() {
  byte before, seen, again, state, one, two;
  byte tries = TRIES;
  bit isFilled;
  before = latest;
  do
  :: tries == 0 -> break
  :: tries > 0 ->
     tries--;
     seen = word;
     if
     :: seen == 0 -> break
     :: else
     fi;
     atomic { state = generation[SEGMENT(seen)]; isFilled = filled[SEGMENT(seen)] };
     if
     :: (state & 1) != GENERATION(seen) || !isFilled -> break
     :: else
     fi;
     one = first[SEGMENT(seen)]; two = second[SEGMENT(seen)];
#ifdef MUTANT_NO_SECOND_WORD
     again = seen;
#else
     again = word;
#endif
#ifndef MUTANT_NO_SECOND_STATE
     isFilled = (generation[SEGMENT(seen)] == state);
#endif
     if
     :: !isFilled || again != seen -> atomic { seen = 0; again = 0; state = 0; one = 0; two = 0; isFilled = 0 }
     :: else ->
        assert(one == two);
        assert(one != OTHER && one != 0);
        assert(!(one < before && returned[one] != 0 && returned[one] < before));
        break
     fi
  od
}

init {
  atomic {
    hand[0] = 1; hand[1] = 2;
    filled[0] = 1; filled[1] = 1; filled[2] = 1;
    first[0] = OTHER; second[0] = OTHER; first[1] = OTHER; second[1] = OTHER; first[2] = OTHER; second[2] = OTHER;
    if :: FIRST > 0 -> run Node(0, FIRST, 0) :: else fi;
    if :: SECOND > 0 -> run Node(1, SECOND, 0) :: else fi;
    run Reader()
  };
#ifdef DEATH
  isDead = 1;
  run Node(0, 1, 1)
#endif
}
