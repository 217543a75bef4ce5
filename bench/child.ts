import { type ChildProcess, fork } from 'node:child_process'
import { type Transferable, Worker } from 'node:worker_threads'
import { type Answer, isAnswer, type Line, Listeners } from './line.js'

interface Start {
  /** A bundled module: host.js or peer.js. */
  readonly file: string
  /** Its argument. */
  readonly spec: object
  /** For errors. */
  readonly name: string
  readonly isThread?: boolean
  readonly serialization?: 'json' | 'advanced'
  /** A child that takes longer to answer has failed. */
  readonly patienceMs: number
}

/** A process or a worker thread of the bench, as its parent sees it. It answers each order once. */
export class Child implements Line {
  /** Resolves to how it ended. */
  readonly ended: Promise<string>
  readonly #start: Start
  readonly #worked: ChildProcess | Worker
  readonly #listeners = new Listeners()
  readonly #waiting = new Map<number, (answer: Answer) => void>()
  #orders = 0
  #end: string | undefined

  constructor(start: Start) {
    this.#start = start
    const argv = [JSON.stringify(start.spec)]
    const { file, isThread, serialization = 'json' } = start
    const worked = isThread
      ? new Worker(file, { argv })
      : fork(file, argv, { execArgv: ['--expose-gc'], serialization })
    this.#worked = worked
    worked.on('message', (message: unknown) => {
      if (isAnswer(message)) this.#waiting.get(message.answer)?.(message)
      else this.#listeners.tell(message)
    })
    this.ended = new Promise((resolve) => {
      let thrown: Error | undefined
      const end = (how: string) => {
        this.#end ??= how
        for (const settle of [...this.#waiting.values()]) settle({ answer: 0, error: `it ended: ${this.#end}` })
        resolve(how)
      }
      worked.on('error', (error: Error) => {
        thrown = error
        if (this.pid === 0) end(error.message) // The process could not be started.
      })
      worked.on('exit', (code: number | null, signal?: string) => end(thrown?.stack ?? `${signal ?? code}`))
    })
  }

  /** Of its process, 0 if it could not be started; a thread has that of its parent. */
  get pid(): number {
    return this.#worked instanceof Worker ? process.pid : (this.#worked.pid ?? 0)
  }

  /** Resolves when it runs. */
  ready(): Promise<void> {
    return this.#answerTo(0)
  }

  /** Sends an order and resolves to its answer; rejects when the child fails, ends or stays silent. */
  ask<T>(what: unknown): Promise<T> {
    const order = ++this.#orders
    const answer = this.#answerTo<T>(order)
    this.post({ order, what })
    return answer
  }

  post(message: unknown, transfer?: readonly unknown[]): void {
    const worked = this.#worked
    if (worked instanceof Worker) worked.postMessage(message, transfer as Transferable[] | undefined)
    else if (worked.connected) worked.send(message as object, () => {})
  }

  onMessage(hear: (message: unknown) => void): () => void {
    return this.#listeners.add(hear)
  }

  /** Lets a process end by itself, which it does when it is disconnected, and kills it when it does not. */
  async leave(): Promise<string> {
    const worked = this.#worked
    if (!(worked instanceof Worker) && worked.connected) worked.disconnect()
    const killer = setTimeout(() => this.kill(), 5000)
    return this.ended.finally(() => clearTimeout(killer))
  }

  /** SIGKILL; a thread is terminated. Resolves when it is gone. */
  kill(): Promise<string> {
    if (this.#worked instanceof Worker) void this.#worked.terminate()
    else this.#worked.kill('SIGKILL')
    return this.ended
  }

  #answerTo<T>(order: number): Promise<T> {
    const { name, patienceMs } = this.#start
    return new Promise<T>((resolve, reject) => {
      const settle = ({ result, error }: Answer) => {
        clearTimeout(timer)
        this.#waiting.delete(order)
        if (error === undefined) resolve(result as T)
        else reject(new Error(`${name}: ${error}`))
      }
      const timer = setTimeout(
        () => settle({ answer: 0, error: `no answer within ${patienceMs / 1000} s` }),
        patienceMs,
      )
      this.#waiting.set(order, settle)
      if (this.#end !== undefined) settle({ answer: 0, error: `it ended: ${this.#end}` })
    })
  }
}
