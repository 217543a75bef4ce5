// One bucket of ../table.h and the settling of dead nodes of ../settle.h, for Spin. check.sh lists what is run.
//
// Modelled. Two subjects in one bucket, whose card is a list of two claims. Each load, store, fetch-and-add and
//   compare-and-swap of a shared word is one step; of a card each claim is one; to ask whether a node lives is one. A
//   node may be killed before each step. It stays dead or gets a next owner, which takes the lease, settles it and
//   counts up the incarnation, in this order, and then claims. A stopped node is one that makes its next step late or
//   never. A clock advances between any two steps; a call gets the time once, at its start, and may act on it much
//   later. Each node makes any CALLS calls: it claims either subject, even one that it holds, and renews or releases
//   its newest guard.
// Not modelled. Memory is sequentially consistent: the simulated memory (../sim) and the tests check the orders. Stamps
//   and tokens are small numbers that never run out. Bounds checks, the full bucket, retirement and pauses are left
//   out, and so is the audit. Looking without claiming is the first half of a claim that yields.
//
// Names, with those of table.h. bucket: the slot word. list: the private copy of the card, then the next one. at: the
//   time that the call got. `guard...`, `living` and `truth` are ghosts: known to the model only. They are, of each
//   subject, the newest guard granted, its expiry as last renewed and whether it is held (not released); the
//   incarnation that lives on each node; and the chunk that each node really owns.
//
// Checked, by assertion. At each swap: a subject is once in the card (T1); a claim disappears only by its own
//   release, expired or dead (T2), so no two guards are unexpired and alive; the new token is higher than any before
//   on this subject (T3); what is renewed or released is the newest guard, is held, and had not expired. A call that
//   yields does so to the guard that was held when it validated, and that it was told to be alive; so a subject that
//   was released, has expired or lost its holder can be claimed. I1 and I2; settle is exact or burns. By the search: no
//   process is ever blocked (invalid end states) and, with -DNP, none runs for ever, no matter which nodes are dead or
//   stopped: I5.
//
// Permits. A semaphore of N permits is N subjects, of which a process tries one after the other until one does not
//   yield. So it has never more than N holders (T2), and after all of them have died each of its subjects can be
//   claimed. With -DPERMITS a claim is such a call, for a semaphore of two permits. A call that is refused both has
//   yielded to two guards, each of which held when it looked.
//
// What the mutants teach. A token is drawn after the word was loaded, anew for each swap. The time that a call gets
//   may be old, but never ahead. A node alone does not tell whether a holder lives. A stamp is needed although tokens
//   grow.
//
// run claims       -DCALLS=2 -DDEATHS=0 -DTIME=2
// run guards       -DCALLS=3 -DDEATHS=0 -DTIME=0
// run three        -DNODES=3 -DCALLS=1 -DDEATHS=0 -DTIME=2
// run deaths       -DCALLS=1 -DDEATHS=1 -DTIME=1
// run two-deaths   -DCALLS=1 -DDEATHS=2 -DTIME=1 -DSUBJECTS=1
// run guard-deaths -DCALLS=2 -DDEATHS=1 -DTIME=1 -DSUBJECTS=1
// run three-deaths -DNODES=3 -DCALLS=1 -DDEATHS=1 -DTIME=0 -DSUBJECTS=1
// run settle       -DCALLS=1 -DDEATHS=3 -DTIME=0 -DSUBJECTS=1 -DSPARES=2
// run ends         -DCALLS=2 -DDEATHS=0 -DTIME=1 -DNP
// run life         -DCALLS=2 -DDEATHS=1 -DTIME=1 -DSUBJECTS=1 -DLIFE
// run permits      -DCALLS=2 -DDEATHS=0 -DTIME=1 -DPERMITS
// run permits-dead -DCALLS=1 -DDEATHS=1 -DTIME=0 -DPERMITS
// run ends-deaths  -DCALLS=1 -DDEATHS=1 -DTIME=1 -DNP
// Too large for CI, run by hand without an error, 18.7 million states: -DCALLS=1 -DDEATHS=2 -DTIME=1
//
// mutant token-first    -DMUTANT_TOKEN_FIRST -DDEATHS=0
// mutant token-kept     -DMUTANT_TOKEN_KEPT -DDEATHS=0
// mutant no-stamp       -DMUTANT_NO_STAMP -DDEATHS=0 -DCALLS=3
// mutant chunk-only     -DMUTANT_CHUNK_ONLY -DDEATHS=0 -DCALLS=3
// mutant no-validate    -DMUTANT_NO_VALIDATE -DDEATHS=0
// mutant no-look        -DMUTANT_NO_LOOK -DDEATHS=0
// mutant renew-expired  -DMUTANT_RENEW_EXPIRED -DDEATHS=0
// mutant never-ask      -DMUTANT_NEVER_ASK -DDEATHS=0
// mutant always-alive   -DMUTANT_ALWAYS_ALIVE
// mutant node-only      -DMUTANT_NODE_ONLY
// mutant time-ahead     -DMUTANT_TIME_AHEAD -DDEATHS=0
// mutant any-token      -DMUTANT_ANY_TOKEN -DDEATHS=0
// mutant clear-first    -DMUTANT_CLEAR_FIRST
// mutant life-wraps     -DMUTANT_LIFE_WRAPS -DDEATHS=0 -DLIFE
// mutant permit-twice   -DMUTANT_PERMIT_TWICE -DDEATHS=0 -DPERMITS
// mutant guess-hand     -DMUTANT_GUESS_HAND -DCALLS=2 -DDEATHS=1

