import { expect, it } from 'vitest'
import type { Register, RegisterEntry } from '../src/engine/engine.js'
import type { Desk } from '../src/hub/service.js'
import { isFree, Lease } from '../src/lock/lease.js'
import { Leases } from '../src/lock/leases.js'
import { until } from './help/hosts.js'

/** A register in this process, which answers when it is let. */
class SlowRegister implements Register {
  isSlow = false
  readonly written: string[] = []
  readonly waiting: (() => void)[] = []
  #entry: RegisterEntry | undefined

  async get(): Promise<RegisterEntry | undefined> {
    return this.#entry
  }

  async swap(_: string, value: string, revision: number): Promise<number | undefined> {
    this.written.push(value)
    if ((this.#entry?.revision ?? 0) !== revision) return undefined
    this.#entry = { value, revision: revision + 1 }
    if (this.isSlow) await new Promise<void>((resolve) => this.waiting.push(resolve))
    return revision + 1
  }

  async changed(): Promise<void> {}
}

const untilMs = Number.POSITIVE_INFINITY

/** Takes a lease, and again as soon as it is released; returns its revision. */
async function takenAgain(leases: Leases, value: string): Promise<number> {
  const first = await leases.take({ key: 'k', value: 'first', untilMs })
  void leases.releaseSoon('k', first.revision)
  return (await leases.take({ key: 'k', value, untilMs })).revision
}

it('a lease that is released during a renewal is free at once', async () => {
  const register = new SlowRegister()
  const leases = new Leases(register)
  const desk = {
    take: (request) => leases.take(request),
    swap: ({ key, value, revision }) => leases.swap(key, value, revision),
    release: ({ key, revision }) => leases.release(key, revision),
    get: (key) => leases.get(key),
  } as Partial<Desk> as Desk
  const request = { key: 'k', host: 'a', owner: '', ttlMs: 10_000, signal: new AbortController().signal }
  const take = (ttlMs: number) => Lease.take(desk, { ...request, ttlMs }, () => false)
  const lease = await take(600)
  register.isSlow = true
  await until(() => register.waiting.length === 1) // the renewal is written, and its answer is on its way
  const released = lease?.release()
  expect(lease?.held).toBe(false)
  register.isSlow = false
  register.waiting[0]?.()
  await released
  const next = await take(10_000)
  expect(next?.token).toBeGreaterThan(lease?.token as number)
  expect(lease?.signal.aborted).toBe(false)
  await next?.release()
})

it('a lease that a host claims again and again needs one write each time, and is free after some', async () => {
  const register = new SlowRegister()
  const { written } = register
  const leases = new Leases(register)
  let revision = await takenAgain(leases, 'held 0')
  expect(written.map((value) => isFree(value))).toEqual([false, true, false]) // it was not known that it is claimed again
  for (let i = 1; i <= 16; i++) {
    const released = leases.releaseSoon('k', revision)
    const next = await leases.take({ key: 'k', value: `held ${i}`, untilMs })
    await released
    expect(next).toEqual({ value: `held ${i}`, revision: revision + 1 })
    revision = next.revision
  }
  expect(written.slice(2)).toEqual(Array.from({ length: 17 }, (_, i) => `held ${i}`))
  await leases.releaseSoon('k', revision)
  expect(isFree(written.at(-1) as string)).toBe(true)
  // Without a claim it is free soon.
  const last = await leases.take({ key: 'k', value: 'held', untilMs })
  await leases.releaseSoon('k', last.revision)
  expect(isFree(written.at(-1) as string)).toBe(true)
})

it('a lease that could not be taken over is given back', async () => {
  const register = new SlowRegister()
  const leases = new Leases(register)
  const revision = await takenAgain(leases, 'second')
  const released = leases.releaseSoon('k', revision)
  const { swap } = register
  const failure = new Error('no connection')
  register.swap = async () => {
    register.swap = swap
    throw failure
  }
  await expect(leases.take({ key: 'k', value: 'third', untilMs })).rejects.toBe(failure)
  await released
  expect(isFree((await register.get())?.value as string)).toBe(true)
})

it('a lease that is taken over is not given back, however long the server takes', async () => {
  const register = new SlowRegister()
  const { written } = register
  const leases = new Leases(register)
  let revision = await takenAgain(leases, 'second')
  register.isSlow = true
  for (const value of ['third', 'fourth']) {
    written.length = 0
    const released = leases.releaseSoon('k', revision)
    const taking = leases.take({ key: 'k', value, untilMs })
    // Timers of a millisecond end before this one.
    await new Promise((resolve) => setTimeout(resolve, 20))
    for (const answer of register.waiting.splice(0)) answer()
    revision = (await taking).revision
    await released
    expect(written).toEqual([value])
  }
})
