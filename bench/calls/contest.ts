import { Contest, Fleet, type Guard } from '../../src/index.js'
import { type Call, consumed, onFleet } from './call.js'

const operations = 1000
const ttlMs = 600_000

function won(contest: Contest): Guard {
  const result = contest.tryClaim('leader', { ttlMs, owner: 'bench' })
  if ('yieldTo' in result) throw new Error('somebody holds the leader')
  return result.guard
}

/** A guard for as long as the process lives. */
const held: Guard[] = []
const hold = (contest: Contest) => held.push(won(contest))

function call(name: string, measures: string, start: (contest: Contest, fleet: Fleet) => (i: number) => unknown): Call {
  return {
    name: `Contest ${name}`,
    measures,
    unit: 'call',
    operations,
    setup: onFleet((fleet) => {
      const call = start(new Contest(fleet), fleet)
      return () => {
        let last: unknown
        for (let i = 0; i < operations; i++) last = call(i)
        consumed.value = last
      }
    }),
  }
}

export default [
  call('claim and release', 'tryClaim of a free subject and release of its guard, both', (contest) => () => {
    const guard = won(contest)
    guard.release()
    return guard
  }),
  call('lost try', 'tryClaim of a subject that this process holds', (contest) => {
    hold(contest)
    return () => contest.tryClaim('leader', { ttlMs, owner: 'bench' })
  }),
  call('lost try, to another', 'tryClaim of a subject that another member holds', (contest, fleet) => {
    const other = Fleet.joinShm(fleet.name, { lifetime: 'fleet' })
    process.on('exit', () => other.close())
    hold(new Contest(other))
    return () => contest.tryClaim('leader', { ttlMs, owner: 'bench' })
  }),
  call('holder', 'holder(subject)', (contest) => {
    hold(contest)
    return () => contest.holder('leader')
  }),
  call('renew', 'guard.renew(ttlMs)', (contest) => {
    const guard = won(contest)
    return () => guard.renew(ttlMs)
  }),
  call('held', 'guard.held', (contest) => {
    const guard = won(contest)
    return () => guard.held
  }),
]
