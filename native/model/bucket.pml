// A bucket of the store's index, ../protocol/bucket.h, for Spin. check.sh lists what is run.
//
// Modeled. A bucket of two places and words { mark, version }, each always valid: what a generation makes void is in
//   segment.pml. Writers put and delete; one of them may put another mark. A filler reserves mark 1, loads, and puts what
//   it loaded. A reader gets mark 1 twice. Each load and each swap of a place is one step. A place for a new mark is
//   chosen at will. A process that is killed is one whose next step never comes: all prefixes are searched.
// Time. An operation on mark 1 draws a tick when it begins, and one when it has returned. What a filler loads is as old
//   as its load.
// Not modeled. Frequencies, more than one reservation, weak memory: sim/store_scenes.cc has the latter.
// Checked. A get does not answer a version that had returned before another operation on its mark began, which had
//   itself returned before the get began.
//
// run put-and-delete  -DFIRST=1 -DSECOND=1
// run two-puts-beside -DFIRST=2 -DSECOND=1 -DGETS=1
// run fill            -DFIRST=1 -DFILLS=1
// run fill-beside     -DFIRST=0 -DSECOND=1 -DFILLS=1
// run hidden          -DFIRST=2 -DSECOND=1 -DTHIRD=1 -DGETS=1 -DONLY_PUTS
//
// mutant no-clearing  -DMUTANT_NO_CLEARING -DFIRST=2 -DSECOND=1 -DTHIRD=1 -DGETS=1 -DONLY_PUTS
// mutant late-load    -DMUTANT_LATE_LOAD -DFIRST=1 -DFILLS=1
// mutant any-word     -DMUTANT_ANY_WORD -DFIRST=1 -DFILLS=1

// Operations of each writer. The second may choose the other mark. With ONLY_PUTS none deletes, and only the third puts
// the other mark, and nothing else.
#ifndef FIRST
#define FIRST 0
#endif
#ifndef SECOND
#define SECOND 0
#endif
#ifndef THIRD
#define THIRD 0
#endif
#ifndef FILLS
#define FILLS 0
#endif
#ifndef GETS
#define GETS 2
#endif
#define WAYS 2
#define RESERVED 31
#define WORD(mark, version) ((mark) << 5 | (version))
#define MARK(word) ((word) >> 5)
#define VERSION(word) ((word) & 31)

byte bucket[WAYS];
byte ticks, latest, returned[32];

inline begin(mark, version) {
  atomic {
    if
    :: mark == 1 -> ticks++; version = ticks; assert(ticks < RESERVED)
    :: else -> version = 0
    fi
  }
}
inline finish(mark, version) {
  atomic {
    if
    :: mark == 1 ->
       ticks++; returned[version] = ticks;
       if
       :: latest < version -> latest = version
       :: else
       fi
    :: else
    fi
  }
}
inline swap(way, old, new, ok) {
  atomic {
    if
    :: bucket[way] == old -> bucket[way] = new; ok = 1
    :: else -> ok = 0
    fi
  }
}
// way == WAYS: no word has the mark.
inline find(mark, way, word) {
  word = bucket[0]; way = 0;
  if
  :: MARK(word) == mark
  :: else ->
     word = bucket[1]; way = 1;
     if
     :: MARK(word) == mark
     :: else -> way = WAYS; word = 0
     fi
  fi
}
inline clear_later(mark, way, later, ok) {
#ifndef MUTANT_NO_CLEARING
  if
  :: way == 0 ->
     do
     :: later = bucket[1];
        if
        :: MARK(later) != mark -> break
        :: else -> swap(1, later, 0, ok); if :: ok -> break :: else fi
        fi
     od
  :: else
  fi;
  later = 0; ok = 0
#else
  skip
#endif
}
// Puts `new` in a place that has no word of its mark. ok == 0: that place changed first.
inline enter(new, way, word, later, ok) {
  if
  :: way = 0
  :: way = 1
  fi;
  word = bucket[way];
  if
  :: word != 0 -> clear_later(MARK(word), way, later, ok)
  :: else
  fi;
  swap(way, word, new, ok)
}

