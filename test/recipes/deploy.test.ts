// The orbit command and the errors print what docs/recipes/deploy.md shows.
import { spawnSync } from 'node:child_process'
import { chownSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { fleetName, objectPath, shmFolder } from '../help/fleets.js'
import { cliPath, orbit } from '../help/orbit.js'
import { Child, deathSignal } from '../help/processes.js'
import { canRun, isLinux, root } from '../help/system.js'

const recipe = readFileSync(join(root, 'docs/recipes/deploy.md'), 'utf8')

/** A line without its names and numbers. */
const plain = (line: string): string =>
  line
    .replace(/\d[\d.]*/g, 'N')
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/\(pid N, [^)]*\)/, '(pid N, *)')

const linesOf = (text: string): string[] => text.split('\n').filter(Boolean).map(plain)

/** An output with the fleet name and the folder of the recipe. */
const asInRecipe = (output: string, name: string, shown: string): string =>
  output.replaceAll(shmFolder, '/dev/shm').replaceAll(name, shown)

/** The lines that the recipe shows under a command. */
function shownUnder(command: string): string[] {
  const [, lines = ''] = recipe.split(`$ ${command}\n`)
  return linesOf(lines.slice(0, lines.search(/^(\$ |```)/m)))
}

/** The lines that the recipe shows from the one with this beginning. */
function shownFrom(beginning: string, count: number): string[] {
  const lines = recipe.split('\n')
  const first = lines.findIndex((line) => line.trim().startsWith(beginning))
  return lines.slice(first, first + count).map(plain)
}

const command = (...words: string[]) => [process.execPath, cliPath, ...words]

/** A process that joins, opens a bus, and sleeps until an event comes, so that it has a bell. */
async function sleeper(name: string): Promise<Child> {
  const code = `
    import { Fleet, OrbitEventBus } from 'orbit-node'
    const fleet = Fleet.joinShm('${name}', { size: 64 })
    void new OrbitEventBus(fleet).cursor('head').wait({ keepAlive: true })
    console.log(JSON.stringify('sleeps'))`
  const [program, ...rest] = [...deathSignal, process.execPath, '--input-type=module', '-e', code]
  const child = new Child(program as string, rest, {})
  onTestFinished(async () => {
    if (!child.isOver) await child.kill()
  })
  expect(await child.next()).toBe('sleeps')
  return child
}

describe.runIf(isLinux)('docs/recipes/deploy.md', () => {
  it('shows the output of doctor, nodes and gc for living members and after a crash', async () => {
    const name = fleetName('deploy')
    const members = [await sleeper(name), await sleeper(name)]
    const headings = new Set(linesOf(recipe).filter((line) => line.startsWith('NODE PID')))
    const nodes = async () => linesOf((await orbit(['nodes', name])).stdout)
    expect((await nodes())[0]).toBe([...headings].join())
    for (const member of members) await member.kill()
    expect((await nodes())[1]).toContain(' dead ')

    const said = async (word: string) => linesOf(asInRecipe((await orbit([word, name])).stdout, name, 'ns1'))
    const shown = shownUnder('orbit doctor ns1')
    expect(shown).toHaveLength(13)
    expect((await said('doctor')).slice(-shown.length)).toEqual(shown)
    expect((await said('gc')).sort()).toEqual(shownUnder('orbit gc ns1').sort())
    expect((await orbit(['doctor', name])).code).toBe(3)
  })

  it.runIf(process.geteuid?.() === 0)('shows the output of doctor for an object of another user', async () => {
    const name = fleetName('deploy')
    await sleeper(name)
    writeFileSync(objectPath(name, 7), '')
    chownSync(objectPath(name, 7), 1000, 1000)
    const { stdout } = await orbit(['doctor', name])
    const said = linesOf(asInRecipe(stdout, name, 'web').replaceAll('-7-', '-220-'))
    expect(said).toEqual(expect.arrayContaining(shownFrom('PROBLEM', 3)))
  })

  const otherPids = ['--pid', '--fork', '--mount-proc']

  it.runIf(canRun('unshare', ...otherPids, 'true'))(
    'shows the output of doctor from another pid namespace',
    async () => {
      const name = fleetName('deploy')
      await sleeper(name)
      const { stdout } = spawnSync('unshare', [...otherPids, ...command('doctor', name)], { encoding: 'utf8' })
      expect(linesOf(stdout.replaceAll(name, 'ns1'))).toEqual(expect.arrayContaining(shownFrom('note     node 0', 2)))
    },
  )

  const script = (commands: string) => [
    '--mount',
    'sh',
    '-c',
    `mount -t tmpfs -o size=64m tmpfs /dev/shm && ${commands}`,
  ]

  describe.runIf(shmFolder === '/dev/shm' && canRun('unshare', ...script('true')))('on a /dev/shm of 64 MB', () => {
    const outputOf = (commands: string) =>
      spawnSync('unshare', script(commands), { cwd: root, encoding: 'utf8' }).stdout
    const doctor = command('doctor').join(' ')

    it('shows the output of doctor for a /dev/shm of 64 MB', () => {
      const shown = shownUnder('orbit doctor').slice(0, 3)
      expect(linesOf(outputOf(doctor))).toEqual(expect.arrayContaining(shown))
      const readOnly = outputOf(`mount -o remount,ro /dev/shm; ${doctor}`)
      if (process.geteuid?.() === 0) expect(readOnly).toContain('fix: mount -o remount,rw /dev/shm')
    })

    it('shows the error for a ring that does not fit, which leaves nothing behind', () => {
      const code = `
        import { Fleet, orbitType } from "orbit-node"
        const fleet = Fleet.joinShm("big")
        const type = orbitType({ name: "big", kind: 1, capacity: 131072, payloadBytes: 1000 })
        try { fleet.publish(type, Buffer.alloc(1)) } catch ({ code, message }) { console.log(code, message) }`
      const [said = '', ...files] = outputOf(`'${process.execPath}' --input-type=module -e '${code}'; ls /dev/shm`)
        .trim()
        .split('\n')
      const text = recipe.replace(/\s+/g, ' ')
      expect(said).toMatch(/^ERR_ORBIT_NO_SPACE /)
      expect(plain(text)).toContain(plain(said))
      expect(files).toEqual([])
    })
  })
})
