import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { nowNs } from '../clock.js'
import type { Place } from '../drivers/driver.js'
import { partOf } from './alone.js'
import { crowdOf, type Done, type Shift, workFor, workTogether } from './crowd.js'
import type { Trial } from './trial.js'

const parameters = [crowdOf('4 processes', { processes: 4 })]

/** When each grant of one process began and ended, in order. */
class Grants {
  readonly #times = new Float64Array(2 ** 21)
  #length = 0

  add(beganNs: number, endedNs: number): void {
    if (this.#length === this.#times.length) throw new Error('more grants than there is room for')
    this.#times[this.#length++] = beganNs
    this.#times[this.#length++] = endedNs
  }

  /** They are too many for a message. */
  async writeTo(file: string): Promise<void> {
    await writeFile(file, this.#times.subarray(0, this.#length))
    this.#length = 0
  }
}

const fileOf = ({ folder, name }: Pick<Place, 'folder' | 'name'>, index: number) => join(folder, `${name}.${index}`)

/** Throws if two processes had the subject at once: a grant began before the one before it had ended. */
async function checkExclusion(files: readonly string[]): Promise<void> {
  const all = await Promise.all(
    files.map(async (file) => {
      const { buffer, byteOffset, length } = await readFile(file)
      return new Float64Array(buffer.slice(byteOffset, byteOffset + length))
    }),
  )
  const began = Float64Array.from(all.flatMap((times) => [...times.filter((_, i) => i % 2 === 0)])).sort()
  const ended = Float64Array.from(all.flatMap((times) => [...times.filter((_, i) => i % 2 === 1)])).sort()
  // In order, each grant's end is before the next one's begin; that is so exactly when the sorted ones interleave.
  for (let i = 1; i < began.length; i++) {
    const [next, end] = [began[i] as number, ended[i - 1] as number]
    if (next < end) throw new Error(`a grant began ${end - next} ns before the one before it ended`)
  }
}

export const claimsContended: Trial = {
  name: 'claims contended',
  measures:
    'all processes claim one subject, have it, and release it, again and again: grants in all, never two at once',
  unit: 'per second',
  better: 'higher',
  needs: 'claims',
  full: { parameters, rounds: 8, visitMs: 250 },
  quick: { parameters, rounds: 2, visitMs: 100 },
  async host(host) {
    await host.open()
    return async () => {
      const rate = await workTogether(host)
      await checkExclusion(await Promise.all(host.publishers.map((peer) => peer.ask<string>('written'))))
      return [rate]
    }
  },
  async peer(context) {
    const { place } = context
    const claims = await partOf(context.driver.claims, context)(place)
    const grants = new Grants()
    const grant = async () => {
      const claim = await claims.claim('contended')
      const beganNs = nowNs()
      grants.add(beganNs, nowNs())
      await claim.release()
      return 1
    }
    const answer = async (order: Shift | 'written'): Promise<Done | string> => {
      if (order !== 'written') return workFor(order, grant)
      const file = fileOf(place, place.index)
      await grants.writeTo(file)
      return file
    }
    return { answer, close: () => claims.close() }
  },
}
