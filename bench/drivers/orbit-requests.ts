import { Client, Fleet, serve } from '../../src/index.js'
import { type Asker, answerTo, type Closable, type Place, type Question } from './driver.js'

const join = ({ name, publishers, subscribers }: Place): Fleet =>
  Fleet.joinShm(name, { size: publishers + subscribers, lifetime: 'fleet' })

const service = 'answers'
const handlers = { answer: (question: Question) => answerTo(question), hold: () => new Promise<never>(() => {}) }

/** @param spinUs how long both sides look before they sleep */
export function answer(place: Place, spinUs: number): Closable {
  const fleet = join(place)
  serve(fleet, service, handlers, { spinUs, concurrency: 128 }) // those that are held, and more
  return fleet
}

export function asker(place: Place, spinUs: number): Asker {
  const fleet = join(place)
  const client = new Client<typeof handlers>(fleet, service, { spinUs })
  return {
    ask: (question) => client.call('answer', question),
    hold: () => client.call('hold'),
    close: () => fleet.close(),
  }
}
