// What docs/recipes/deploy.md shows of `orbit doctor` and `orbit gc` is what they say.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { cliPath, orbit } from '../orbit.js'
import { canRun, isLinux, root, start, uniqueFleet } from '../processes.js'

const recipe = readFileSync(join(root, 'docs/recipes/deploy.md'), 'utf8')

/** What a line says apart from who and how many. */
const plain = (line: string): string =>
  line
    .replace(/\d[\d.]*/g, 'N')
    .replace(/\s+/g, ' ')
    .trim()

/** The lines that the recipe shows under a command. */
function shownUnder(command: string): string[] {
  const [, lines = ''] = recipe.split(`$ ${command}\n`)
  return lines
    .slice(0, lines.search(/^(\$ |```)/m))
    .split('\n')
    .filter(Boolean)
    .map(plain)
}

describe.runIf(isLinux)('docs/recipes/deploy.md', () => {
  it('shows what doctor and gc say after a crash', async () => {
    const name = uniqueFleet('deploy')
    const members = [start('member.mjs'), start('member.mjs')]
    for (const member of members) await member.ask('join', name, { lifetime: 'fleet' })
    for (const member of members) await member.kill()
    const linesOf = (text: string) =>
      text
        .replaceAll(name, 'ns1')
        .split('\n')
        .map((line) => plain(line).replace(/\(pid N, [^)]*\)/, '(pid N, *)'))
    const said = linesOf((await orbit(['doctor', name])).stdout)
    // The members of the recipe had slept, and left bells; these have not.
    const shown = shownUnder('orbit doctor ns1').map((line) => line.replace(/\(pid N, \w+\)/, '(pid N, *)'))
    expect(shown.length).toBeGreaterThan(5)
    for (const line of shown.slice(0, 5)) expect(said).toContain(line)
    expect(linesOf((await orbit(['gc', name])).stdout)).toContain(shownUnder('orbit gc ns1')[0])
    expect((await orbit(['doctor', name])).code).toBe(3)
  })

  const script = (commands: string) => [
    '--mount',
    'sh',
    '-c',
    `mount -t tmpfs -o size=64m tmpfs /dev/shm && ${commands}`,
  ]

  it.runIf(canRun('unshare', ...script('true')))('shows what doctor says of a container’s /dev/shm', () => {
    const doctor = `${process.execPath} ${cliPath} doctor`
    const small = spawnSync('unshare', script(doctor), { encoding: 'utf8' }).stdout
    const [size, meaning] = shownUnder('orbit doctor')
    expect(small.split('\n').map(plain)).toEqual(expect.arrayContaining([size, meaning]))
    const readOnly = spawnSync('unshare', script(`mount -o remount,ro /dev/shm; ${doctor}`), {
      encoding: 'utf8',
    }).stdout
    if (process.geteuid?.() === 0) expect(readOnly).toContain('mend: mount -o remount,rw /dev/shm')
  })
})
