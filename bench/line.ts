// What a parent and a child of the bench say to each other. Drivers send their own messages on the same line.

import { parentPort, type Transferable } from 'node:worker_threads'

interface Order {
  readonly order: number
  readonly what: unknown
}

/** The answer to the order of this number; 0: the child runs. */
export interface Answer {
  readonly answer: number
  readonly result?: unknown
  readonly error?: string
}

const has = (message: unknown, key: string) => typeof message === 'object' && message !== null && key in message
const isOrder = (message: unknown): message is Order => has(message, 'order') && has(message, 'what')
export const isAnswer = (message: unknown): message is Answer => has(message, 'answer')

/** One end of a line: process.send and process.on('message'), or the ports of a thread. */
export interface Line {
  post(message: unknown, transfer?: readonly unknown[]): void
  /** Adds a listener for the messages that are not orders or answers. Returns what removes it. */
  onMessage(hear: (message: unknown) => void): () => void
}

/** The listeners of a line. What comes before the first of them is kept for it. */
export class Listeners {
  readonly #all = new Set<(message: unknown) => void>()
  #early: unknown[] = []

  add(hear: (message: unknown) => void): () => void {
    this.#all.add(hear)
    for (const message of this.#early.splice(0)) queueMicrotask(() => hear(message))
    return () => this.#all.delete(hear)
  }

  tell(message: unknown): void {
    if (this.#all.size === 0) this.#early.push(message)
    else for (const hear of this.#all) hear(message)
  }
}

/** Posts to the parent; a message to a parent that is gone is lost. */
function post(message: unknown, transfer?: readonly unknown[]): void {
  if (parentPort !== null) parentPort.postMessage(message, transfer as Transferable[] | undefined)
  else if (process.connected) process.send?.(message, () => {})
}

const listeners = new Listeners()

/** This process's or thread's line to its parent. */
export const line: Line = { post, onMessage: (hear) => listeners.add(hear) }

/**
 * Answers the parent's orders from now on.
 *
 * @param end runs when the parent is gone. Ctrl-C reaches every process of the bench; only main acts on it.
 */
export function answerOrders(obey: (what: never) => unknown, end: () => void): void {
  const take = async ({ order, what }: Order) => {
    try {
      post({ answer: order, result: await obey(what as never) } satisfies Answer)
    } catch (error) {
      post({ answer: order, error: (error as Error).stack ?? String(error) } satisfies Answer)
    }
  }
  const heard = (message: unknown) => (isOrder(message) ? void take(message) : listeners.tell(message))
  if (parentPort !== null) parentPort.on('message', heard)
  else {
    process.on('SIGINT', () => {})
    process.on('message', heard).on('disconnect', end)
    if (!process.connected) end() // The parent ended while our modules were loading.
  }
  post({ answer: 0 } satisfies Answer)
}
