import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, statSync } from 'node:fs'
import type { DataFolder } from './datafolder.js'
import type { SqlDatabase, SqlLibrary } from './sqlitedriver.js'

/** By how much the tokens of a copy are ahead: a restored partition gives out none that was given out since. */
const tokensAhead = 1_000_000

/**
 * Copies the data of a partition, as it is at one instant, into a folder of the same form. A copy that was not finished
 * has another name.
 *
 * @returns the size of the copy, in bytes
 */
export async function backUp(
  library: SqlLibrary,
  database: SqlDatabase,
  target: DataFolder,
  partition: number,
): Promise<number> {
  const path = target.dataOf(partition)
  using lock = target.tryLock(partition)
  if (lock === undefined) throw new Error(`${path} is in use: another backup writes to it, or it is no backup`)
  if (existsSync(path)) throw new Error(`${path} exists: back up into a new folder`)
  const part = `${path}.part`
  rmSync(part, { force: true })
  try {
    await library.copy(database, part)
    finish(library, part)
    renameSync(part, path)
    target.noteCreated(partition)
  } finally {
    for (const suffix of ['', '-journal', '-wal', '-shm']) rmSync(`${part}${suffix}`, { force: true })
  }
  return statSync(path).size
}

/** Makes a copy one file that outlives a power cut. */
function finish({ open }: SqlLibrary, path: string): void {
  const copy = open(path)
  try {
    copy.exec('pragma journal_mode = delete')
    copy.exec(`update owner set token = token + ${tokensAhead}`)
  } finally {
    copy.close()
  }
  const descriptor = openSync(path, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
