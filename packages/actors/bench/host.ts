// A process that the bench calls: a raw service, an actor, and process.send, which all add two numbers.
import { Actor, actors } from 'orbit-actors'
import { Fleet, serve } from 'orbit-node'

export class Adder extends Actor {
  add(a: number, b: number): number {
    return a + b
  }
}

export const raw = { add: ({ a, b }: { a: number; b: number }) => a + b }

const [, , name] = process.argv
if (process.send !== undefined) {
  const fleet = Fleet.joinShm(name as string)
  serve(fleet, 'raw', raw)
  actors({ fleet, actors: { Adder } })
  process.on('message', ({ id, a, b }: { id: number; a: number; b: number }) => process.send?.({ id, sum: a + b }))
  process.send('ready')
}
