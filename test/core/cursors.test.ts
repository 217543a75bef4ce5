import { describe, expect, it } from 'vitest'
import { Cursor, orbitType } from '../../src/index.js'
import { chunkAt, chunkIn, golden, lapIn, objectFile, presetHead, ringAt, slotWord } from '../help/bytes.js'
import { fleetName, hasObjectFiles, joinShm, memories, observe } from '../help/fleets.js'
import { accountOf, numbered, numberIn, positionsOf } from '../help/frames.js'
import { expectClosed, expectRangeError, expectTypeError, untyped } from '../help/refusals.js'

const Small = orbitType({ name: 'Small', kind: 7, capacity: 4, payloadBytes: 16 })
const One = orbitType({ name: 'One', kind: 12, capacity: 1, payloadBytes: 16 })
const Two = orbitType({ name: 'Two', kind: 13, capacity: 2, payloadBytes: 16 })
const Plain = orbitType({ name: 'Plain', kind: 10 })
const Wide = orbitType({ name: 'Wide', kind: 14, capacity: 8, payloadBytes: 40_000 })

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i)

describe.each(memories)('a cursor in $memory', ({ join }) => {
  /** A fleet with the published numbers 0..count-1. */
  function published(count: number, type = Small) {
    const fleet = join(fleetName())
    for (const value of range(0, count)) fleet.publish(type, numbered(value))
    return fleet
  }

  it('begins at the start by default', () => {
    const cursor = published(3).cursor(Small)
    expect(cursor).toBeInstanceOf(Cursor)
    expect(cursor.position).toBe(0)
    expect(cursor.poll().frames.map(numberIn)).toEqual([0, 1, 2])
  })

  it("reads all retained frames from 'start', and counts none before them as lost", () => {
    const cursor = published(6).cursor(Small, 'start')
    expect(cursor.position).toBe(2)
    const poll = cursor.poll()
    expect(poll.frames.map(numberIn)).toEqual([2, 3, 4, 5])
    expect(accountOf(poll)).toEqual({ count: 4, lost: 0, malformed: 0, from: 2, to: 6 })
  })

  it("reads only later frames from 'head'", () => {
    const fleet = published(6)
    const cursor = fleet.cursor(Small, 'head')
    expect(cursor.position).toBe(6)
    expect(cursor.poll().frames).toEqual([])
    fleet.publish(Small, numbered(6))
    expect(cursor.poll().frames.map(numberIn)).toEqual([6])
  })

  it('reads on from a given position', () => {
    expect(published(6).cursor(Small, 4).poll().frames.map(numberIn)).toEqual([4, 5])
  })

  it('counts lost frames from a position that is gone', () => {
    expect(accountOf(published(6).cursor(Small, 1).poll())).toEqual({
      count: 4,
      lost: 1,
      malformed: 0,
      from: 1,
      to: 6,
    })
  })

  it('is refused a position above the head', () => {
    const fleet = join(fleetName())
    fleet.publish(Small, numbered(1))
    expect(fleet.cursor(Small, 1).poll().frames).toEqual([])
    expectRangeError(() => fleet.cursor(Small, 2), 'from=2 is above head=1')
  })

  it('reports with each poll where it began and ended', () => {
    const fleet = published(3)
    const cursor = fleet.cursor(Small)
    expect(accountOf(cursor.poll())).toEqual({ count: 3, lost: 0, malformed: 0, from: 0, to: 3 })
    expect(cursor.position).toBe(3)
    fleet.publish(Small, numbered(3))
    expect(accountOf(cursor.poll())).toEqual({ count: 1, lost: 0, malformed: 0, from: 3, to: 4 })
    expect(cursor.position).toBe(4)
  })

  it('reads nothing when it polls again', () => {
    const cursor = published(3).cursor(Small)
    cursor.poll()
    const nothing = { count: 0, lost: 0, malformed: 0, from: 3, to: 3 }
    expect(accountOf(cursor.poll())).toEqual(nothing)
    expect(accountOf(cursor.poll())).toEqual(nothing)
  })

  it('reports one lost frame, then two frames, after three writes in two slots', () => {
    const fleet = join(fleetName())
    const cursor = fleet.cursor(Two)
    for (const value of [0, 1, 2]) fleet.publish(Two, numbered(value))
    const poll = cursor.poll()
    expect(poll.frames.map(numberIn)).toEqual([1, 2])
    expect(accountOf(poll)).toEqual({ count: 2, lost: 1, malformed: 0, from: 0, to: 3 })
    expect(accountOf(cursor.poll())).toEqual({ count: 0, lost: 0, malformed: 0, from: 3, to: 3 })
  })

  it.each([One, Two, Small])('reports exactly how many frames it lost when it was lapped: $name', (type) => {
    for (const writes of range(0, 3 * type.capacity + 2)) {
      const fleet = join(fleetName())
      const cursor = fleet.cursor(type)
      for (const value of range(0, writes)) fleet.publish(type, numbered(value))
      const kept = Math.min(writes, type.capacity)
      const poll = cursor.poll()
      expect(poll.frames.map(numberIn)).toEqual(range(writes - kept, writes))
      expect(accountOf(poll)).toEqual({ count: kept, lost: writes - kept, malformed: 0, from: 0, to: writes })
    }
  })

  it('accounts for every position at any rhythm of writes and polls', () => {
    const fleet = join(fleetName())
    const cursor = fleet.cursor(Small)
    let [seed, next, read, lost] = [12345, 0, 0, 0]
    const random = (below: number): number => {
      seed = (seed * 1103515245 + 12345) % 2 ** 31
      return Math.floor((seed / 2 ** 31) * below)
    }
    for (let round = 0; round < 500; round++) {
      for (let writes = random(9); writes > 0; writes--) fleet.publish(Small, numbered(next++))
      if (random(50) === 0) fleet.resetRing(Small)
      const poll = cursor.poll(1 + random(5))
      accountOf(poll)
      for (const frame of poll.frames) expect(numberIn(frame)).toBe(frame.position)
      read += poll.frames.length
      lost += poll.lost
      expect(cursor.position).toBe(read + lost)
    }
    lost += cursor.poll().lost
    expect(fleet.head(Small)).toBe(next)
    expect(cursor.position).toBe(next)
    expect(lost).toBeGreaterThan(0)
  })

  it('reads at most max frames, and the rest later', () => {
    const cursor = published(4).cursor(Small)
    expect(cursor.poll(1).frames.map(numberIn)).toEqual([0])
    expect(cursor.poll(2).frames.map(numberIn)).toEqual([1, 2])
    expect(cursor.poll(100).frames.map(numberIn)).toEqual([3])
    expect(cursor.poll(1).frames).toEqual([])
  })

  it('reports loss and max together', () => {
    const fleet = join(fleetName())
    const cursor = fleet.cursor(Small)
    for (const value of range(0, 10)) fleet.publish(Small, numbered(value))
    expect(accountOf(cursor.poll(1))).toEqual({ count: 1, lost: 6, malformed: 0, from: 0, to: 7 })
    for (const value of range(10, 13)) fleet.publish(Small, numbered(value))
    expect(accountOf(cursor.poll(1))).toEqual({ count: 1, lost: 2, malformed: 0, from: 7, to: 10 })
    expect(cursor.poll().frames.map(numberIn)).toEqual([10, 11, 12])
  })

  it('reads a whole ring of 1024 slots in one poll', () => {
    const fleet = published(1500, Plain)
    const poll = fleet.cursor(Plain, 0).poll()
    expect(poll.frames.map(numberIn)).toEqual(range(476, 1500))
    expect(accountOf(poll)).toMatchObject({ count: 1024, lost: 476 })
  })

  it('reads more bytes in one poll than the scratch buffer holds', () => {
    const fleet = join(fleetName())
    for (const value of range(0, 8)) fleet.publish(Wide, numbered(value, 40_000 - value * 1001))
    const { frames } = fleet.cursor(Wide).poll()
    expect(frames.map(numberIn)).toEqual(range(0, 8))
    expect(frames.map((frame) => frame.payload.length)).toEqual(range(0, 8).map((value) => 40_000 - value * 1001))
    expect(fleet.cursor(Wide).poll(3).frames.map(numberIn)).toEqual([0, 1, 2])
  })

  it('returns frames with everything that was published', () => {
    const name = fleetName()
    const [, writer] = [join(name), join(name)]
    const id = writer?.publish(Small, numbered(8), { frameKind: 200, version: 2 ** 53 - 1 })
    const [frame] = join(name).cursor(Small).poll().frames
    expect(frame).toMatchObject({ node: 1, position: 0, frameKind: 200, version: 2 ** 53 - 1, payload: numbered(8) })
    expect(id?.equals(frame?.id ?? untyped(undefined))).toBe(true)
  })

  it('returns frames that stay valid after later polls and many writes', () => {
    const fleet = published(4)
    const cursor = fleet.cursor(Small)
    const polls = [cursor.poll()]
    for (let round = 1; round < 20; round++) {
      for (const value of range(round * 4, round * 4 + 4)) fleet.publish(Small, numbered(value), { version: value })
      polls.push(cursor.poll())
      fleet.readHead(Small)
    }
    const frames = polls.flatMap((poll) => poll.frames)
    expect(frames.map(numberIn)).toEqual(range(0, 80))
    expect(frames.map((frame) => frame.position)).toEqual(range(0, 80))
    expect(frames.slice(4).map((frame) => frame.version)).toEqual(range(4, 80))
    expect(frames.map((frame) => frame.id.counter)).toEqual(range(0, 80))
  })

  it('returns payloads that share no memory', () => {
    const fleet = published(3)
    const [first, second] = fleet.cursor(Small).poll().frames
    expect(first?.payload).toBe(first?.payload)
    first?.payload.fill(0xff)
    expect(numberIn(second)).toBe(1)
    expect(fleet.cursor(Small).poll().frames.map(numberIn)).toEqual([0, 1, 2])
    expect(numberIn(fleet.readAt(Small, 0))).toBe(0)
  })

  it('reports a reset as loss', () => {
    const fleet = published(3)
    const cursor = fleet.cursor(Small)
    expect(cursor.poll(1).frames.map(numberIn)).toEqual([0])
    fleet.resetRing(Small)
    expect(accountOf(cursor.poll())).toEqual({ count: 0, lost: 2, malformed: 0, from: 1, to: 3 })
    fleet.publish(Small, numbered(3))
    expect(cursor.poll().frames.map(numberIn)).toEqual([3])
  })

  it('reports a reset and the frames after it in one poll', () => {
    const fleet = published(3)
    const cursor = fleet.cursor(Small)
    fleet.resetRing(Small)
    fleet.publish(Small, numbered(3))
    const poll = cursor.poll()
    expect(poll.frames.map(numberIn)).toEqual([3])
    expect(accountOf(poll)).toEqual({ count: 1, lost: 3, malformed: 0, from: 0, to: 4 })
  })

  it('loses nothing by a reset after it has read everything', () => {
    const fleet = published(3)
    const cursor = fleet.cursor(Small)
    cursor.poll()
    fleet.resetRing(Small)
    expect(accountOf(cursor.poll())).toEqual({ count: 0, lost: 0, malformed: 0, from: 3, to: 3 })
  })

  it('is not moved by other cursors of the ring, on this handle or another', () => {
    const name = fleetName()
    const [a, b] = [join(name), join(name)]
    const cursors = [a.cursor(Small), a.cursor(Small), b.cursor(Small)]
    a.publish(Small, numbered(0))
    b.publish(Small, numbered(1))
    for (const cursor of cursors) {
      expect(cursor.poll(1).frames.map(numberIn)).toEqual([0])
      expect(cursor.poll().frames.map(numberIn)).toEqual([1])
    }
  })

  it('does not affect another ring', () => {
    const fleet = published(3)
    const cursor = fleet.cursor(Two)
    expect(cursor.poll().frames).toEqual([])
    fleet.publish(Small, numbered(3))
    expect(cursor.poll().frames).toEqual([])
  })

  it.each([0, -1, 1.5, 2 ** 32, Number.NaN])('refuses a max of %d and stays where it is', (max) => {
    const cursor = published(3).cursor(Small)
    expectRangeError(() => cursor.poll(max), `max=${max}`, '1..4294967295')
    expect(cursor.position).toBe(0)
  })

  it('refuses a max that is not a number', () => {
    const cursor = published(3).cursor(Small)
    for (const max of ['1', null, 1n, {}]) expectTypeError(() => cursor.poll(untyped(max)), 'max=')
    expect(cursor.poll(2 ** 32 - 1).frames.length).toBe(3)
  })

  it.each([-1, 0.5, 2 ** 53 - 1, Number.NaN, Number.POSITIVE_INFINITY])('refuses to begin at %d', (from) => {
    const fleet = join(fleetName())
    expectRangeError(() => fleet.cursor(Small, from), `from=${from}`)
  })

  it.each(['tail', '', null, 0n, {}, true])('refuses to begin at a value that is not a position: %o', (from) => {
    const fleet = join(fleetName())
    expectTypeError(() => fleet.cursor(Small, untyped(from)), 'from=')
  })

  it('can be closed repeatedly, and refuses to read after that', () => {
    const fleet = published(3)
    const cursor = fleet.cursor(Small)
    cursor.poll(1)
    cursor.close()
    cursor.close()
    cursor[Symbol.dispose]()
    expectClosed(() => cursor.poll())
    expect(cursor.position).toBe(1)
    expect(fleet.cursor(Small).poll().frames.length).toBe(3)
  })

  it('closes at the end of its `using` block', () => {
    const fleet = published(3)
    let kept: Cursor | undefined
    {
      using cursor = fleet.cursor(Small)
      kept = cursor
      expect(cursor.poll().frames.length).toBe(3)
    }
    expectClosed(() => kept?.poll())
  })

  it('closes with its fleet handle, and not with another', () => {
    const name = fleetName()
    const [a, b] = [join(name), join(name)]
    const [mine, theirs] = [a.cursor(Small), b.cursor(Small)]
    a.publish(Small, numbered(1))
    const { frames } = mine.poll()
    a.close()
    expectClosed(() => mine.poll())
    expect(mine.position).toBe(1)
    expect(theirs.poll().frames.map(numberIn)).toEqual([1])
    // Frames are copies: they stay valid after close.
    expect(frames.map(numberIn)).toEqual([1])
  })
})

