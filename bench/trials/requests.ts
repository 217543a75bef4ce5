// The trials of questions: a publisher asks, and the only subscriber answers.

import { nowNs } from '../clock.js'
import { type Asker, type Question, word } from '../drivers/driver.js'
import { messageCase } from './messages.js'
import { newMessage } from './text.js'
import { type PeerContext, type PeerPart, partOf, type Trial } from './trial.js'

/** The questions of a case: bytes, or an object if it has none. */
interface Check {
  readonly question: Question
  isAnswer(answer: unknown): boolean
}

function questionOf(messageBytes: number): Check {
  if (messageBytes === 0) return { question: { a: 1, b: 2 }, isAnswer: (answer) => answer === 3 }
  const isWhole = (answer: unknown) => (answer as Uint8Array | string).length === messageBytes || answer === word
  return { question: newMessage(messageBytes), isAnswer: isWhole }
}

/** Asks again and again, so many at a time. Resolves to nanoseconds: of each question, or of many, for each. */
async function askAll(asker: Asker, { question, isAnswer }: Check, inFlight: number, runMs: number): Promise<number[]> {
  const samples: number[] = []
  const endNs = nowNs() + runMs * 1e6
  const windowNs = (runMs * 1e6) / 20
  let [asked, beganNs] = [0, nowNs()]
  const lane = async () => {
    for (;;) {
      const answer = await asker.ask(question)
      if (!isAnswer(answer)) throw new Error(`the answer was ${answer}`)
      asked++
      const now = nowNs()
      if (inFlight === 1 || now - beganNs >= windowNs) {
        samples.push((now - beganNs) / asked)
        asked = 0
        beganNs = now
      }
      if (now >= endNs) return
    }
  }
  await Promise.all(Array.from({ length: inFlight }, lane))
  return samples
}

async function part({ driver, role, place, case: { messageBytes, values }, line }: PeerContext): Promise<PeerPart> {
  const requests = partOf(driver, 'requests')
  if (role === 'subscriber') {
    const answering = await requests.answer(place, line)
    return { answer() {}, close: () => answering.close() }
  }
  const asker = await requests.asker(place, line)
  const check = questionOf(messageBytes)
  return {
    answer: ({ runMs }: { runMs: number }) => askAll(asker, check, values['inFlight'] as number, runMs),
    close: () => asker.close(),
  }
}

const mebibyte = 2 ** 20
const what = (messageBytes: number) => (messageBytes === 0 ? 'an object' : `${messageBytes} B`)

const asking = (inFlight: number, messageBytes: number) => {
  const how = inFlight === 1 ? 'back to back' : `${inFlight} in flight`
  return messageCase(`${what(messageBytes)}, ${how}`, { inFlight, messageBytes, burst: 0 })
}
const large = messageCase('1 MiB, a word back', { inFlight: 1, messageBytes: mebibyte, burst: 0 })

export const question: Trial = {
  name: 'question',
  measures:
    'a question to another process and its answer; an object: two numbers, and their sum; bytes are answered by the ' +
    'same, 1 MiB by a word; back to back: the next when the answer has come; in flight: so many at once, time for each',
  ...{ unit: 'ns', better: 'lower', needs: 'requests' },
  full: { cases: [asking(1, 64), asking(1, 0), asking(64, 64), asking(64, 0), large], rounds: 8, runMs: 250 },
  quick: { cases: [asking(1, 64), asking(64, 64)], rounds: 2, runMs: 100 },
  peer: part,
  host: ({ publishers: [asker], runMs }) => ({
    samples: () => asker?.ask<number[]>({ runMs }) ?? [],
  }),
}