#ifndef NODES
#define NODES 2
#endif
#ifndef CALLS      // of each owner of a node
#define CALLS 2
#endif
#ifndef SUBJECTS   // that are claimed
#define SUBJECTS 2
#endif
#ifndef DEATHS
#define DEATHS 1
#endif
#ifndef TIME       // the clock's last value
#define TIME 2
#endif
#ifndef SPARES
#define SPARES 1
#endif
#define TTL 1
// With -DLIFE each claim is for the life of its holder, and a renewal gives it a time to live.
#define NEVER 7
#if defined(MUTANT_LIFE_WRAPS)
#define FIRST_EXPIRY ((at + NEVER) & 7)
#elif defined(LIFE)
#define FIRST_EXPIRY NEVER
#else
#define FIRST_EXPIRY (at + TTL)
#endif

#define WORD(stamp, card) ((stamp) << 3 | (card))
#define STAMP_IN(word) ((word) >> 3)
#define CARD_IN(word) ((word) & 7)
#define SPARE(index) (1 + NODES + (index))

// A claim is one number, 0 for none.
#define CLAIM(token, subject, node, incarnation, expiry) \
  ((token) << 9 | (subject) << 8 | (node) << 6 | (incarnation) << 3 | (expiry))
#define TOKEN_OF(claim) ((claim) >> 9)
#define SUBJECT_OF(claim) ((claim) >> 8 & 1)
#define NODE_OF(claim) ((claim) >> 6 & 3)
#define INCARNATION_OF(claim) ((claim) >> 3 & 7)
#define EXPIRY_OF(claim) ((claim) & 7)
#define IS_ON(claim, subject) ((claim) != 0 && SUBJECT_OF(claim) == (subject))

#define IS_ALIVE(node, which) (leased[node] && incarnation[node] == (which))

mtype = { CLAIM_IT, RENEW_IT, RELEASE_IT };

// What a call does that yields. With permits it goes on with the next one, if there is one.
#ifdef PERMITS
#define YIELD refusedBy[subject] = TOKEN_OF(list[i]); goto refused
#else
#define YIELD goto returned
#endif

// Shared words.
typedef NodeEntry { byte hand; byte intentChunk; byte intentPosition }
typedef Card { short claim[2] }

byte bucket;
Card card[1 + NODES + SPARES];
NodeEntry entry[NODES];
byte tokens;
byte sparesTaken;
byte incarnation[NODES];
bool leased[NODES];
byte now;

