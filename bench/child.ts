import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** A process of this bench that answers each message with one. */
export class Child {
  readonly #process: ChildProcess
  readonly #name: string

  /** @param module an entry of scripts/bench.mjs; in the bundle all modules stand side by side */
  constructor(module: string, args: string[], name: string, serialization: 'json' | 'advanced' = 'json') {
    this.#name = name
    const path = fileURLToPath(new URL(`./${module}.js`, import.meta.url))
    this.#process = fork(path, args, { execArgv: ['--expose-gc'], serialization })
  }

  send(message: object | number | string): void {
    if (this.#process.connected) this.#process.send(message)
  }

  /** The next message; an error when the process ends instead. */
  answer<T>(): Promise<T> {
    return new Promise((resolve, reject) => {
      const child = this.#process
      const onMessage = (message: unknown) => {
        child.off('exit', onExit)
        resolve(message as T)
      }
      const onExit = (code: number | null, signal: string | null) => {
        child.off('message', onMessage)
        reject(new Error(`${this.#name}: its process ended, code=${code} signal=${signal}`))
      }
      child.once('message', onMessage)
      child.once('exit', onExit)
      if (child.exitCode !== null || child.signalCode !== null) onExit(child.exitCode, child.signalCode)
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

  #gone(): Promise<void> {
    const child = this.#process
    if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve()
    return new Promise((resolve) => child.once('exit', () => resolve()))
  }
}
