import { runtime } from '../base/runtime.js'
import { native } from './native.js'

/** How often the names of fleets are looked up. */
const lookMs = 1000
/** So many handles on one fleet are a leak more often than a wish. */
const manyHandles = 10

/** The open handles of this thread by fleet; all copies of this package in it count together. */
const key = Symbol.for('orbit-node.openHandles')
const slots = globalThis as { [key]?: Map<string, number> }
slots[key] ??= new Map()
const openHandles = slots[key]

/** Fleets that were warned about: a thread that closes and opens handles is warned once, by all copies together. */
const warnedKey = Symbol.for('orbit-node.manyHandles')
const warnings = globalThis as { [warnedKey]?: Set<string> }
warnings[warnedKey] ??= new Set()
const warned = warnings[warnedKey]
const watched = new Set<MemberWatch>()
let timer: NodeJS.Timeout | undefined

const warn = (code: string, message: string) => process.emitWarning(message, { type: 'OrbitWarning', code })

/**
 * Watches one open member of a fleet in shared memory, and warns when its objects are removed, or when this thread has
 * many members in one fleet. It does not keep the member from being collected.
 */
export class MemberWatch {
  readonly #name: string
  readonly #handle: number

  /** @param handle the addon's handle of the fleet; it is closed after `end` */
  constructor(name: string, handle: number) {
    this.#name = name
    this.#handle = handle
    this.#count()
    watched.add(this)
    timer ??= runtime.setInterval(lookAll, lookMs).unref()
  }

  #count(): void {
    const count = (openHandles.get(this.#name) ?? 0) + 1
    openHandles.set(this.#name, count)
    if (count < manyHandles || warned.has(this.#name)) return
    warned.add(this.#name)
    const advice = 'close handles that are no longer used, or join with { shared: true } to share one'
    warn('ORBIT_MANY_HANDLES', `this thread has ${count} handles on the fleet ${this.#name}: ${advice}`)
  }

  /** Stops watching; the member is closed. */
  end(): void {
    const count = (openHandles.get(this.#name) ?? 1) - 1
    if (count > 0) openHandles.set(this.#name, count)
    else openHandles.delete(this.#name)
    this.#forget()
  }

  /** Looks the name up, and warns once if it leads elsewhere. */
  look(): void {
    if (!native.isOrphaned(this.#handle)) return
    this.#forget()
    const effect = 'processes that join now are in another fleet; close this handle and join again'
    warn('ORBIT_ORPHANED', `the objects of the fleet ${this.#name} were removed under this member: ${effect}`)
  }

  #forget(): void {
    watched.delete(this)
    if (watched.size > 0) return
    runtime.clearInterval(timer)
    timer = undefined
  }
}

function lookAll(): void {
  for (const watch of watched) watch.look()
}