// Ghosts.
byte truth[NODES];
byte living[NODES];
byte guardToken[2];
byte guardExpiry[2];
byte guardNode[2];
byte guardLife[2];
bool guardStands[2];
byte deaths;

// One step of a node, or its death instead. Only its first statement may block, and in the protocol none does.
#define STEP(...) \
  if \
  :: atomic { __VA_ARGS__ } \
  :: atomic { deaths < DEATHS -> deaths++; leased[me] = false; living[me] = 0; goto dead } \
  fi

#define IS_OVER(subject) \
  (!guardStands[subject] || guardExpiry[subject] <= now || living[guardNode[subject]] != guardLife[subject])

// I1: the bucket and every node have a chunk of their own, and none is still spare.
inline one_place() {
  for (i : 0 .. NODES - 1) {
    assert(CARD_IN(bucket) != truth[i] && truth[i] < SPARE(sparesTaken));
    for (other : i + 1 .. NODES - 1) { assert(truth[i] != truth[other]) }
  }
  i = 0;
  other = 0
}

// T1, T2 and T3, just before the list becomes the bucket's.
inline check_list() {
  assert(list[0] == 0 || list[1] == 0 || SUBJECT_OF(list[0]) != SUBJECT_OF(list[1]));
  for (i : 0 .. 1) {
    assert(IS_OVER(i) || (call == RELEASE_IT && i == subject) ||
           TOKEN_OF(list[0]) == guardToken[i] || TOKEN_OF(list[1]) == guardToken[i])
  }
  i = 0;
  if
  :: call == CLAIM_IT ->
     assert(token > guardToken[subject]);
     guardToken[subject] = token;
#ifdef LIFE
     guardExpiry[subject] = NEVER;
#else
     guardExpiry[subject] = at + TTL;
#endif
     guardNode[subject] = me;
     guardLife[subject] = life;
     guardStands[subject] = true;
     guard = token
  :: else ->
     assert(guard == guardToken[subject] && guardStands[subject] && guardExpiry[subject] > at);
     guardExpiry[subject] = at + 2 * TTL;
     guardStands[subject] = call == RENEW_IT
  fi
}

inline read_card() {
  STEP(word = bucket);
  if
  :: STAMP_IN(word) == 0 -> filter_claims()
  :: else ->
     STEP(list[0] = card[CARD_IN(word)].claim[0]);
     STEP(list[1] = card[CARD_IN(word)].claim[1]);
     STEP(
       if
#ifdef MUTANT_NO_VALIDATE
       :: false
#else
       :: bucket != word -> word = 0; list[0] = 0; list[1] = 0; goto again
#endif
       :: else
       fi;
       check_copy();
       filter_claims())
  fi
}

// A guard that was not released and has not expired is that of the subject.
inline check_copy() {
  for (i : 0 .. 1) {
    if
    :: list[i] != 0 && EXPIRY_OF(list[i]) > at ->
       assert(TOKEN_OF(list[i]) == guardToken[SUBJECT_OF(list[i])]);
       assert(guardStands[SUBJECT_OF(list[i])] && EXPIRY_OF(list[i]) == guardExpiry[SUBJECT_OF(list[i])])
    :: else
    fi
  };
  i = 0
}

// Drops the expired, and finds the claim in question: i, or 2.
inline filter_claims() {
  for (i : 0 .. 1) {
    if
#ifdef MUTANT_RENEW_EXPIRED
    :: call == RENEW_IT && TOKEN_OF(list[i]) == guard
#endif
    :: EXPIRY_OF(list[i]) <= at -> list[i] = 0
    :: else
    fi
  };
  if
#ifdef MUTANT_ANY_TOKEN
  :: IS_ON(list[0], subject) -> i = 0
  :: IS_ON(list[1], subject) -> i = 1
#else
  :: IS_ON(list[0], subject) && (call == CLAIM_IT || TOKEN_OF(list[0]) == guard) -> i = 0
  :: IS_ON(list[1], subject) && (call == CLAIM_IT || TOKEN_OF(list[1]) == guard) -> i = 1
#endif
  :: else -> i = 2
  fi;
  if
  :: call != CLAIM_IT && i == 2 -> goto returned  // kNone
  :: call == RELEASE_IT && i < 2 -> list[i] = 0
  :: call == RENEW_IT && i < 2 -> list[i] = CLAIM(guard, subject, me, life, at + 2 * TTL)
  :: call == CLAIM_IT && i < 2 && NODE_OF(list[i]) == me && INCARNATION_OF(list[i]) == life ->
#ifndef MUTANT_NO_LOOK
     YIELD  // kYield to ourselves
#endif
  :: else
  fi
}

