import type { Driver, HostPeer } from '../drivers/driver.js'
import type { PeerHandle, Role } from '../trials/trial.js'
import { type Answer, isAnswer, type Order } from './order.js'
import { type Running, startProcess, startThread } from './running.js'
import type { PeerSpec } from './spec.js'

/** A peer that does not answer for so long has lost something. */
const patienceMs = 60_000

/** One peer of this host. */
export class CrewPeer implements PeerHandle, HostPeer {
  readonly role: Role
  readonly index: number
  readonly ended: Promise<void>
  readonly #name: string
  readonly #running: Running
  readonly #hearers = new Set<(message: unknown) => void>()
  readonly #waiting = new Map<number, { resolve: (result: never) => void; reject: (error: Error) => void }>()
  #end: string | undefined
  #orders = 0

  constructor(driver: Driver, spec: PeerSpec) {
    this.role = spec.role
    this.index = spec.index
    this.#name = `${spec.driver}: ${spec.role} ${spec.index}`
    const args = [JSON.stringify(spec)]
    this.#running = driver.peers === 'threads' ? startThread(args) : startProcess(args, driver.serialization ?? 'json')
    this.ended = new Promise((resolve) => {
      this.#running.on(
        (message) => {
          if (isAnswer(message)) this.#settle(message)
          else for (const hear of this.#hearers) hear(message)
        },
        (why) => {
          this.#end = why
          for (const { reject } of this.#waiting.values()) reject(this.#ended())
          resolve()
        },
      )
    })
  }

  get pid(): number {
    return this.#running.pid
  }

  /** Resolves when it runs. */
  ready(): Promise<void> {
    return this.#answer(0)
  }

  open(): Promise<void> {
    return this.#order({ what: 'open' })
  }

  ask<T>(order: unknown): Promise<T> {
    return this.#order({ what: 'ask', order })
  }

  collect(): Promise<void> {
    return this.#order({ what: 'collect' })
  }

  close(): Promise<void> {
    return this.#order({ what: 'close' })
  }

  kill(): Promise<void> {
    this.#running.kill()
    return this.ended
  }

  post(message: unknown, transfer?: readonly unknown[]): void {
    this.#running.post(message, transfer)
  }

  onMessage(hear: (message: unknown) => void): () => void {
    this.#hearers.add(hear)
    return () => this.#hearers.delete(hear)
  }

  #order<T>(order: Omit<Order, 'benchOrder'>): Promise<T> {
    const benchOrder = ++this.#orders
    const answer = this.#answer<T>(benchOrder)
    this.#running.post({ benchOrder, ...order } satisfies Order)
    return answer
  }

  #answer<T>(number: number): Promise<T> {
    if (this.#end !== undefined) return Promise.reject(this.#ended())
    return new Promise<T>((resolve, reject) => {
      const fail = (error: Error) => {
        clearTimeout(timer)
        this.#waiting.delete(number)
        reject(error)
      }
      const late = () => fail(new Error(`${this.#name}: no answer within ${patienceMs / 1000} s`))
      const timer = setTimeout(late, patienceMs)
      const succeed = (result: T) => {
        clearTimeout(timer)
        this.#waiting.delete(number)
        resolve(result)
      }
      this.#waiting.set(number, { resolve: succeed, reject: fail })
    })
  }

  #settle({ benchAnswer, result, error }: Answer): void {
    const waiting = this.#waiting.get(benchAnswer)
    if (error === undefined) waiting?.resolve(result as never)
    else waiting?.reject(new Error(`${this.#name}: ${error}`))
  }

  #ended(): Error {
    return new Error(`${this.#name} ended: ${this.#end}`)
  }
}
