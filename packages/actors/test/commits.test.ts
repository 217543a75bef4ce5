import { expect, it } from 'vitest'
import { VirtualClock } from '../src/base/virtualclock.js'
import { Commits } from '../src/host/commits.js'
import { newTally } from '../src/host/tally.js'
import { memory, type PartitionStore, type StoreChange } from '../src/index.js'
import { Log } from './help/systems.js'

const turns = async () => {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve))
}

/** Commits that each take a while of a clock that only the test moves. */
async function commitsOf(ms: number) {
  const clock = new VirtualClock()
  const sizes: number[] = []
  const opened = (await memory().open('default', 0, 1)) as PartitionStore
  const commit = (changes: readonly StoreChange[]) => {
    clock.step(clock.now() + ms)
    sizes.push(changes.length)
  }
  const store = Object.assign(opened, { commit })
  const commits = new Commits(store, new Log(), newTally(), { committed() {}, unknown() {} }, clock)
  const call = () => {
    const change: StoreChange = { kind: 'entry', type: 'A', key: 'a', name: 'n', value: undefined }
    return new Promise((resolve) => commits.add([change]).wait(resolve))
  }
  return { clock, sizes, call }
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
