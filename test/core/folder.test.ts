// The folder of the objects: which one it is, and what happens when it is missing or unusable. Some children have a
// mount namespace of their own, and so another /dev/shm.
import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { canRun, isLinux, root } from '../help/system.js'

const emptyDev = 'mount -t tmpfs tmpfs /dev'
const through = [
  ['unshare', '-m'],
  ['unshare', '-rm'],
].find(([command = '', ...rest]) => canRun(command, ...rest, 'sh', '-c', emptyDev))

const program = `
  import { readdirSync } from 'node:fs'
  import { Fleet, orbitType } from ${JSON.stringify(join(root, 'dist/index.js'))}
  const outcome = (call) => {
    try {
      return call()
    } catch ({ code, errno, syscall, message }) {
      return { code, errno, syscall, message }
    }
  }
  const Facts = orbitType({ name: 'Facts', kind: 1, capacity: 4, payloadBytes: 8 })
  const join = (folder) => {
    const fleet = Fleet.joinShm('none')
    try {
      fleet.publish(Facts, Buffer.from('x'))
      return readdirSync(folder).sort()
    } finally {
      fleet.close()
    }
  }
  const local = Fleet.join('local')
  local.publish(Facts, Buffer.from('x'))
  console.log(JSON.stringify({
    observed: outcome(() => Fleet.observe('none')),
    removed: outcome(() => Fleet.remove('none')),
    joined: outcome(() => join(process.argv[1])),
    local: local.head(Facts),
  }))
`

/** What the program prints; `before` are the words of the command in front of it. */
function outcomes(folder: string, env: Record<string, string> = {}, before: readonly string[] = []) {
  const { ORBIT_DIRECTORY: _, ...others } = process.env
  const [command = '', ...args] = [...before, process.execPath, '--input-type=module', '-e', program, folder]
  const child = spawnSync(command, args, { encoding: 'utf8', env: { ...others, ...env } })
  expect({ status: child.status, signal: child.signal, stderr: child.stderr }).toEqual({
    status: 0,
    signal: null,
    stderr: '',
  })
  return JSON.parse(child.stdout)
}

/** The words that run a command after `setup`, as root of a new namespace. */
const after = (setup: string, ...as: string[]) => [...(through ?? []), 'sh', '-c', `${setup} && exec "$@"`, 'sh', ...as]

const uid = process.geteuid?.() ?? 0
const objects = [`orbit-none-1-${uid}`, `orbit-none-fleet-${uid}`]

/** A folder that exists while the test runs. */
function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'orbit-folder-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

describe.runIf(isLinux && through !== undefined)('a fleet in shared memory', () => {
  const cases = [
    {
      title: 'where /dev/shm is a file',
      setup: `${emptyDev} && : >/dev/shm`,
      errno: 20,
      problem: '/dev/shm is not a directory',
    },
    {
      title: 'where /dev/shm is read-only',
      setup: 'mount -t tmpfs -o ro tmpfs /dev/shm',
      errno: 30,
      problem: '/dev/shm is mounted read-only',
    },
  ]
  it.each(cases)(
    'throws an error with the cause and a solution when /dev/shm is unusable: $title',
    ({ setup, errno, problem }) => {
      const { joined, local } = outcomes('/dev/shm', {}, after(setup))
      expect(joined).toMatchObject({ code: 'ERR_ORBIT_SYSTEM', errno, syscall: 'open' })
      expect(joined.message).toContain(problem)
      expect(joined.message).toContain('use Fleet.join for a fleet within one process')
      expect(local).toBe(1)
    },
  )

  it('is in a folder of its user where there is no /dev/shm', () => {
    const own = through?.includes('-rm') ? 0 : uid
    const folder = `/tmp/orbit-${own}`
    const wasThere = existsSync(folder)
    onTestFinished(() => {
      if (!wasThere) rmSync(folder, { recursive: true, force: true })
    })
    const { observed, removed, joined, local } = outcomes(folder, {}, after(emptyDev))
    expect(observed).toMatchObject({ code: 'ERR_ORBIT_NOT_FOUND' })
    expect(removed).toEqual([])
    expect(joined).toEqual(expect.arrayContaining([`orbit-none-1-${own}`, `orbit-none-fleet-${own}`]))
    expect(local).toBe(1)
  })

  it('throws an error where this user may not write to /dev/shm', (context) => {
    if (uid !== 0 || !canRun('setpriv', '--version')) context.skip('needs root and setpriv')
    const setup = 'mount -t tmpfs -o mode=755 tmpfs /dev/shm'
    const other = ['setpriv', '--reuid', '54321', '--clear-groups']
    const { joined, local } = outcomes('/dev/shm', {}, after(setup, ...other))
    expect(joined).toMatchObject({ code: 'ERR_ORBIT_PERMISSION', errno: 13, syscall: 'open' })
    expect(joined.message).toContain('/dev/shm cannot be written to by uid=54321')
    expect(local).toBe(1)
  })
})

describe.runIf(isLinux)('a fleet in ORBIT_DIRECTORY', () => {
  it('is made of regular files there, in a folder that only this user can read', () => {
    const folder = join(temporaryFolder(), 'objects')
    expect(outcomes(folder, { ORBIT_DIRECTORY: `${folder}/` }).joined).toEqual(objects)
    expect(statSync(folder).mode & 0o777).toBe(0o700)
    expect(readdirSync(folder)).toEqual([])
  })

  it('takes a folder of all users if it has the sticky bit, and otherwise none that others may write to', () => {
    const folder = temporaryFolder()
    chmodSync(folder, 0o1777)
    expect(outcomes(folder, { ORBIT_DIRECTORY: folder }).joined).toEqual(objects)
    chmodSync(folder, 0o777)
    const { joined, local } = outcomes(folder, { ORBIT_DIRECTORY: folder })
    expect(joined).toMatchObject({ code: 'ERR_ORBIT_PERMISSION' })
    expect(joined.message).toContain(`${folder}: uid=${uid} mode=0777 lets other users replace files`)
    expect(local).toBe(1)
  })

  it('refuses a folder of another user, who could replace the files, even with the sticky bit', (context) => {
    if (uid !== 0) context.skip('needs root')
    const folder = temporaryFolder()
    chownSync(folder, 54321, 54321)
    chmodSync(folder, 0o1777)
    const { joined } = outcomes(folder, { ORBIT_DIRECTORY: folder })
    expect(joined).toMatchObject({ code: 'ERR_ORBIT_PERMISSION' })
    expect(joined.message).toContain('uid=54321 mode=1777')
  })

  it('throws an error for a folder that cannot be made', () => {
    const folder = join(temporaryFolder(), 'missing', 'objects')
    const { joined } = outcomes(folder, { ORBIT_DIRECTORY: folder })
    expect(joined).toMatchObject({ code: 'ERR_ORBIT_SYSTEM', errno: 2, syscall: 'mkdir' })
    expect(joined.message).toContain(folder)
  })

  it('throws an error for a path that is not absolute', () => {
    const { joined, observed, removed, local } = outcomes('.', { ORBIT_DIRECTORY: 'objects' })
    for (const each of [joined, observed, removed]) {
      expect(each).toMatchObject({ code: 'ERR_ORBIT_OUT_OF_RANGE' })
      expect(each.message).toContain('ORBIT_DIRECTORY=objects must be an absolute path')
    }
    expect(local).toBe(1)
  })
})