// The rest of a claim's next list, or `goto returned`.
inline change_list() {
  if
  :: call == CLAIM_IT && i < 2 ->
#ifdef MUTANT_NO_LOOK
     skip
#else
     STEP(
       if
#if defined(MUTANT_NEVER_ASK)
       :: false
#elif defined(MUTANT_ALWAYS_ALIVE)
       :: true
#elif defined(MUTANT_NODE_ONLY)
       :: leased[NODE_OF(list[i])]
#else
       :: IS_ALIVE(NODE_OF(list[i]), INCARNATION_OF(list[i]))
#endif
          -> assert(IS_ALIVE(NODE_OF(list[i]), INCARNATION_OF(list[i]))); YIELD  // kYield
       :: else -> list[i] = 0
       fi)
#endif
  :: else
  fi;
  if
  :: call == CLAIM_IT -> STEP(draw_token(); append_claim())
  :: else
  fi
}

inline draw_token() {
  if
#ifdef MUTANT_TOKEN_FIRST
  :: true
#endif
#ifdef MUTANT_TOKEN_KEPT
  :: token != 0
#endif
  :: else -> tokens++; token = tokens
  fi
}

inline append_claim() {
  i = (list[0] == 0 -> 0 : 1);
  if
  :: list[i] != 0 -> goto returned  // kFull: only a mutant comes here
  :: else -> list[i] = CLAIM(token, subject, me, life, FIRST_EXPIRY)
  fi;
  i = 0
}

inline replace_card() {
  // 1. Fill the hand.
  STEP(assert(hand == truth[me]); card[hand].claim[0] = list[0]);
  STEP(assert(hand == truth[me]); card[hand].claim[1] = list[1]);

  // 2. Write down what is about to happen.
#if DEATHS
  STEP(entry[me].intentChunk = CARD_IN(word));
  STEP(entry[me].intentPosition = STAMP_IN(word) + 1);
#endif

  // 3. Swap.
  STEP(
    if
#ifdef MUTANT_CHUNK_ONLY
    :: CARD_IN(bucket) != CARD_IN(word)
#else
    :: bucket != word
#endif
       -> goto lost
    :: else
    fi;
    assert(hand == truth[me]);
    check_list();
#ifdef MUTANT_NO_STAMP
    // The first swap counts: stamp 0 means empty.
    bucket = WORD(1, hand);
#else
    assert(STAMP_IN(bucket) < 31);  // the model's words are that short
    bucket = WORD(STAMP_IN(bucket) + 1, hand);
#endif
    truth[me] = CARD_IN(word);
    one_place();
    hand = CARD_IN(word);
    guardOn = (call == CLAIM_IT -> subject : guardOn);
    forget_call());

  // 4. Hand first, intent cleared second.
#ifdef MUTANT_CLEAR_FIRST
  STEP(entry[me].intentPosition = 0);
  STEP(entry[me].hand = hand)
#elif DEATHS
  STEP(entry[me].hand = hand);
  STEP(entry[me].intentPosition = 0)
#endif
}

// `seen` if `sought` certainly belongs to a bucket or another node. ring.pml has more of this.
inline seen_elsewhere(sought) {
  STEP(seen = CARD_IN(bucket) == sought);
  other = 0;
  do
  :: other == NODES || seen -> break
  :: other == me -> other++
  :: else ->
     STEP(seen = entry[other].intentPosition == 0);
     if
     :: seen -> STEP(seen = entry[other].hand == sought; other++)
     :: else -> other++
     fi
  od;
  other = 0
}