proctype Writer(byte operations; bit hasOther) {
  byte mark, version, word, way, later;
  bit ok, isDelete;
  do
  :: operations == 0 -> break
  :: operations > 0 ->
     operations--;
#ifdef ONLY_PUTS
     mark = 1 + hasOther;
#else
     if
     :: mark = 1
     :: hasOther -> mark = 2
     fi;
     if
     :: isDelete = 0
     :: isDelete = 1
     fi;
#endif
     begin(mark, version);
     do
     :: find(mark, way, word);
        if
        :: isDelete && way == WAYS -> break
        :: isDelete && way < WAYS ->
           clear_later(mark, way, later, ok);
           swap(way, word, 0, ok);
        :: !isDelete && way < WAYS ->
           swap(way, word, WORD(mark, version), ok);
           if
           :: ok -> break
           :: else
           fi
        :: !isDelete && way == WAYS ->
           enter(WORD(mark, version), way, word, later, ok);
           if
           :: ok && way == 1 ->
              word = bucket[0];
              if
              :: MARK(word) == mark -> swap(1, WORD(mark, version), 0, ok)
              :: else -> break
              fi
           :: ok && way == 0 -> break
           :: else
           fi
        fi
     od;
     finish(mark, version);
     atomic { mark = 0; version = 0; word = 0; way = 0; later = 0; ok = 0; isDelete = 0 }
  od
}

// The word that is there is kept, and a mark without a word gets a reservation.
proctype Filler(byte fills) {
  byte version, word, way, later, held;
  bit ok;
  do
  :: fills == 0 -> break
  :: fills > 0 ->
     fills--;
#ifdef MUTANT_LATE_LOAD
     begin(1, version);
#endif
     do
     :: find(1, way, held);
        if
        :: way < WAYS -> break
        :: else ->
           enter(WORD(1, RESERVED), way, word, later, ok);
           if
           :: ok ->
              word = bucket[1 - way];
              if
              :: MARK(word) == 1 -> swap(way, WORD(1, RESERVED), 0, ok)
              :: else -> held = WORD(1, RESERVED); break
              fi
           :: else
           fi
        fi
     od;
#ifndef MUTANT_LATE_LOAD
     begin(1, version);
#endif
     find(1, way, word);
     if
#ifdef MUTANT_ANY_WORD
     :: way < WAYS -> swap(way, word, WORD(1, version), ok)
#else
     :: way < WAYS && word == held -> swap(way, held, WORD(1, version), ok)
#endif
     :: else
     fi;
     returned[version] = version;
     atomic { version = 0; word = 0; way = 0; later = 0; held = 0; ok = 0 }
  od
}

proctype Reader(byte gets) {
  byte word, before, way;
  do
  :: gets == 0 -> break
  :: gets > 0 ->
     gets--;
     before = latest;
     find(1, way, word);
     if
     :: way < WAYS && VERSION(word) != RESERVED ->
        assert(!(VERSION(word) < before && returned[VERSION(word)] != 0 && returned[VERSION(word)] < before))
     :: else
     fi;
     atomic { word = 0; before = 0; way = 0 }
  od
}

init {
  atomic {
    if :: FIRST > 0 -> run Writer(FIRST, 0) :: else fi;
    #ifdef ONLY_PUTS
    if :: SECOND > 0 -> run Writer(SECOND, 0) :: else fi;
#else
    if :: SECOND > 0 -> run Writer(SECOND, 1) :: else fi;
#endif
    if :: THIRD > 0 -> run Writer(THIRD, 1) :: else fi;
    if :: FILLS > 0 -> run Filler(FILLS) :: else fi;
    run Reader(GETS)
  }
}
