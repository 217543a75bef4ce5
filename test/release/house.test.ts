import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../../', import.meta.url))

/**
 * From the bottom up. A file imports from its own folder and the floors below, so folders do not import in a circle.
 */
const floors = [
  ['base'],
  ['pod'],
  ['prebuilds'],
  ['addon'],
  ['core'],
  ['layers', 'inspect'],
  ['index', 'struct', 'testing', 'cli'],
  ['adapters'],
]
const floorOf = (folder: string): number => floors.findIndex((floor) => floor.includes(folder))

/** The folder of a file of src/, or its own name where it is on top. */
const folderOf = (file: string): string => file.replace(/\/.*|\.ts$/g, '')

const sourceFiles = readdirSync(`${root}src`, { recursive: true, encoding: 'utf8' })
  .map((file) => file.replaceAll('\\', '/'))
  .filter((file) => file.endsWith('.ts'))
  .sort()

/** The paths below src/ of the files that a file imports. */
function importsOf(file: string): string[] {
  const text = readFileSync(`${root}src/${file}`, 'utf8')
  const froms = [...text.matchAll(/(?:\bfrom|\bimport|\bimport\(|\brequire\()\s*(['"])(\.[^'"]*)(?<!\.json)\1/g)]
  return froms.map(([, , path]) => new URL(path as string, `file:///${file}`).pathname.slice(1).replace(/\.js$/, '.ts'))
}

/** The files that this one imports directly or through others. */
function reachable(file: string, seen = new Set<string>()): Set<string> {
  for (const target of importsOf(file)) {
    if (seen.has(target)) continue
    seen.add(target)
    reachable(target, seen)
  }
  return seen
}

describe('src/', () => {
  it('has only folders with a floor', () => {
    expect(sourceFiles.filter((file) => floorOf(folderOf(file)) < 0)).toEqual([])
  })

  it.each(sourceFiles)('%s imports only from its own folder and from the floors below', (file) => {
    const wrong = importsOf(file).filter((target) => {
      const isOwnFolder = folderOf(target) === folderOf(file)
      return !isOwnFolder && !(floorOf(folderOf(target)) < floorOf(folderOf(file)))
    })
    expect(wrong).toEqual([])
  })

  it.each(sourceFiles)('%s does not import itself through others', (file) => {
    expect(reachable(file)).not.toContain(file)
  })

  it('finds imports at all', () => {
    expect(importsOf('index.ts')).toContain('core/fleet.ts')
    expect(importsOf('core/fleet.ts')).toContain('core/native.ts')
    expect(importsOf('base/errors.ts')).toEqual([])
    for (const file of sourceFiles) for (const target of importsOf(file)) expect(sourceFiles).toContain(target)
  })

  it('loads typed-struct only for orbit-node/struct', () => {
    const loads = (file: string) => /from 'typed-struct'/.test(readFileSync(`${root}src/${file}`, 'utf8'))
    expect(sourceFiles.filter(loads)).toEqual(['struct.ts'])
    expect([...reachable('index.ts'), ...reachable('cli/main.ts')]).not.toContain('struct.ts')
  })

  it('advances the clock only for orbit-node/testing', () => {
    const advances = (file: string) =>
      /advanceClock\((?!0\)|ms: number\): number)/.test(readFileSync(`${root}src/${file}`, 'utf8'))
    expect(sourceFiles.filter(advances)).toEqual(['testing.ts'])
    expect([...reachable('index.ts'), ...reachable('cli/main.ts')]).not.toContain('testing.ts')
  })

  it('loads the libraries that it adapts to only for their adapters', () => {
    const peers = /from '(@opentelemetry\/api|keyv|node-cron|socket\.io|socket\.io-adapter|pino|prom-client)'/
    const loads = sourceFiles.filter((file) => peers.test(readFileSync(`${root}src/${file}`, 'utf8')))
    const adapters = ['cron', 'keyv', 'otel', 'pino', 'prom', 'socketio']
    expect(loads).toEqual(adapters.map((name) => `adapters/${name}.ts`))
    expect([...reachable('index.ts'), ...reachable('cli/main.ts')].filter((file) => /^adapters/.test(file))).toEqual([])
  })

  it('loads the addon in one place', () => {
    const loads = sourceFiles.filter((file) => /dlopen|createRequire/.test(readFileSync(`${root}src/${file}`, 'utf8')))
    expect(loads.filter((file) => file !== 'addon.ts')).toEqual([])
  })
})

describe('a file', () => {
  /** Suites are as long as their noun has cases; these have reasons of their own. */
  const reasons: Record<string, string> = {
    'native/protocol/ring.h': 'one protocol, with its invariants above its steps',
  }
  const folders = ['src', 'bench', 'scripts', 'native', 'packages/actors/src', 'packages/bridge/src']
  const files = folders.flatMap((folder) =>
    readdirSync(root + folder, { recursive: true, encoding: 'utf8' })
      .filter((file) => /\.(ts|mjs|h|cc)$/.test(file) && !/^(test|build)\//.test(file))
      .map((file) => `${folder}/${file}`),
  )

  it('wraps comments at 120 columns', () => {
    const wide = files.flatMap((file) =>
      readFileSync(root + file, 'utf8')
        .split('\n')
        .filter((line) => line.length > 120 && /^\s*(\/\/|\/?\*)/.test(line))
        .map((line) => `${file}: ${line}`),
    )
    expect(wide).toEqual([])
  })

  it('has at most 400 lines, but for a reason', () => {
    expect(files.length).toBeGreaterThan(100)
    const long = files.filter((file) => readFileSync(root + file, 'utf8').split('\n').length > 401)
    expect(long.sort()).toEqual(Object.keys(reasons).sort())
  })
})

describe('native/', () => {
  const folders = ['protocol', 'posix', 'fleet', 'node', 'c']
  const mayInclude: Record<string, string[]> = {
    protocol: ['protocol'],
    posix: ['protocol', 'posix'],
    fleet: ['protocol', 'posix', 'fleet'],
    node: ['protocol', 'posix', 'fleet', 'node'],
    c: ['protocol', 'posix', 'fleet', 'c'],
  }
  const filesIn = (folder: string): string[] =>
    readdirSync(`${root}native/${folder}`).map((file) => `native/${folder}/${file}`)
  const includesOf = (file: string, kind: RegExp): string[] =>
    [...readFileSync(root + file, 'utf8').matchAll(kind)].map(([, name]) => name as string)

  it.each(folders)('%s/ includes only the floors below it', (folder) => {
    for (const file of filesIn(folder)) {
      const own = includesOf(file, /#include "(.*)"/g)
      expect(
        own.filter((name) => !mayInclude[folder]?.includes(name.replace(/\/.*/, ''))),
        file,
      ).toEqual([])
    }
  })

  it('includes the headers of Node only in node/', () => {
    const knowing = folders
      .flatMap(filesIn)
      .filter((file) => /node_api\.h|napi\.h/.test(readFileSync(root + file, 'utf8')))
    expect(knowing.filter((file) => !file.startsWith('native/node/'))).toEqual([])
    expect(knowing).toContain('native/node/addon.h')
  })

  it('has protocol headers that call no system', () => {
    const common = ['memory', 'stddef.h', 'stdint.h', 'string.h'] // memory: the cache's private index
    for (const file of filesIn('protocol')) {
      // The checks of test builds print and abort.
      const more = file.endsWith('/debug.h') ? ['stdio.h', 'stdlib.h'] : file.endsWith('/index.h') ? ['stdlib.h'] : []
      const allowed = [...common, ...more]
      const system = includesOf(file, /#include <(.*)>/g)
      expect(
        system.filter((header) => !allowed.includes(header)),
        file,
      ).toEqual([])
    }
  })
})
