// A large value of a store, ../protocol/parts.h and evict.h, for Spin. check.sh lists what is run.
//
// Modeled. A value of two parts, each in a segment of its own, and heads, which name both by segment and generation. The
//   index has one word, which names a head. A mover for each part copies it to an empty segment, copies the head with
//   the part's new place, swaps the word, and looks again if it has changed; then its victim has the next generation
//   and the record of another key. Others put or delete the key. A reader gets the value by its looks. One mover may be
//   killed before any step, and an heir walks its victim again. With DROP a victim may be emptied unwalked.
// Not modeled. Heads in segments that are emptied (segment.pml has that of a record), segments that go back as they are,
//   which changes no word; weak memory: sim/store_scenes.cc has these.
// Checked. A get answers both parts of one version, of which no operation had followed that had returned before the get
//   began. Without a put or delete the value is still there in the end.
//
// run moves          -DMOVERS=2
// run put            -DMOVERS=1 -DPUT
// run delete         -DMOVERS=2 -DDELETE
// run death          -DMOVERS=1 -DDEATH
// run drop           -DMOVERS=2 -DDROP
//
// mutant no-second-look -DMOVERS=2 -DMUTANT_NO_SECOND_LOOK
// mutant old-place      -DMOVERS=1 -DMUTANT_OLD_PLACE
// mutant blind-post     -DMOVERS=1 -DDELETE -DMUTANT_BLIND_POST
// mutant no-generation  -DMOVERS=1 -DDROP -DMUTANT_NO_GENERATION

#define SEGMENTS 8
#define HEADS 12
#define OTHER 9  // a version: the record is of another key

byte word = 1;  // a head; 0: none
byte generation[SEGMENTS], version[SEGMENTS];
byte place0[HEADS], place1[HEADS];  // segment * 2 + generation of each part
byte heads = 2, unused = 2;         // the next unused ones
byte ended;                         // processes that change something
byte settled;                       // the latest version with a put or a delete that returned
bit isDead;

#define SEGMENT(place) ((place) / 2)
#define IS_THERE(place) (generation[SEGMENT(place)] == ((place) & 1))

inline take_head(head) { atomic { head = heads; heads++; assert(heads <= HEADS) } }
inline take_segment(segment) { atomic { segment = unused; unused++; assert(unused <= SEGMENTS) } }

proctype Mover(byte victim, part; bit mayDie) {
  byte seen, head, segment, mine;
  bit isMoved;
  {
    do
    :: seen = word;
       if
       :: seen == 0 -> break
#ifdef DROP
       :: true -> break
#endif
       :: seen != 0 && part == 0 && place0[seen] != victim * 2 -> break
       :: seen != 0 && part == 1 && place1[seen] != victim * 2 -> break
       :: seen != 0 && ((part == 0 && place0[seen] == victim * 2) || (part == 1 && place1[seen] == victim * 2))
       fi;
       take_segment(segment);
       version[segment] = version[victim];
       take_head(head);
       place0[head] = place0[seen];
       place1[head] = place1[seen];
#ifndef MUTANT_OLD_PLACE
       if
       :: part == 0 -> place0[head] = segment * 2
       :: else -> place1[head] = segment * 2
       fi;
#endif
#ifdef MUTANT_BLIND_POST
       word = head; isMoved = 1;
#else
       atomic {
         if
         :: word == seen -> word = head; isMoved = 1
         :: else
         fi
       };
#endif
       if
       :: isMoved -> break
       :: else
#ifdef MUTANT_NO_SECOND_LOOK
          -> break
#endif
       fi
    od;
    generation[victim] = 1;
    version[victim] = OTHER;
    ended++
  } unless { mayDie && isDead }
}

proctype Putter() {
  byte head, first, second;
  take_segment(first);
  version[first] = 2;
  take_segment(second);
  version[second] = 2;
  take_head(head);
  place0[head] = first * 2;
  place1[head] = second * 2;
  word = head;
  atomic { settled = 2; ended++ }
}

proctype Deleter() {
  word = 0;
  atomic { settled = 3; ended++ }
}

proctype Reader() {
  byte before, seen, one, two;
  before = settled;
  do
  :: seen = word;
     if
     :: seen == 0 -> break
     :: else
     fi;
#ifndef MUTANT_NO_GENERATION
     if
     :: !IS_THERE(place0[seen]) -> one = 0
     :: else ->
        one = version[SEGMENT(place0[seen])];
        if :: !IS_THERE(place0[seen]) -> one = 0 :: else fi
     fi;
     if
     :: !IS_THERE(place1[seen]) -> two = 0
     :: else ->
        two = version[SEGMENT(place1[seen])];
        if :: !IS_THERE(place1[seen]) -> two = 0 :: else fi
     fi;
#else
     one = version[SEGMENT(place0[seen])];
     two = version[SEGMENT(place1[seen])];
#endif
     if
     :: word != seen  // again
     :: else ->
        if
        :: one == 0 || two == 0  // a miss
        :: else -> assert(one == two && one != OTHER && one >= before && before != 3)
        fi;
        break
     fi
  od
}

init {
  byte changers = MOVERS;
  atomic {
    place0[1] = 0; place1[1] = 2;
    version[0] = 1; version[1] = 1;
#ifdef DEATH
    run Mover(0, 0, 1);
#else
    run Mover(0, 0, 0);
#endif
    if :: MOVERS > 1 -> run Mover(1, 1, 0) :: else fi;
#ifdef PUT
    run Putter(); changers++;
#endif
#ifdef DELETE
    run Deleter(); changers++;
#endif
    run Reader()
  };
#ifdef DEATH
  isDead = 1;
  run Mover(0, 0, 0);
#endif
  ended >= changers;
#ifdef DELETE
  assert(word == 0);
#else
#ifdef DROP
  skip
#else
  assert(word != 0 && IS_THERE(place0[word]) && IS_THERE(place1[word]));
  assert(version[SEGMENT(place0[word])] == version[SEGMENT(place1[word])]);
#endif
#endif
}
