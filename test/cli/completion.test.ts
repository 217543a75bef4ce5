import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Fleet } from '../../src/index.js'
import { cliPath, jsonOf, orbit } from '../help/orbit.js'
import { canRun, isLinux, uniqueFleet } from '../help/processes.js'

/** What bash offers for a line whose last word is being typed, with `orbit` linked into the PATH as npm would. */
async function offers(...words: string[]): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'orbit-completion-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  symlinkSync(cliPath, join(folder, 'orbit'))
  const script = `source <(orbit completion bash); COMP_WORDS=(orbit "$@"); COMP_CWORD=$#; _orbit; printf '%s\\n' "\${COMPREPLY[@]}"`
  const env = { ...process.env, PATH: `${folder}:${process.env['PATH']}` }
  const { stdout, stderr } = spawnSync('bash', ['-c', script, 'bash', ...words], { encoding: 'utf8', env })
  expect(stderr).toBe('')
  return stdout.split('\n').filter((line) => line !== '')
}

describe.runIf(isLinux)('completion for bash', () => {
  it('offers commands, options, fleets and shells', async () => {
    const name = uniqueFleet('complete')
    Fleet.joinShm(name, { size: 1 }).close()
    expect(await offers('')).toEqual(expect.arrayContaining(['ls', 'stat', 'tail', 'serve-metrics', '--help']))
    expect(await offers('st')).toEqual(['stat'])
    expect(await offers('dump', '--fr')).toEqual(['--from', '--frame-kind'])
    expect(await offers('nodes', name.slice(0, -1))).toContain(name)
    expect(await offers('completion', '')).toEqual(['bash', 'zsh', 'fish'])
    expect(await offers('ls', '')).toEqual([])
  })
})

describe('orbit completion', () => {
  it.each(['bash', 'zsh', 'fish'])('is a script that %s can read', async (shell) => {
    const { code, stdout } = await orbit(['completion', shell])
    expect(code).toBe(0)
    for (const word of ['orbit ls --names', 'serve-metrics', 'frame-kind']) expect(stdout).toContain(word)
    expect(jsonOf('completion', (await orbit(['completion', shell, '--json'])).stdout).script).toBe(stdout)
    if (!canRun(shell, '-c', 'true')) return console.log(`not read by ${shell}: it is not here`)
    const folder = mkdtempSync(join(tmpdir(), 'orbit-completion-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    writeFileSync(join(folder, 'script'), stdout)
    expect(spawnSync(shell, ['-n', join(folder, 'script')], { encoding: 'utf8' })).toMatchObject({
      status: 0,
      stderr: '',
    })
  })

  it('refuses another shell', async () => {
    expect(await orbit(['completion', 'tcsh'])).toMatchObject({ code: 2, stdout: '' })
  })
})
