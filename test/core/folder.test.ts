// A missing or unusable folder of the objects, tested in children with their own mount namespace.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { canRun, isLinux, root } from '../help/system.js'

const emptyDev = 'mount -t tmpfs tmpfs /dev'
const through = [
  ['unshare', '-m'],
  ['unshare', '-rm'],
].find(([command = '', ...rest]) => canRun(command, ...rest, 'sh', '-c', emptyDev))

const program = `
  import { Fleet, orbitType } from ${JSON.stringify(join(root, 'dist/index.js'))}
  const outcome = (call) => {
    try {
      return call()
    } catch ({ code, errno, syscall, message }) {
      return { code, errno, syscall, message }
    }
  }
  const Facts = orbitType({ name: 'Facts', kind: 1, capacity: 4, payloadBytes: 8 })
  const local = Fleet.join('local')
  local.publish(Facts, Buffer.from('x'))
  console.log(JSON.stringify({
    joined: outcome(() => Fleet.joinShm('none')),
    observed: outcome(() => Fleet.observe('none')),
    removed: outcome(() => Fleet.remove('none')),
    local: local.head(Facts),
  }))
`

/** The output of the program after `setup` has run as root of the namespace; `as`, if given, is a command to run it. */
function outcomes(setup: string, as = '') {
  const [command = '', ...rest] = through as string[]
  const node = `exec ${as} '${process.execPath}' --input-type=module -e '${program.replaceAll("'", '"')}'`
  const child = spawnSync(command, [...rest, 'sh', '-c', `${setup} && ${node}`], { encoding: 'utf8' })
  expect({ status: child.status, signal: child.signal, stderr: child.stderr }).toEqual({
    status: 0,
    signal: null,
    stderr: '',
  })
  return JSON.parse(child.stdout)
}

describe.runIf(isLinux && through !== undefined)('a fleet in shared memory', () => {
  const cases = [
    { title: 'without /dev/shm', setup: emptyDev, errno: 2, problem: '/dev/shm does not exist' },
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
      const { joined, local } = outcomes(setup)
      expect(joined).toMatchObject({ code: 'ERR_ORBIT_SYSTEM', errno, syscall: 'open' })
      expect(joined.message).toContain(problem)
      expect(joined.message).toContain('use Fleet.join for a fleet within one process')
      expect(local).toBe(1)
    },
  )

  it('is not found without /dev/shm, and has nothing to remove', () => {
    const { observed, removed } = outcomes(emptyDev)
    expect(observed).toMatchObject({ code: 'ERR_ORBIT_NOT_FOUND' })
    expect(removed).toEqual([])
  })

  it('throws an error where this user may not write to /dev/shm', (context) => {
    if (process.geteuid?.() !== 0 || !canRun('setpriv', '--version')) context.skip('needs root and setpriv')
    const setup = 'mount -t tmpfs -o mode=755 tmpfs /dev/shm'
    const { joined, local } = outcomes(setup, 'setpriv --reuid 54321 --clear-groups')
    expect(joined).toMatchObject({ code: 'ERR_ORBIT_PERMISSION', errno: 13, syscall: 'open' })
    expect(joined.message).toContain('/dev/shm cannot be written to by uid=54321')
    expect(local).toBe(1)
  })
})
