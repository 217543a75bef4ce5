import { closeSync, mkdtempSync, openSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { FileLock } from '../../src/index.js'
import { start } from '../help/processes.js'

function lockPath(): string {
  const folder = mkdtempSync(join(tmpdir(), 'orbit-filelock-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'a.lock')
}

describe('a file lock', () => {
  it('has one holder at a time, and names the pid of the last one', () => {
    const path = lockPath()
    expect(FileLock.lastHolder(path)).toBeUndefined()
    const first = FileLock.tryAcquire(path)
    expect(first).toMatchObject({ path, isHeld: true })
    expect(FileLock.tryAcquire(path)).toBeUndefined()
    expect(FileLock.lastHolder(path)).toBe(process.pid)
    first?.release()
    first?.release()
    expect(first?.isHeld).toBe(false)
    using second = FileLock.tryAcquire(path)
    expect(second?.isHeld).toBe(true)
  })

  it('outlives that its process reads the file', () => {
    const path = lockPath()
    using lock = FileLock.tryAcquire(path)
    readFileSync(path)
    closeSync(openSync(path, 'r+'))
    expect(lock?.isHeld).toBe(true)
    expect(FileLock.tryAcquire(path)).toBeUndefined()
  })

  it('is not taken on a file that was moved away', () => {
    const path = lockPath()
    using first = FileLock.tryAcquire(path)
    renameSync(path, `${path}.old`)
    expect(FileLock.tryAcquire(`${path}.old`)).toBeUndefined()
    using second = FileLock.tryAcquire(path)
    expect([first?.isHeld, second?.isHeld]).toEqual([true, true])
  })

  it('stays while its process is stopped, and ends with a SIGKILL', async () => {
    const path = lockPath()
    const holder = start('filelock.mjs', [path])
    expect(await holder.next()).toBe(true)
    expect(FileLock.tryAcquire(path)).toBeUndefined()
    expect(FileLock.lastHolder(path)).toBe(holder.pid)
    holder.process.kill('SIGSTOP')
    expect(FileLock.tryAcquire(path)).toBeUndefined()
    await holder.kill()
    using lock = FileLock.tryAcquire(path)
    expect(lock?.isHeld).toBe(true)
  })

  it('refuses paths that are none, and passes the errors of the file system', () => {
    expect(() => FileLock.tryAcquire(5 as unknown as string)).toThrow(/path=5 must be a string/)
    expect(() => FileLock.tryAcquire('/no such folder/a.lock')).toThrow(/ENOENT/)
  })
})
