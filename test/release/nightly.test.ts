// scripts/nightly.mjs, with programs in place of the storms: what it counts, and how it ends.
import { spawn, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { isLinux, root } from '../help/system.js'

/** A repository with nothing but the script and these storms, as bodies of shell scripts. */
function repository(storms: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), 'orbit-nightly-test-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  mkdirSync(join(folder, 'scripts'))
  mkdirSync(join(folder, 'native/build/plain'), { recursive: true })
  cpSync(join(root, 'scripts/nightly.mjs'), join(folder, 'scripts/nightly.mjs'))
  writeFileSync(join(folder, 'native/Makefile'), '%:\n\t@test -e $@\n')
  for (const [name, body] of Object.entries(storms)) {
    writeFileSync(join(folder, `native/build/plain/${name}_test`), `#!/bin/sh\n${body}\n`, { mode: 0o755 })
  }
  return folder
}

function nightly(folder: string, ...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(folder, 'scripts/nightly.mjs'), ...args], {
    encoding: 'utf8',
  })
  const json = args.includes('--json') && stdout !== '' ? JSON.parse(stdout) : undefined
  for (const log of json?.logs ?? []) onTestFinished(() => rmSync(log))
  return { status, stdout, stderr, json }
}

const ring = 'sleep 0.2; echo "capacity 4: 3 rounds, 10 kills (2 of writers), 4 stops, 1000 frames published, 5 read"'

describe.runIf(isLinux)('scripts/nightly.mjs', () => {
  it('runs its parts in turn until the time is over, and adds up what they did', () => {
    const counters = 'echo "500 changes, 3 of them removed; 7 kills, 2 stops, 0 changes not acknowledged"'
    const folder = repository({ storm: ring, storm_counters: counters })
    const { status, json, stderr } = nightly(folder, '--minutes', '0.01', '--json', 'ring', 'counters')
    const [first, second] = json.parts
    expect({ status, violations: json.violations, logs: json.logs }).toEqual({ status: 0, violations: 0, logs: [] })
    expect(first).toMatchObject({ part: 'ring', noun: 'frames', work: first.runs * 1000 })
    expect(second).toMatchObject({ part: 'counters', noun: 'changes', work: second.runs * 500 })
    expect([1, 0]).toContain(first.runs - second.runs)
    expect(json).toMatchObject({
      kills: first.runs * 10 + second.runs * 7,
      stops: first.runs * 4 + second.runs * 2,
      isInterrupted: false,
    })
    expect(stderr).toContain('of 0.0 minutes, ring passed, run 1')
  })

  it('goes on after a part that fails, keeps its output, and ends with code 1', () => {
    const folder = repository({ storm: ring, storm_limits: 'echo "a key was over its limit"; kill -ABRT $$' })
    const { status, json, stderr } = nightly(folder, '--minutes', '0.01', '--json', 'ring', 'limits')
    expect(status).toBe(1)
    expect(json.violations).toBeGreaterThanOrEqual(1)
    expect(json.parts[1]).toMatchObject({ part: 'limits', runs: json.violations, violations: json.violations })
    expect(json.parts[0].violations).toBe(0)
    expect(readFileSync(json.logs[0], 'utf8')).toBe('a key was over its limit\n')
    expect(stderr).toContain(`VIOLATION in limits (SIGABRT), see ${json.logs[0]}`)
  })

  it('gives each part a folder of its own, which is gone afterwards', () => {
    const folder = repository({ storm: `mkdir "$ORBIT_DIRECTORY/left"; echo "$ORBIT_DIRECTORY" >>"$0.seen"; ${ring}` })
    expect(nightly(folder, '--minutes', '0.01', 'ring').status).toBe(0)
    const seen = readFileSync(join(folder, 'native/build/plain/storm_test.seen'), 'utf8').trim().split('\n')
    expect(new Set(seen).size).toBe(seen.length)
    for (const each of seen) expect(existsSync(each), each).toBe(false)
  })

  it('prints the table of what has run when it is interrupted', async () => {
    const folder = repository({ storm: ring, storm_counters: 'echo "$$" >"$0.pid"; exec sleep 1000' })
    const child = spawn(process.execPath, [join(folder, 'scripts/nightly.mjs'), '--hours', '1', 'ring', 'counters'])
    onTestFinished(() => void child.kill('SIGKILL'))
    let stdout = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
    })
    const pidFile = join(folder, 'native/build/plain/storm_counters_test.pid')
    while (!existsSync(pidFile) || readFileSync(pidFile, 'utf8') === '') await new Promise((r) => setImmediate(r))
    child.kill('SIGINT')
    expect(await new Promise((resolve) => child.once('close', resolve))).toBe(0)
    expect(stdout).toMatch(
      /^PART +RUNS +SECONDS +KILLS +STOPS +WORK +VIOLATIONS\nring +1 +\d+ +10 +4 +1,000 frames +0\n/,
    )
    expect(stdout).toMatch(
      /counters +0 +0 +0 +0 +0 changes +0\n.* minutes, interrupted: 10 kills, 4 stops, 0 violations/,
    )
    expect(existsSync(`/proc/${readFileSync(pidFile, 'utf8').trim()}`)).toBe(false)
  })

  it('refuses wrong arguments with code 2, and ends with 3 if a storm cannot be built', () => {
    const folder = repository({})
    for (const args of [[], ['--minutes', '0'], ['--hours', 'x'], ['--minutes', '1', 'weather'], ['--days', '1']]) {
      const { status, stderr } = nightly(folder, ...args)
      expect(status, args.join(' ')).toBe(2)
      expect(stderr).toContain('parts: ring counters')
    }
    expect(nightly(folder, '--minutes', '1', 'ring').status).toBe(3)
  })
})
