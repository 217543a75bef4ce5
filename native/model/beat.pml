// The record of one node and its heart, of ../beat.h, for Spin: Fleet's take_node and members, write_beat, read_beat.
// check.sh lists what is run.
//
// Modelled. Each load and store of a shared word is one step. The node has one member after another, as its lease
//   ensures. Each takes the record, beats any number of times, and leaves; or it is killed before one of its steps, and
//   the next one finds what it left. A reader looks again and again; one reader is enough, since it writes nothing.
// Not modelled. Memory is sequentially consistent: the simulated memory (../sim) checks the orders. A beat is two
//   words, and the rest of the record is one. Counts never run out. Forged bytes are left out.
//
// Names, with those of layout.h. beats: beatCount. place: the two words of each of the two beats. The words of a beat
//   are its member and its number, so a reader knows what it should have read.
//
// Checked. What a reader accepts of a record is all of one member. A beat that it returns is whole, of that member, and
//   has the number that is returned with it. A later look never returns an older beat.
//
// What the mutants teach. The count is loaded again before the owner is: a next owner that comes between the two loads
//   may have counted up to the same number.
//
// run members -DMEMBERS=3 -DBEATS=3 -DDEATHS=2
// run beats   -DMEMBERS=2 -DBEATS=6 -DDEATHS=1
//
// mutant owner-first    -DMUTANT_OWNER_FIRST -DDEATHS=0
// mutant owner-ignored  -DMUTANT_OWNER_IGNORED -DDEATHS=0
// mutant count-ignored  -DMUTANT_COUNT_IGNORED -DDEATHS=0
// mutant counted-first  -DMUTANT_COUNTED_FIRST -DDEATHS=0
// mutant one-place      -DMUTANT_ONE_PLACE -DDEATHS=0
// mutant still-joined   -DMUTANT_STILL_JOINED -DDEATHS=1
// mutant record-trusted -DMUTANT_RECORD_TRUSTED -DDEATHS=0

#ifndef MEMBERS
#define MEMBERS 2
#endif
#ifndef BEATS      // of each member, at most
#define BEATS 4
#endif
#ifndef DEATHS
#define DEATHS 1
#endif

#ifdef MUTANT_ONE_PLACE
#define PLACE(count) 0
#else
#define PLACE(count) (2 * ((count) % 2))
#endif
#define WORD(member, number) ((member) * (BEATS + 1) + (number))

// Shared.
byte joined;
byte incarnation;
byte label;  // the rest of the record
byte beats;
byte place[4];

byte deaths;  // ghost

// One step of a member, or its death instead.
#define STEP(statement) if :: atomic { statement } :: atomic { deaths < DEATHS -> deaths++; goto dead } fi

proctype member() {
  byte members, me, number;

next:
  if
  :: members == MEMBERS -> goto gone
  :: members < MEMBERS -> members++; me = incarnation + 1; number = 0
  fi;
#ifndef MUTANT_STILL_JOINED
  STEP(joined = 0);
#endif
  STEP(incarnation = me);
  STEP(label = me);
  STEP(beats = 0);
  STEP(place[0] = 0);
  STEP(place[1] = 0);
  STEP(place[2] = 0);
  STEP(place[3] = 0);
  STEP(joined = 1);
  do
  :: number < BEATS ->
     number++;
#ifdef MUTANT_COUNTED_FIRST
     STEP(beats = number);
#endif
     STEP(place[PLACE(number)] = WORD(me, number));
     STEP(place[PLACE(number) + 1] = WORD(me, number));
#ifndef MUTANT_COUNTED_FIRST
     STEP(beats = number)
#endif
  :: break
  od;
  STEP(joined = 0);
dead:
  goto next;
gone:
}

proctype reader() {
  byte owner, from, count, first, second, last;

look:
  atomic { from = 0; count = 0; first = 0; second = 0 };
  // members()
  if :: joined == 0 -> goto look :: else fi;
  owner = incarnation;
  if :: joined == 0 -> goto look :: else fi;
  from = label;
#ifndef MUTANT_RECORD_TRUSTED
  if :: incarnation != owner -> goto look :: else fi;
#endif
  assert(from == owner);

  // read_beat()
again:
  count = beats;
  if :: count == 0 -> goto look :: else fi;
  first = place[PLACE(count)];
  second = place[PLACE(count) + 1];
#ifdef MUTANT_OWNER_FIRST
  if :: incarnation != owner -> goto look :: else fi;
#endif
#ifndef MUTANT_COUNT_IGNORED
  if :: beats != count -> goto again :: else fi;
#endif
#if !defined(MUTANT_OWNER_FIRST) && !defined(MUTANT_OWNER_IGNORED)
  if :: incarnation != owner -> goto look :: else fi;
#endif
  atomic {
    assert(first == WORD(owner, count) && second == first);
    assert(first >= last);
    last = first
  }
  goto look
}

init {
  atomic { run member(); run reader() }
}
