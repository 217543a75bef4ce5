// Facts about the host, from files of /proc, /sys and /etc. Each of them may be missing.
import { existsSync, readdirSync, readFileSync, readlinkSync, statfsSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return undefined
  }
}

export interface Space {
  readonly isTmpfs: boolean
  readonly bytes: number
  readonly freeBytes: number
}

const tmpfsMagic = 0x01021994

export function spaceOf(folder: string): Space | undefined {
  try {
    const { type, bsize, blocks, bavail } = statfsSync(folder)
    return { isTmpfs: type === tmpfsMagic, bytes: blocks * bsize, freeBytes: bavail * bsize }
  } catch {
    return undefined
  }
}

/** The smallest memory limit of this process's control groups, in bytes; undefined: none. */
export function memoryLimit(): { bytes: number; usedBytes: number } | undefined {
  const own = read('/proc/self/cgroup')?.match(/^0::(.*)$/m)?.[1]
  const folders =
    own === undefined ? [] : own.split('/').map((_, i, parts) => join('/sys/fs/cgroup', ...parts.slice(0, i + 1)))
  let limit: { bytes: number; usedBytes: number } | undefined
  for (const folder of ['/sys/fs/cgroup', ...folders, '/sys/fs/cgroup/memory']) {
    const bytes = Number(read(join(folder, 'memory.max')) ?? read(join(folder, 'memory.limit_in_bytes')))
    // Version 1 of control groups writes "no limit" as a very large number.
    if (!Number.isFinite(bytes) || bytes <= 0 || bytes >= 2 ** 60 || bytes >= (limit?.bytes ?? 2 ** 60)) continue
    const usedBytes = Number(read(join(folder, 'memory.current')) ?? read(join(folder, 'memory.usage_in_bytes')) ?? 0)
    limit = { bytes, usedBytes }
  }
  return limit
}

export const isContainer = (): boolean =>
  existsSync('/.dockerenv') || existsSync('/run/.containerenv') || (process.env['container'] ?? '') !== ''

/** A namespace of this process, such as `pid:[4026531836]`; undefined: /proc does not show it. */
export function namespaceOf(kind: 'pid' | 'ipc' | 'mnt'): string | undefined {
  try {
    return readlinkSync(`/proc/self/ns/${kind}`)
  } catch {
    return undefined
  }
}

/** Does this pid exist in the pid namespace of this process? */
export const isVisible = (pid: number): boolean => existsSync(`/proc/${pid}`)

/** undefined: the user has no entry in the system's list, which is usual in containers. */
function userName(): string | undefined {
  try {
    return userInfo().username
  } catch {
    return undefined
  }
}

/** Does systemd remove this user's shared memory when the user's last session ends? */
export function removesIpc(): boolean {
  const username = userName()
  const uid = process.geteuid?.() ?? 0
  // A user without a name has no sessions.
  if (
    uid < 1000 ||
    username === undefined ||
    !existsSync('/run/systemd/system') ||
    existsSync(`/var/lib/systemd/linger/${username}`)
  )
    return false
  let value = 'yes'
  for (const file of loginConfigs()) value = read(file)?.match(/^\s*RemoveIPC\s*=\s*(\S+)/m)?.[1] ?? value
  return /^(1|yes|true|on)$/i.test(value)
}

function loginConfigs(): string[] {
  const folders = ['/usr/lib/systemd/logind.conf.d', '/run/systemd/logind.conf.d', '/etc/systemd/logind.conf.d']
  const dropIns = folders.flatMap((folder) => {
    try {
      return readdirSync(folder)
        .sort()
        .map((file) => join(folder, file))
    } catch {
      return []
    }
  })
  return ['/etc/systemd/logind.conf', ...dropIns]
}
