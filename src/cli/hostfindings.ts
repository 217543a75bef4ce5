import { accessSync, constants } from 'node:fs'
import { canList, objectsFolder, userId } from '../inspect/objects.js'
import { type Finding, finding } from './finding.js'
import { isContainer, memoryLimit, namespaceOf, removesIpc, type Space, spaceOf } from './host.js'
import { bytesText } from './text.js'

/** The size of /dev/shm in a container without an option for it. */
const containerBytes = 64 * 2 ** 20

function spaceFindings(folder: string): Finding[] {
  const mountCommand = `mount -t tmpfs -o mode=1777 tmpfs ${folder}`
  const space = spaceOf(folder)
  if (space === undefined) {
    const rest = { meaning: 'a shared fleet cannot be created', fix: mountCommand }
    return [finding('problem', 'shm', `${folder} does not exist`, rest)]
  }
  const findings = [sizeFinding(folder, space)]
  if (!space.isTmpfs) {
    const rest = { meaning: 'the contents of shared memory may be written to a disk', fix: mountCommand }
    findings.push(finding('warning', 'shm-type', `${folder} is not a tmpfs`, rest))
  }
  try {
    accessSync(folder, constants.W_OK | constants.X_OK)
  } catch (error) {
    const isReadOnly = (error as NodeJS.ErrnoException).code === 'EROFS'
    const fix = isReadOnly ? `mount -o remount,rw ${folder}` : `chmod 1777 ${folder}`
    const rest = { meaning: 'no process of this user can create a fleet or a ring', fix }
    findings.push(finding('problem', 'shm-access', `${folder} is not writable by uid ${userId}`, rest))
  }
  if (!canList()) {
    const rest = { meaning: 'orbit cannot find the fleets of this user', fix: `chmod 1777 ${folder}` }
    findings.push(finding('problem', 'shm-list', `${folder} cannot be listed by uid ${userId}`, rest))
  }
  return findings
}

function sizeFinding(folder: string, { bytes, freeBytes }: Space): Finding {
  const text = `${folder}: ${bytesText(freeBytes)} free of ${bytesText(bytes)}`
  const grow = isContainer() ? 'start the container with --shm-size=1g' : `mount -o remount,size=2g ${folder}`
  if (freeBytes < bytes / 10) {
    const meaning =
      'the next join or the next new ring may fail with ERR_ORBIT_NO_SPACE; existing rings are not affected'
    return finding('problem', 'shm-space', text, { meaning, fix: `orbit gc, or ${grow}` })
  }
  if (bytes > containerBytes) return finding('ok', 'shm-space', text)
  return finding('warning', 'shm-space', text, {
    meaning: 'this is the default size in a container; a few large rings fill it',
    fix: grow,
  })
}

function limitFinding(): Finding {
  const limit = memoryLimit()
  if (limit === undefined) return finding('ok', 'memory-limit', 'no memory limit')
  const { bytes, usedBytes } = limit
  const isTight = usedBytes > bytes * 0.9
  return finding(
    isTight ? 'warning' : 'note',
    'memory-limit',
    `memory limit ${bytesText(bytes)}, ${bytesText(usedBytes)} used`,
    {
      meaning: 'shared memory counts toward the limit; above it the kernel kills processes',
      fix: isTight ? "raise the container's memory limit" : null,
    },
  )
}

function systemdFinding(): Finding {
  if (!removesIpc()) return finding('ok', 'remove-ipc', 'systemd does not remove the shared memory of this user')
  return finding('problem', 'remove-ipc', 'systemd has RemoveIPC=yes, and lingering is off for this user', {
    meaning: "when the user's last session ends, systemd removes the shared memory of fleets that are in use",
    fix: 'loginctl enable-linger',
  })
}

function namespaceFinding(folder: string): Finding {
  const kinds = ['pid', 'ipc', 'mnt'] as const
  const meaning = `processes share a fleet only if they see the same ${folder}: compare ls -l /proc/PID/ns`
  return finding('note', 'namespaces', kinds.map((kind) => namespaceOf(kind) ?? `${kind}:[unknown]`).join(' '), {
    meaning,
  })
}

/** Examines the host, as far as fleets depend on it. */
export function hostFindings(): Finding[] {
  const folder = objectsFolder()
  return [...spaceFindings(folder), limitFinding(), systemdFinding(), namespaceFinding(folder)]
}
