// Two releases of an application on one fleet, each with its own install of the packed package: workers of the old one
// are replaced one after the other, under load.
import { cpSync } from 'node:fs'
import { join, relative } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { orbitType, pod } from '../../src/index.js'
import { inspectRing } from '../../src/inspect/report.js'
import { fleetName, hasObjectFiles, observe } from '../help/fleets.js'
import { install, pack, project, temporaryFolder } from '../help/package.js'
import { type Child, start } from '../help/processes.js'
import { root } from '../help/system.js'

const oldFields = { writer: 'u32', sequence: 'u32', check: 'u32' } as const
const releases = {
  old: { fields: oldFields, reserve: 64, capacity: 64, valueBytes: 64, claims: 16 },
  new: { fields: { ...oldFields, added: 'u64' as const }, reserve: 64, capacity: 1024, valueBytes: 256, claims: 64 },
}
const temporary = temporaryFolder('rolling')

beforeAll(() => {
  const tarball = pack(temporary)
  for (const [name, release] of Object.entries(releases)) {
    const folder = project(join(temporary, name), { 'release.json': JSON.stringify(release) })
    cpSync(join(root, 'test/fixtures/rolling.mjs'), join(folder, 'rolling.mjs'))
    install(folder, tarball)
  }
}, 300_000)

/** Starts a worker of a release, which works when this returns, and the capacity of the cache that it got. */
async function worker(release: keyof typeof releases, fleet: string, number: number) {
  const file = relative(join(root, 'test/fixtures'), join(temporary, release, 'rolling.mjs'))
  const child = start(file, [fleet, number, temporary], { env: { ORBIT_NATIVE_PATH: undefined } })
  const { capacity } = await child.next<{ capacity: number }>()
  return { child, capacity }
}

/** Ends a worker, and returns what it has seen. */
async function end(child: Child) {
  child.tell('end')
  let said = await child.next<{ seen?: Record<string, number> }>()
  while (said.seen === undefined) {
    expect(said, child.stderr).not.toHaveProperty('error')
    said = await child.next()
  }
  expect(await child.ended).toEqual({ code: 0, signal: null })
  return said.seen
}

describe.skipIf(!hasObjectFiles)('a release that is rolled over an earlier one', () => {
  it('works beside it with an added field, a larger cache and a larger contest', async () => {
    const fleet = fleetName('rolling')
    const olds: Child[] = []
    for (const number of [1, 2, 3]) olds.push((await worker('old', fleet, number)).child)
    const news: Child[] = []
    for (const number of [101, 102, 103]) {
      const { child, capacity } = await worker('new', fleet, number)
      expect(capacity).toBe(releases.old.capacity)
      expect(await child.next(), child.stderr).toEqual({ met: number }) // it has read values of both releases
      news.push(child)
      const last = olds.shift() as Child
      if (number === 101) expect(await last.next()).toMatchObject({ met: expect.any(Number) })
      const seen = await end(last)
      for (const what of ['old', 'new', 'claims', 'events', 'hits']) expect(seen[what], what).toBeGreaterThan(0)
      expect(last.stderr).toBe('')
    }
    using observer = observe(fleet)
    const state = orbitType({ name: 'state', capacity: 64, pod: pod(releases.new.fields) })
    expect(inspectRing(observer, observer.stats(state)?.kind ?? -1, [])?.schema).toBe(state.pod?.schema)
    for (const child of news) {
      await end(child)
      expect(child.stderr.match(/ORBIT_\w+/g)?.sort(), child.stderr).toEqual([
        'ORBIT_GEOMETRY_DIFFERS',
        'ORBIT_GEOMETRY_DIFFERS',
      ])
    }
    // All have left: the next worker gets the cache that it asks for.
    const { child, capacity } = await worker('new', fleet, 104)
    expect(capacity).toBe(releases.new.capacity)
    await end(child)
  })
})
