import {
  appendFileSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  statfsSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { FileLock } from 'orbit-node'

/** File systems on which locks and fsync do not mean what they must, by their number in statfs(2). */
const networkFileSystems = new Map([
  [0x6969, 'NFS'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB'],
  [0x517b, 'SMB'],
  [0x00c36400, 'Ceph'],
  [0x0bd00bd0, 'Lustre'],
  [0x5346414f, 'AFS'],
  [0x01021997, '9p'],
  [0x47504653, 'GPFS'],
  [0x7461636f, 'OCFS2'],
  [0x01161970, 'GFS2'],
  [0x73757245, 'Coda'],
])

/**
 * The folder of a system's data, with two files a partition: the data, and the lock of the process that has it open.
 */
export class DataFolder {
  readonly path: string
  readonly #system: string
  readonly #partitions: number

  /** Makes the folder if it is missing. Throws on a network file system, and for another number of partitions. */
  constructor(path: string, system: string, partitions: number) {
    this.#system = system
    this.#partitions = partitions
    // A name may have characters that a file may not.
    this.path = join(resolve(path), encodeURIComponent(system).replaceAll('.', '%2E'))
    makeFolder(this.path)
    const kind = networkFileSystems.get(statfsSync(this.path).type >>> 0)
    if (kind !== undefined) {
      throw new Error(`${this.path} is on ${kind}: keep the data on a file system of this host: its locks hold`)
    }
    this.#agree(partitions)
  }

  /** All processes must agree on the number of partitions. */
  #agree(partitions: number): void {
    const path = join(this.path, 'partitions')
    try {
      writeFileSync(path, `${partitions}\n`, { flag: 'wx' })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      const text = readFileSync(path, 'utf8').trim()
      // An empty file was created a moment ago.
      if (text !== '' && text !== String(partitions)) {
        throw new Error(`${this.path} has ${text} partitions, and this version of orbit-actors uses ${partitions}`)
      }
    }
  }

  /** The folder of a copy of the data, which is made if it is missing. */
  copyAt(path: string): DataFolder {
    return new DataFolder(path, this.#system, this.#partitions)
  }

  dataOf(partition: number): string {
    return join(this.path, `${partition}.db`)
  }

  lockOf(partition: number): string {
    return join(this.path, `${partition}.lock`)
  }

  /** Takes a partition for this process; undefined: another one has it. */
  tryLock(partition: number): FileLock | undefined {
    return FileLock.tryAcquire(this.lockOf(partition))
  }

  /** Throws if the data of a partition was there before and is missing: an empty one would hide the loss. */
  checkPresence(partition: number): void {
    const data = this.dataOf(partition)
    if (existsSync(data) || !this.#created().includes(String(partition))) return
    throw new Error(
      `${data} is missing, and it was there before: restore a backup, or remove the line ${partition} from ` +
        `${join(this.path, 'created')} to begin without it`,
    )
  }

  /** Notes that the data of a partition is there, and makes the names of new files outlive a power cut. */
  noteCreated(partition: number): void {
    if (this.#created().includes(String(partition))) return
    appendFileSync(join(this.path, 'created'), `${partition}\n`, { mode: 0o600, flush: true })
    syncFolder(this.path)
  }

  #created(): string[] {
    const path = join(this.path, 'created')
    return existsSync(path) ? readFileSync(path, 'utf8').split('\n') : []
  }
}

function makeFolder(path: string): void {
  const first = mkdirSync(path, { recursive: true, mode: 0o700 })
  if (first === undefined) return
  for (let folder = path; folder.length >= first.length; folder = dirname(folder)) syncFolder(dirname(folder))
}

function syncFolder(path: string): void {
  const descriptor = openSync(path, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
