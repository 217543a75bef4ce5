import { closeSync, fstatSync, ftruncateSync, openSync, readFileSync, statSync, writeSync } from 'node:fs'
import { checkName } from '../base/check.js'
import { checkNative, native, translated } from './native.js'

/**
 * A lock on a file: one holder at a time in all processes of the host, of any fleet. The kernel ends it with its
 * process, however that ends. Unlike the locks of SQLite and of `flock` in other libraries, which belong to a process,
 * it does not end when the process opens and closes the same file elsewhere.
 */
export class FileLock implements Disposable {
  /** The path of the file. */
  readonly path: string
  #descriptor: number | undefined

  private constructor(path: string, descriptor: number) {
    this.path = path
    this.#descriptor = descriptor
  }

  /**
   * Takes the lock of a file, which is created if it is missing, and writes the pid into it. Never delete the file: two
   * processes could hold locks of two files of one name then.
   *
   * @param path 1..4095 bytes; the folder must exist, on a file system of this host
   * @returns undefined if another process, or this one, holds it
   * @throws TypeError or RangeError for another path; errors of node:fs; ERR_ORBIT_SYSTEM; ERR_ORBIT_NATIVE
   */
  static tryAcquire(path: string): FileLock | undefined {
    checkName('path', path, 4095)
    checkNative()
    const descriptor = openSync(path, 'a+', 0o600)
    try {
      if (translated(() => native.lockFile(descriptor, path)) && isSameFile(descriptor, path)) {
        ftruncateSync(descriptor)
        writeSync(descriptor, `${process.pid}\n`)
        return new FileLock(path, descriptor)
      }
    } catch (error) {
      closeSync(descriptor)
      throw error
    }
    closeSync(descriptor)
    return undefined
  }

  /** The pid that the last process to take the lock has written; undefined: none has. It may have ended. */
  static lastHolder(path: string): number | undefined {
    checkName('path', path, 4095)
    try {
      return Number.parseInt(readFileSync(path, 'utf8'), 10) || undefined
    } catch {
      return undefined
    }
  }

  /** Whether this object holds the lock. */
  get isHeld(): boolean {
    return this.#descriptor !== undefined
  }

  /** Releases the lock. Idempotent. */
  release(): void {
    const descriptor = this.#descriptor
    this.#descriptor = undefined
    if (descriptor !== undefined) closeSync(descriptor)
  }

  /** Calls `release()`, for `using`. */
  [Symbol.dispose](): void {
    this.release()
  }
}

/** Whether the path still leads to the file, which another process may have replaced. */
function isSameFile(descriptor: number, path: string): boolean {
  const [own, named] = [fstatSync(descriptor), statSync(path, { throwIfNoEntry: false })]
  return named?.ino === own.ino && named.dev === own.dev
}
