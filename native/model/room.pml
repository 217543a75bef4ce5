// Who wakes which process at a box of inbox.h, for Spin. check.sh lists what is run.
//
// Modelled. Two senders that wait for room, and two nodes of which one owns the box; when it dies the other one becomes
//   the owner, if it is alive. To fill a slot is one step (inbox.pml has more). So is each load, store and swap of the
//   floor, the owner word, `waiting`, the arms and the bits, and each write to a bell. An owner may be killed before
//   any step, and in some runs a sender.
// Checked. When nothing moves any more and an owner is alive, it has read all messages, but for one over which a sender
//   died between its swap and its signal; and no sender sleeps while there is room.
//
// run room         -DMESSAGES=1 -DDEATHS=0
// run one-sender   -DSENDERS=1 -DMESSAGES=3 -DDEATHS=1
// run both-die     -DSENDERS=1 -DMESSAGES=2 -DDEATHS=2 -DSENDERS_DIE
// run two-slots    -DSENDERS=1 -DMESSAGES=4 -DDEATHS=1 -DCAPACITY=2
// run owner-dies   -DMESSAGES=1 -DDEATHS=1
//
// mutant owner-first  -DMUTANT_OWNER_FIRST -DMESSAGES=1 -DDEATHS=1
// mutant look-first   -DMUTANT_LOOK_FIRST -DMESSAGES=1 -DDEATHS=0
// mutant wake-first   -DMUTANT_WAKE_FIRST -DSENDERS=1 -DMESSAGES=2 -DDEATHS=0
// mutant heir-silent  -DMUTANT_HEIR_SILENT -DSENDERS=1 -DMESSAGES=2 -DDEATHS=1
// mutant room-unseen  -DMUTANT_ROOM_UNSEEN -DSENDERS=1 -DMESSAGES=2 -DDEATHS=0
// mutant heir-looks   -DMUTANT_HEIR_LOOKS -DSENDERS=1 -DMESSAGES=3 -DDEATHS=1
// mutant clear-last   -DMUTANT_CLEAR_LAST -DMESSAGES=1 -DDEATHS=0
// mutant flag-first   -DMUTANT_FLAG_FIRST -DMESSAGES=1 -DDEATHS=0

#ifndef MESSAGES
#define MESSAGES 2
#endif
#ifndef DEATHS
#define DEATHS 1
#endif
#ifndef SENDERS
#define SENDERS 2
#endif
#ifndef CAPACITY
#define CAPACITY 1
#endif

byte head, floor, owner;  // owner: node + 1
bool waiting;
bool alive[2] = true;
byte arm[4];  // nodes 0 and 1 may own, 2 and 3 send
bool bit_[4];
bool bell[4];
byte deaths;
bool hole;  // a sender died between its swap and its signal
bool asleep[4];

#define STEP(...) if :: atomic { __VA_ARGS__ } :: atomic { deaths < DEATHS -> deaths++; goto dead } fi
#define SEND_STEP(...) if :: atomic { __VA_ARGS__ } :: atomic { MAY_DIE && deaths < DEATHS -> deaths++; goto dead } fi
#ifdef SENDERS_DIE
#define MAY_DIE true
#else
#define MAY_DIE false
#endif
#define ARM(node) arm[node] = arm[node] + (arm[node] % 2 == 0 -> 1 : 2)

