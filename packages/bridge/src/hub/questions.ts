import { Counters, Fleet, type NodeRecord, Presence, type PresenceEntry } from 'orbit-node'

/** What hosts ask each other. */
export type Question =
  | { readonly op: 'clock' }
  | { readonly op: 'members' }
  | { readonly op: 'presence'; readonly name: string }
  | { readonly op: 'counter'; readonly table: string; readonly name: string }

/** The answers to questions, by their kinds. */
export interface Answers {
  clock: { unixMs: number }
  members: NodeRecord[]
  presence: PresenceEntry<unknown>[]
  counter: { value: number }
}

/** Answers a question about this host. Throws for one that it does not know. */
export function answerTo(fleet: Fleet, question: Question): Answers[Question['op']] {
  using observer = Fleet.observe(fleet.name) // it reads what does not exist without making it
  switch (question.op) {
    case 'clock':
      return { unixMs: Date.now() }
    case 'members':
      return fleet.nodes().filter(({ alive }) => alive)
    case 'presence':
      return new Presence(observer, { name: question.name }).list()
    case 'counter': {
      const options = question.table === '' ? {} : { name: question.table }
      return { value: new Counters(observer, options).counter(question.name).get() }
    }
    default:
      throw new TypeError('the question is unknown: the other host has a newer version of orbit-bridge')
  }
}