describe.skipIf(!hasObjectFiles)('a cursor over damaged words', () => {
  it('counts malformed frames apart from lost ones, and continues behind them', () => {
    const name = fleetName()
    const fleet = joinShm(name, { size: 4 })
    for (const value of range(0, 6)) fleet.publish(Small, numbered(value))
    const at = ringAt(Small, 4)
    const file = objectFile(name, 7)
    for (const position of [3, 4]) {
      file.setU32(at.chunk(chunkIn(file.u64(at.slot(position % 4)))) + chunkAt.length, 1000)
    }
    const cursor = fleet.cursor(Small, 0)
    const poll = cursor.poll()
    expect(positionsOf(poll)).toEqual([2, 5])
    expect(accountOf(poll)).toEqual({ count: 2, lost: 2, malformed: 2, from: 0, to: 6 })
    expect(accountOf(cursor.poll())).toMatchObject({ count: 0, to: 6 })
  })

  // Frames of Wide fill the scratch, so that a poll takes several native calls, and one of them begins at the loss.
  it.each([Small, Wide])('ends a poll before a loss that does not come first ($name)', (type) => {
    const name = fleetName()
    const fleet = joinShm(name, { size: 4 })
    for (const value of range(0, type.capacity)) fleet.publish(type, numbered(value))
    const file = objectFile(name, type.kind)
    const second = ringAt(type, 4).slot(1)
    file.setU64(second, slotWord(2, chunkIn(file.u64(second)))) // position 1 reads as overwritten
    const cursor = fleet.cursor(type, 0)
    const before = cursor.poll()
    expect(positionsOf(before)).toEqual([0])
    expect(accountOf(before)).toEqual({ count: 1, lost: 0, malformed: 0, from: 0, to: 1 })
    const after = cursor.poll()
    expect(positionsOf(after)).toEqual(range(2, type.capacity))
    expect(accountOf(after)).toMatchObject({ lost: 1, malformed: 0, from: 1, to: type.capacity })
  })

  it('accounts for every position of a ring full of random words, and ends', () => {
    const name = fleetName()
    const fleet = joinShm(name, { size: 4 })
    for (const value of range(0, 4)) fleet.publish(Small, numbered(value))
    const at = ringAt(Small, 4)
    const file = objectFile(name, 7)
    for (const words of [
      [9, 2, 7, 1],
      [0, 1, 2, 3],
      [3, 2, 1, 0],
      [golden.maxLap, 0, golden.maxLap, 0],
      [golden.maxLap, golden.maxLap, golden.maxLap, golden.maxLap],
    ]) {
      words.forEach((lap, slot) => {
        file.setU64(at.slot(slot), slotWord(lap, slot))
      })
      const cursor = fleet.cursor(Small, 0)
      for (let polls = 0; polls < 10; polls++) accountOf(cursor.poll(2))
      accountOf(fleet.cursor(Small, 'start').poll())
      accountOf(fleet.cursor(Small, 'head').poll())
    }
  })

  it('crosses 2^40 with an exact account', () => {
    const name = fleetName()
    const fleet = joinShm(name, { size: 4 })
    fleet.head(Small)
    const file = objectFile(name, 7)
    const head = golden.counters - 3
    presetHead(file, Small, 4, head)
    expect(lapIn(file.u64(ringAt(Small, 4).slot(0)))).toBe(2 ** 38)
    const cursor = fleet.cursor(Small)
    const late = observe(name).cursor(Small, head - 100)
    expect(cursor.position).toBe(head - 4)
    expect(positionsOf(cursor.poll())).toEqual(range(head - 4, head))
    for (const value of range(0, 9)) fleet.publish(Small, numbered(value))
    const poll = cursor.poll()
    expect(poll.frames.map(numberIn)).toEqual([5, 6, 7, 8])
    expect(poll.frames.map((frame) => frame.id.counter)).toEqual([2, 3, 4, 5])
    expect(positionsOf(poll)).toEqual(range(head + 5, head + 9))
    expect(accountOf(poll)).toEqual({ count: 4, lost: 5, malformed: 0, from: head, to: head + 9 })
    expect(accountOf(late.poll())).toMatchObject({ count: 4, lost: 105, from: head - 100, to: head + 9 })
  })
})
