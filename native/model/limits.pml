// How a key enters the window of ../protocol/limits.h, and how it is changed, evicted and removed, for Spin. check.sh
// lists what is run.
//
// Modeled. Entries of one window as words that are compared and swapped whole. ADDERS processes each add once to one
//   key, and help or clear away each other's tentative entries. A remover takes the key away, as `reset` does. A
//   stranger takes and frees entries, as other keys and expiry do, tentative ones included. Each load and each swap of
//   a shared word is one step, and an adder may be killed before any of them.
// Not modeled. That pairs are loaded as two words, and weak memory: sim/limits_scenes.cc has both. Two equal tentative
//   entries (limits.h says why there are none).
// Checked. L1: the key is never present twice. L2: in the end the table and the remover have exactly what was counted by
//   the swaps that succeeded.
//
// run two           -DADDERS=2 -DDEATHS=0
// run two-deaths    -DADDERS=2 -DDEATHS=2
// run three         -DADDERS=3 -DDEATHS=0 -DSTRANGER=1 -DTRIES=2
// run three-deaths  -DADDERS=3 -DDEATHS=1 -DSTRANGER=1 -DTRIES=2 -DREMOVALS=0
// run wide          -DADDERS=2 -DDEATHS=1 -DWINDOW=3 -DSTRANGER=2
//
// mutant no-second-look -DMUTANT_NO_SECOND_LOOK -DDEATHS=0
// mutant look-first     -DMUTANT_LOOK_FIRST -DDEATHS=0
// mutant no-clearing    -DMUTANT_NO_CLEARING -DDEATHS=0
// mutant same-token     -DMUTANT_SAME_TOKEN -DADDERS=3 -DDEATHS=0 -DREMOVALS=0
// mutant key-only       -DMUTANT_KEY_ONLY -DADDERS=3 -DDEATHS=0 -DTRIES=2

#ifndef ADDERS
#define ADDERS 2
#endif
#ifndef DEATHS
#define DEATHS 1
#endif
#ifndef WINDOW
#define WINDOW 2
#endif
#ifndef STRANGER  // how often it acts
#define STRANGER 2
#endif
#ifndef REMOVALS
#define REMOVALS 1
#endif
#ifndef TRIES
#define TRIES 3
#endif
#define FREE 0
#define OTHER 1
#define TENTATIVE(token) (8 + (token))
#define PRESENT(count) (64 + (count))
#define IS_KEY(word) ((word) >= 8)
#define IS_PRESENT(word) ((word) >= 64)
#define COUNT_IN(word) ((word) - 64)

byte entry[WINDOW];
byte acknowledged, removed, deaths, done, i0, k0;

#define STEP(...) if :: atomic { __VA_ARGS__ } :: atomic { deaths < DEATHS -> deaths++; goto ended } fi

inline check_once() {
  k0 = 0;
  for (i0 : 0 .. WINDOW - 1) { k0 = k0 + (IS_PRESENT(entry[i0]) -> 1 : 0) };
  assert(k0 <= 1);
  k0 = 0; i0 = 0
}

proctype Adder(byte me) {
  byte at, room, seen, word, other, tries, token;
again:
  atomic {
    at = 0; room = WINDOW; seen = 0; word = 0; other = 0;
    if
    :: tries == TRIES -> goto ended
    :: else -> tries++
    fi
  }
  do  // find_entry
  :: at == WINDOW -> break
  :: else ->
     STEP(word = entry[at]);
     if
     :: IS_KEY(word) -> seen = word; break
     :: word == FREE && room == WINDOW -> room = at; at++
     :: else -> at++
     fi
  od;
  word = 0;
  if
  :: at < WINDOW && IS_PRESENT(seen) ->
     STEP(
       if
#ifdef MUTANT_KEY_ONLY
       :: !IS_PRESENT(entry[at]) -> goto again
#else
       :: entry[at] != seen -> goto again
#endif
       :: else -> entry[at] = seen + 1; acknowledged++; goto ended
       fi)
  :: at < WINDOW && !IS_PRESENT(seen) -> skip
  :: at == WINDOW && room == WINDOW -> goto ended  // full
  :: at == WINDOW && room < WINDOW ->
#ifdef MUTANT_LOOK_FIRST
     goto promote_first;
placed:
#endif
#ifdef MUTANT_SAME_TOKEN
     token = me;
#else
     token = me * TRIES + tries - 1;
#endif
     STEP(
       if
       :: entry[room] != FREE -> goto again
       :: else -> entry[room] = TENTATIVE(token); seen = TENTATIVE(token); at = room
       fi);
#ifdef MUTANT_LOOK_FIRST
     goto swap;
promote_first:
     at = room
#endif
  fi;
#ifndef MUTANT_LOOK_FIRST
  STEP(if :: entry[at] != seen -> goto again :: else fi);  // promote begins with the entry itself
#endif
#ifndef MUTANT_NO_SECOND_LOOK
  other = 0;
  do
  :: other == WINDOW -> break
  :: other == at -> other++
  :: else ->
     STEP(word = entry[other]);
     if
     :: !IS_KEY(word) -> other++
     :: IS_KEY(word) && (IS_PRESENT(word) || other < at) ->
        STEP(if :: entry[at] == seen && seen != 0 -> entry[at] = FREE :: else fi);
        goto again
     :: else ->
#ifdef MUTANT_NO_CLEARING
        other++
#else
        STEP(
          if
          :: entry[other] != word -> goto again
          :: else -> entry[other] = FREE; other++
          fi)
#endif
     fi
  od;
#endif
#ifdef MUTANT_LOOK_FIRST
  if
  :: seen == 0 -> goto placed
  :: else
  fi;
swap:
#endif
  STEP(
    if
    :: entry[at] != seen -> goto again
    :: else -> entry[at] = PRESENT(1); acknowledged++; check_once(); goto ended
    fi);
ended:
  atomic { done++; at = 0; room = 0; seen = 0; word = 0; other = 0; tries = 0; token = 0 }
}

proctype Remover() {
  byte left = REMOVALS, at, word;
  do
  :: left == 0 -> break
  :: else ->
     left--;
     atomic {
       if
       :: at = 0
       :: at = WINDOW - 1
       fi;
       word = entry[at]
     }
     atomic {
       if
       :: IS_PRESENT(word) && entry[at] == word -> removed = removed + COUNT_IN(word); entry[at] = FREE
       :: else
       fi;
       word = 0; at = 0
     }
  od;
  done++
}

proctype Stranger() {
  byte left = STRANGER, which;
  do
  :: left == 0 -> break
  :: else ->
     atomic {
       left--;
       if
       :: which = 0
       :: which = WINDOW - 1
       fi;
       if
       :: entry[which] == FREE -> entry[which] = OTHER
       :: entry[which] == OTHER -> entry[which] = FREE
       :: IS_KEY(entry[which]) && !IS_PRESENT(entry[which]) -> entry[which] = OTHER  // a tentative one that is over
       :: else
       fi
     }
  od
}

init {
  byte k, sum;
  atomic {
    if
    :: entry[0] = FREE
    :: entry[0] = OTHER
    fi;
    for (k : 0 .. ADDERS - 1) { run Adder(k) }
    run Remover();
    run Stranger();
    k = 0
  }
  atomic {
    done == ADDERS + 1;
    for (k : 0 .. WINDOW - 1) { sum = sum + (IS_PRESENT(entry[k]) -> COUNT_IN(entry[k]) : 0) };
    assert(sum + removed == acknowledged)
  }
}