proctype Sender(byte me) {
  byte left = MESSAGES, seen, to, generation, h;
attempt:
  atomic { seen = 0; h = 0; to = 0; generation = 0; if :: left == 0 -> goto ended :: else fi }
#ifdef MUTANT_OWNER_FIRST
  SEND_STEP(to = owner);
#endif
  SEND_STEP(seen = floor);
  SEND_STEP(
    if
    :: head - seen < CAPACITY -> head++; left--; skip
    :: else -> goto refused
    fi);
#ifndef MUTANT_OWNER_FIRST
  if
  :: atomic { to = owner }
  :: atomic { MAY_DIE && deaths < DEATHS -> deaths++; hole = true; goto dead }
  fi;
#endif
  if
  :: to == 0 -> goto attempt
  :: else
  fi;
  if
  :: atomic { generation = arm[to - 1] }
  :: atomic { MAY_DIE && deaths < DEATHS -> deaths++; hole = true; goto dead }
  fi;
  if
  :: generation % 2 == 1 ->
     if
     :: atomic { bell[to - 1] = true }
     :: atomic { MAY_DIE && deaths < DEATHS -> deaths++; hole = true; goto dead }
     fi;
     SEND_STEP(if :: arm[to - 1] == generation -> arm[to - 1] = generation + 1 :: else fi)
  :: else
  fi;
  goto attempt;
refused:
  SEND_STEP(bit_[me] = true);
#ifdef MUTANT_ROOM_UNSEEN
  SEND_STEP(h = head); SEND_STEP(seen = floor);
  SEND_STEP(ARM(me));
  SEND_STEP(waiting = true);
#else
#ifdef MUTANT_FLAG_FIRST
  SEND_STEP(waiting = true);
  SEND_STEP(ARM(me));
#else
  SEND_STEP(ARM(me));
  SEND_STEP(waiting = true);
#endif
  SEND_STEP(seen = floor); SEND_STEP(h = head);
#endif
  if
  :: h - seen < CAPACITY -> goto attempt
  :: else
  fi;
  asleep[me] = true;
end_asleep:
  atomic { bell[me] -> bell[me] = false; asleep[me] = false }
  goto attempt;
dead:
  atomic { asleep[me] = false }
ended:
}

inline wake_senders(always) {
  STEP(generation = (waiting || always -> 1 : 0));
  if
  :: generation == 0 -> other = 4
  :: else ->
#ifndef MUTANT_CLEAR_LAST
     STEP(waiting = false);
#endif
     other = 2
  fi;
  do
  :: other == 4 -> break
  :: else ->
     STEP(generation = (bit_[other] -> 1 : 0));
     if
     :: generation == 1 ->
        STEP(generation = arm[other]);
        if
        :: generation % 2 == 1 ->
           STEP(bell[other] = true);
           STEP(if :: arm[other] == generation -> arm[other] = generation + 1 :: else fi)
        :: else
        fi
     :: else
     fi;
     other++
  od;
#ifdef MUTANT_CLEAR_LAST
  STEP(waiting = false);
#endif
  atomic { other = 0; generation = 0 }
}

proctype Owner(byte me) {
  byte next, generation, other;
end_waiting:
  atomic { owner == 0 || (owner != me + 1 && !alive[owner - 1]) -> owner = me + 1 }
  STEP(next = floor);
#ifndef MUTANT_HEIR_SILENT
#ifdef MUTANT_HEIR_LOOKS
  wake_senders(false);
#else
  wake_senders(true);
#endif
#endif
again:
  do
  :: atomic { head > next -> skip }
     STEP(next++);
#ifdef MUTANT_WAKE_FIRST
     wake_senders(false);
     STEP(floor = next)
#else
     STEP(floor = next);
     wake_senders(false)
#endif
  :: atomic { head <= next -> break }
  od;
#ifdef MUTANT_LOOK_FIRST
  STEP(if :: head > next -> goto again :: else fi);
  STEP(ARM(me));
#else
  STEP(ARM(me));
  STEP(if :: head > next -> goto again :: else fi);
#endif
  asleep[me] = true;
end_asleep:
  if
  :: atomic { bell[me] -> bell[me] = false; asleep[me] = false }
  :: atomic { deaths < DEATHS -> deaths++; goto dead }
  fi;
  goto again;
dead:
  atomic { alive[me] = false; asleep[me] = false }
}

proctype Monitor() {
end:
  timeout ->
  if
  :: owner != 0 && alive[owner - 1] ->
     assert(hole || floor == head);
     assert(hole || ((!asleep[2] || head - floor >= CAPACITY) && (!asleep[3] || head - floor >= CAPACITY)))
  :: else
  fi
}

init { atomic { run Sender(2);
#if SENDERS == 2
  run Sender(3);
#endif
  run Owner(0); run Owner(1); run Monitor() } }