inline settle() {
  STEP(
    hand = entry[me].hand;
    received = entry[me].intentChunk;
    at = entry[me].intentPosition;
    if
    :: at == 0 -> assert(hand == truth[me]); received = 0; goto settled
    :: else
    fi);
  STEP(
    word = bucket;
    if
    :: STAMP_IN(word) > at && hand != received  // the bucket cannot tell any more
    :: STAMP_IN(word) == at && CARD_IN(word) == hand -> hand = received; goto decided
    :: else -> goto decided
    fi);
#ifndef MUTANT_GUESS_HAND
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
#endif
decided:
  atomic { seen = false; word = 0; at = 0; received = 0 }
  STEP(assert(burn || hand == truth[me]); burn = false; truth[me] = hand; one_place(); entry[me].hand = hand);
  STEP(entry[me].intentPosition = 0);
settled:
}

inline forget_call() {
  word = 0; list[0] = 0; list[1] = 0; token = 0; i = 0; at = 0; subject = 0; call = 0
}

proctype Node(byte me) {
  byte hand, word, received, at, token, guard, guardOn, subject, life, i, other, left;
  short list[2];
  mtype call;
  bool seen, burn;
#ifdef PERMITS
  short refusedBy[2];
#endif

taken:
  atomic { left = CALLS; leased[me] = true }
  settle();
  STEP(incarnation[me]++; life = incarnation[me]; living[me] = life);
  do
  :: left == 0 -> goto stopped
  :: else ->
     STEP(
       left--;
       if
       :: call = CLAIM_IT; subject = 0
#if SUBJECTS == 2 && !defined(PERMITS)
       :: call = CLAIM_IT; subject = 1
#endif
       :: guard != 0 -> call = RENEW_IT; subject = guardOn
       :: guard != 0 -> call = RELEASE_IT; subject = guardOn
       fi;
#ifdef MUTANT_TIME_AHEAD
       at = now + 1
#else
       at = now
#endif
       );
#ifdef MUTANT_TOKEN_FIRST
     STEP(tokens++; token = tokens);
#endif
again:
     read_card();
     change_list();
     replace_card();
     goto returned;
lost:
     STEP(
       word = 0; list[0] = 0; list[1] = 0;
#if !defined(MUTANT_TOKEN_FIRST) && !defined(MUTANT_TOKEN_KEPT)
       token = 0;
#endif
       entry[me].intentPosition = 0);
     goto again;
#ifdef PERMITS
     goto returned;
refused:
     atomic {
       if
       :: subject == 0 && refusedBy[1] == 0 ->
          forget_call();
          call = CLAIM_IT;
          at = now;
#ifdef MUTANT_PERMIT_TWICE
          refusedBy[1] = refusedBy[0];
#else
          subject = 1;
#endif
          goto again
       :: else -> assert(refusedBy[0] != 0 && refusedBy[1] != 0 && refusedBy[0] != refusedBy[1])
       fi
     }
#endif
returned:
     atomic {
       forget_call()
#ifdef PERMITS
       ;
       refusedBy[0] = 0; refusedBy[1] = 0
#endif
     }
  od;

dead:
  atomic {
    // What a dead process had in private is gone.
    hand = 0; word = 0; received = 0; at = 0; token = 0; guard = 0; guardOn = 0; subject = 0; life = 0; i = 0; other = 0;
    left = 0; list[0] = 0; list[1] = 0; call = 0; seen = false; burn = false
#ifdef PERMITS
    ;
    refusedBy[0] = 0; refusedBy[1] = 0
#endif
  }
  if
  :: goto taken
  :: true  // it never gets another owner
  fi;

stopped:
}

proctype Clock() {
end:
  do
  :: now < TIME -> now++
  od
}

init {
  byte k;
  atomic {
    for (k : 0 .. NODES - 1) {
      entry[k].hand = 1 + k;
      truth[k] = 1 + k
    }
    for (k : 0 .. NODES - 1) { run Node(k) }
    run Clock();
    k = 0
  }
}
