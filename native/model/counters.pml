// How a name gets a cell of ../protocol/counters.h, and how its counter is changed, removed and replaced, for Spin.
// check.sh lists what is run.
//
// Modeled. One bucket with one cell: its word (a stamp, with the name that its card lists, and the generation of that
//   name), and the cell { generation, live, value }, each swapped whole. NODES processes make CALLS calls each: add to
//   name 1, remove name 1, or add to name 2, which needs the same cell. Each load and each swap of a shared word is one
//   step, and a process may be killed before any of them.
// Not modeled. Hands and settling (table.pml), expiry, which is a removal that any process makes, that a pair is loaded
//   as two words, and weak memory: sim/counters_scenes.cc has these. Generations that come round.
// Checked. C2: what was acknowledged of a name was removed, or is there. C1 needs no check: a card has one name here.
//
// run two         -DNODES=2 -DCALLS=3 -DDEATHS=0 -DTRIES=2
// run two-deaths  -DNODES=2 -DCALLS=2 -DDEATHS=2
// run three       -DNODES=3 -DCALLS=1 -DDEATHS=0 -DTRIES=2
//
// mutant stale-word     -DMUTANT_STALE_WORD -DNODES=3 -DCALLS=2 -DDEATHS=0
// mutant ends-any       -DMUTANT_ENDS_ANY -DNODES=3 -DCALLS=2 -DDEATHS=0
// mutant takes-live     -DMUTANT_TAKES_LIVE -DNODES=2 -DCALLS=2 -DDEATHS=0
// mutant revives        -DMUTANT_REVIVES -DNODES=3 -DCALLS=2 -DDEATHS=0

#ifndef NODES
#define NODES 2
#endif
#ifndef CALLS
#define CALLS 2
#endif
#ifndef DEATHS
#define DEATHS 1
#endif
#ifndef TRIES
#define TRIES 3
#endif
// The word of the bucket is its stamp; cards are never written again (I2), so what a stamp lists is looked up here.
#define STAMPS 14
// cell: generation << 5 | live << 4 | value
#define CELL(generation, value) ((generation) << 5 | 16 | (value))
#define ENDED(generation) ((generation) << 5)
#define GENERATION_IN(cell) ((cell) >> 5)
#define IS_LIVE(cell) (((cell) & 16) != 0)
#define VALUE_IN(cell) ((cell) & 15)

byte stamp;
byte nameOf[STAMPS];        // 0: none
byte generationOf[STAMPS];
short cell;
byte acknowledged[3], removed[3];
byte deaths, done;

#define STEP(...) if :: atomic { __VA_ARGS__ } :: atomic { deaths < DEATHS -> deaths++; goto ended } fi

proctype Node() {
  byte left = CALLS, tries, want, word;
  short seen;
  bool removes;
next:
  atomic {
    tries = 0; removes = false; word = 0; seen = 0;
    if
    :: left == 0 -> goto ended
    :: else -> left--
    fi;
    if
    :: want = 1
    :: want = 1; removes = true
    :: want = 2
    fi
  }
again:
  atomic {
    if
    :: tries == TRIES -> goto next
    :: else -> tries++
    fi
  }
  STEP(word = stamp);  // read_card
  if
  :: nameOf[word] == want ->  // change_cell
     STEP(seen = cell);
#ifndef MUTANT_STALE_WORD
     STEP(if :: stamp != word -> goto again :: else fi);
#endif
     if
     :: removes && (GENERATION_IN(seen) != generationOf[word] || !IS_LIVE(seen)) -> goto next  // none
     :: removes && GENERATION_IN(seen) == generationOf[word] && IS_LIVE(seen) ->
        STEP(
          if
          :: cell == seen -> cell = ENDED(generationOf[word]); removed[want] = removed[want] + VALUE_IN(seen); goto next
          :: else -> goto again
          fi)
#ifndef MUTANT_REVIVES
     :: !removes && GENERATION_IN(seen) == generationOf[word] && !IS_LIVE(seen) -> goto enter
#endif
     :: else ->
        STEP(
          if
          :: cell == seen ->
             cell = CELL(generationOf[word],
                         1 + (GENERATION_IN(seen) == generationOf[word] && IS_LIVE(seen) -> VALUE_IN(seen) : 0));
             acknowledged[want]++;
             goto next
          :: else -> goto again
          fi)
     fi
  :: else ->
     if
     :: removes -> goto next
     :: else
     fi
  fi;
enter:
  // drop_ended: the name on the card, if there is one, must have ended, or is ended if it has no value yet.
  if
  :: nameOf[word] == 0 -> skip
  :: else ->
     STEP(seen = cell);
     if
     :: GENERATION_IN(seen) == generationOf[word] && !IS_LIVE(seen) -> skip
     :: GENERATION_IN(seen) == generationOf[word] && IS_LIVE(seen) ->
#ifdef MUTANT_TAKES_LIVE
        skip
#else
        goto next  // full
#endif
     :: GENERATION_IN(seen) != generationOf[word] && nameOf[word] == want -> goto again  // it is there
     :: else ->
#ifndef MUTANT_ENDS_ANY
        STEP(if :: stamp != word -> goto again :: else fi);
#endif
        STEP(
          if
          :: cell == seen -> cell = ENDED(generationOf[word])
          :: else -> goto again
          fi)
     fi
  fi;
  STEP(  // replace_card
    if
    :: stamp == word && word + 1 < STAMPS ->
       nameOf[word + 1] = want;
       generationOf[word + 1] = word + 1;
       stamp = word + 1
    :: else
    fi);
  goto again;
ended:
  atomic { done++; left = 0; tries = 0; want = 0; word = 0; seen = 0; removes = false }
}

init {
  byte k, there;
  atomic {
    if
    :: true
    :: stamp = 1; nameOf[1] = 2; generationOf[1] = 1; cell = CELL(1, 1); acknowledged[2] = 1
    fi;
    for (k : 1 .. NODES) { run Node() }
    k = 0
  }
  atomic {
    done == NODES;
    for (k : 1 .. 2) {
      there = (nameOf[stamp] == k && GENERATION_IN(cell) == generationOf[stamp] && IS_LIVE(cell) -> VALUE_IN(cell) : 0);
      assert(removed[k] + there == acknowledged[k])
    }
  }
}
