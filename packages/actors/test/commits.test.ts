import { expect, it, onTestFinished, vi } from 'vitest'
import { VirtualClock } from '../src/base/virtualclock.js'
import { Commits } from '../src/host/commits.js'
import { newTally } from '../src/host/tally.js'
import { memory, type PartitionStore, type StoreChange } from '../src/index.js'
import { Log } from './help/systems.js'

const turns = async () => {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve))
}

/** Commits that each take a while of a clock that only the test moves. */
async function commitsOf(ms: number, fails: () => void = () => {}, noteCommit: () => void = () => {}) {
  const clock = new VirtualClock()
  const sizes: number[] = []
  const opened = (await memory().open('default', 0, 1)) as PartitionStore
  const commit = (changes: readonly StoreChange[]) => {
    clock.step(clock.now() + ms)
    sizes.push(changes.length)
    noteCommit()
  }
  const store = Object.assign(opened, { commit })
  const log = Object.assign(new Log(), { error: fails })
  const commits = new Commits(store, log, newTally(), { committed: fails, unknown: fails }, clock)
  const call = () => {
    const change: StoreChange = { kind: 'entry', type: 'A', key: 'a', name: 'n', value: undefined }
    return new Promise((resolve) => commits.add([change]).wait(resolve))
  }
  return { clock, sizes, store, call }
}

it('waits after a slow commit for as many turns as it had, which come back one by one', async () => {
  const { sizes, call } = await commitsOf(5)
  await Promise.all([call(), call(), call()])
  const again: Promise<unknown>[] = []
  for (let i = 0; i < 3; i++) {
    await turns()
    expect(sizes).toEqual([3])
    again.push(call())
  }
  await Promise.all(again)
  expect(sizes).toEqual([3, 3])
})

it('waits for a millisecond at most, once, and not for a single turn', async () => {
  const { clock, sizes, call } = await commitsOf(5)
  await call()
  await call()
  await Promise.all([call(), call()])
  const late = call()
  await turns()
  expect(sizes).toEqual([1, 1, 2])
  clock.step(clock.now() + 1)
  await late
  await call()
  expect(sizes).toEqual([1, 1, 2, 1, 1])
})

it('does not wait after a fast commit', async () => {
  const { sizes, call } = await commitsOf(0.4)
  await Promise.all([call(), call()])
  await call()
  expect(sizes).toEqual([2, 1])
})

it('commits all partitions before what follows from one of the commits', async () => {
  const events: string[] = []
  const call = async (name: string) => {
    const partition = await commitsOf(0, undefined, () => events.push(`commit ${name}`))
    return () => partition.call().then(() => events.push(`after ${name}`))
  }
  const calls = [await call('one'), await call('two')]
  await Promise.all(calls.map((each) => each()))
  expect(events).toEqual(['commit one', 'commit two', 'after one', 'after two'])
})

it('ends while timers are faked, and afterwards', async () => {
  onTestFinished(() => void vi.useRealTimers())
  const [wait, { call }] = [setImmediate, await commitsOf(0)]
  vi.useFakeTimers()
  let isOver = false
  void call().then(() => {
    isOver = true
  })
  for (let i = 0; i < 5; i++) await new Promise((resolve) => wait(resolve))
  expect(isOver).toBe(true)
  vi.useRealTimers()
  expect(await Promise.race([call(), turns().then(() => 'never')])).toBeUndefined()
})

const unreadable = { message: 'what was thrown has no text', outcome: 'unknown' }
it.each([
  { how: 'succeeded', commit: () => {}, failure: undefined, next: undefined, throws: 4 },
  {
    how: 'failed',
    commit: () => Promise.reject(Object.create(null)),
    failure: unreadable,
    next: { ...unreadable, outcome: 'rolled-back' }, // the data must be opened anew
    throws: 3,
  },
])('ends a commit that has $how, and the next, while its log and listener throw', async (each) => {
  let throws = 0
  const { store, call } = await commitsOf(0.4, () => {
    throws++
    throw new Error('no')
  })
  Object.assign(store, { commit: each.commit })
  for (const failure of [each.failure, each.next]) {
    const ended = await Promise.race([call(), turns().then(() => 'never')])
    if (failure === undefined) expect(ended).toBeUndefined()
    else expect(ended).toMatchObject(failure)
  }
  expect(throws).toBe(each.throws)
})
