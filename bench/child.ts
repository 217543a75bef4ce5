import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** A process of this bench that answers each message with one. */
export class Child {
  readonly #process: ChildProcess
  readonly #name: string
  #error: Error | undefined

  /** @param module an entry of scripts/bench.mjs; in the bundle all modules stand side by side */
  constructor(module: string, args: string[], name: string, serialization: 'json' | 'advanced' = 'json') {
    this.#name = name
    const path = fileURLToPath(new URL(`./${module}.js`, import.meta.url))
    this.#process = fork(path, args, { execArgv: ['--expose-gc'], serialization })
    // It could not be started, or it ended under what was sent to it: whoever waits for an answer hears of it.
    this.#process.on('error', (error) => {
      this.#error = error
    })
  }

  send(message: object | number | string): void {
    if (this.#process.connected) this.#process.send(message)
  }

  /** The next message; an error when the process ends instead. */
  answer<T>(): Promise<T> {
    return new Promise((resolve, reject) => {
      const child = this.#process
      const settle = (settled: () => void) => {
        child.off('message', onMessage).off('exit', onExit).off('error', onError)
        settled()
      }
      const onMessage = (message: unknown) => settle(() => resolve(message as T))
      const onError = (error: Error) => settle(() => reject(new Error(`${this.#name}: ${error.message}`)))
      const onExit = (code: number | null, signal: string | null) =>
        onError(new Error(`its process ended, code=${code} signal=${signal}`))
      child.on('message', onMessage).on('exit', onExit).on('error', onError)
      if (this.#isGone) onExit(child.exitCode, child.signalCode)
      else if (this.#error !== undefined) onError(this.#error)
    })
  }

  /** As end, for a process that has some of its own to end first: it does when it is disconnected. */
  async leave(): Promise<void> {
    if (this.#process.connected) this.#process.disconnect()
    const killer = setTimeout(() => this.#process.kill('SIGKILL'), 5000)
    await this.#gone()
    clearTimeout(killer)
  }

  /** Resolves when the process is gone, which the kernel's locks know as soon as we do. */
  end(): Promise<void> {
    this.#process.kill('SIGKILL')
    return this.#gone()
  }

  get #isGone(): boolean {
    const { pid, exitCode, signalCode } = this.#process
    return pid === undefined || exitCode !== null || signalCode !== null
  }

  #gone(): Promise<void> {
    if (this.#isGone) return Promise.resolve()
    return new Promise((resolve) => this.#process.once('exit', () => resolve()))
  }
}
