// Messages that say what to do.
import { describe, expect, it } from 'vitest'
import { Contest, Fleet, OrbitError, orbitType } from '../../src/index.js'
import { fleetName, joinLocal } from '../help/fleets.js'
import { expectRefusal, expectTypeError, untyped } from '../help/refusals.js'

describe('an error', () => {
  it('tells how to send a text where bytes are expected', () => {
    const fleet = joinLocal(fleetName())
    const type = orbitType({ name: 'facts', kind: 1 })
    const expected = 'must be a Uint8Array: pass Buffer.from(text) to send a text'
    expectTypeError(() => fleet.publish(type, untyped('tea')), `payload="tea" ${expected}`)
    expectTypeError(() => fleet.publishBatch(type, [untyped('tea')]), `payloads[0]="tea" ${expected}`)
    expectTypeError(() => fleet.publish(type, untyped(5)), 'payload=5 must be a Uint8Array')
  })

  it('names the subject that has no room in its contest', () => {
    const contest = new Contest(joinLocal(fleetName()), { capacity: 1 })
    const claimAll = () => {
      for (let i = 0; ; i++) contest.tryClaim(`subject ${i} ${'x'.repeat(100)}`, { ttlMs: 60_000, owner: 'o' })
    }
    expectRefusal(claimAll, OrbitError, 'ERR_ORBIT_TABLE_FULL', 'subject="subject ', 'open it with a larger capacity')
  })

  it('names the option of joinShmAsync that is wrong', async () => {
    const name = fleetName()
    for (const option of ['joinTimeoutMs', 'timeoutMs']) {
      await expect(Fleet.joinShmAsync(name, { [option]: -1 })).rejects.toThrow(`${option}=-1 must be`)
    }
  })
})
