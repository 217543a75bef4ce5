import { answerTo, bufferOf, type Question, type Requests, Unanswered } from './driver.js'
import { connect } from './redis-server.js'

/** Redis has no questions: they go over one channel, and their answers over another. */
const channels = (name: string) => ({ questions: `${name}?`, answers: `${name}!` })

const [isBytes, isJson] = [0, 1]

const packed = (value: unknown): Buffer =>
  value instanceof Uint8Array
    ? Buffer.concat([Uint8Array.of(isBytes), value])
    : Buffer.concat([Uint8Array.of(isJson), Buffer.from(JSON.stringify(value))])

const unpacked = (frame: Buffer): unknown =>
  frame[0] === isJson ? JSON.parse(frame.toString('utf8', 1)) : frame.subarray(1)

export const redisRequests: Requests = {
  async answer({ folder, name }) {
    const { questions, answers } = channels(name)
    const [hearing, answering] = await Promise.all([connect(folder), connect(folder)])
    const hear = (frame: Buffer) => {
      const answer = packed(answerTo(unpacked(frame) as Question))
      void answering.sendCommand(['PUBLISH', answers, answer])
    }
    await hearing.subscribe(questions, hear, true)
    return {
      close() {
        hearing.destroy()
        answering.destroy()
      },
    }
  },
  async asker({ folder, name }) {
    const { questions, answers } = channels(name)
    const [hearing, asking] = await Promise.all([connect(folder), connect(folder)])
    const unanswered = new Unanswered()
    await hearing.subscribe(answers, (frame: Buffer) => unanswered.answered(unpacked(frame)), true)
    return {
      ask: (question) =>
        unanswered.ask(() => void asking.sendCommand(['PUBLISH', questions, bufferOf(packed(question))])),
      close() {
        hearing.destroy()
        asking.destroy()
      },
    }
  },
}
