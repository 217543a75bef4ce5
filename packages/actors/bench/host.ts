// A process that the bench calls: a raw service, actors, and process.send, which all add two numbers.
import { Actor, actors } from 'orbit-actors'
import { Fleet, serve } from 'orbit-node'
import { cpuMicroseconds } from './processes.js'

export class Adder extends Actor {
  add(a: number, b: number): number {
    return a + b
  }
  pid(): number {
    return process.pid
  }
}

/** Calls others, which may call it back. */
export class Node extends Actor {
  /** Calls the first of `keys`, which calls the next, and so on; the last one waits. */
  async pass(keys: string[], ms: number): Promise<number> {
    const [next, ...rest] = keys
    if (next !== undefined) return 1 + (await this.ctx.actor<Node>('Node', next).pass(rest, ms))
    if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms))
    return 1
  }
  /** Calls another one after a while, while that one calls this one. */
  async meet(other: string, ms: number): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, ms))
    await this.ctx.actor<Node>('Node', other).rest()
  }
  rest(): void {}
}

export const classes = { Adder, Node }
export const raw = { add: ({ a, b }: { a: number; b: number }) => a + b }

const [, , name] = process.argv
if (process.send !== undefined) {
  const fleet = Fleet.joinShm(name as string)
  serve(fleet, 'raw', raw)
  actors({ fleet, actors: classes })
  process.on('message', (message: 'cpu' | { id: number; a: number; b: number }) => {
    if (message === 'cpu') process.send?.({ cpu: cpuMicroseconds() })
    else process.send?.({ id: message.id, sum: message.a + message.b })
  })
  process.send('ready')
}
