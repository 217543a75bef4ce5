import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  anchorsOf,
  type Block,
  blocksOf,
  documents,
  linksOf,
  promisesOf,
  read,
  referencesOf,
} from '../help/documents.js'
import { fleetName } from '../help/fleets.js'
import { cliPath, showcase } from '../help/orbit.js'
import { isLinux, root } from '../help/system.js'
import { Terminal, terminalOrSkip } from '../help/terminal.js'

const recipes = documents.filter((file) => file.startsWith('docs/recipes/'))
const blocks = documents.filter((file) => !recipes.includes(file)).flatMap(blocksOf)
const named = (...languages: string[]) =>
  blocks.filter(({ language }) => languages.includes(language)).map((block) => [block.name, block] as const)

/** A folder with these files inside the package, so that they import this package as 'orbit-node'. */
function folderWith(files: Record<string, string>): string {
  const folder = mkdtempSync(join(root, 'test', 'tmp-documents-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  return folder
}

/** The code with unique fleet names, and a function that restores the names of the document in an output. */
function withOwnFleets(code: string): { code: string; renamed: (output: string) => string } {
  const names = new Map<string, string>()
  const own = code.replace(/(?<=\.(?:joinShm|observe|remove)\(')[\w.-]+/g, (name) => {
    if (!names.has(name)) names.set(name, fleetName('doc'))
    return names.get(name) as string
  })
  const renamed = (output: string) => [...names].reduce((text, [name, unique]) => text.replaceAll(unique, name), output)
  return { code: own, renamed }
}

describe('examples', () => {
  it('appear in README and in most pages of the guide', () => {
    const files = new Set(blocks.map(({ name }) => name.split(':')[0]))
    expect(files).toContain('README.md')
    expect(files.size).toBeGreaterThan(7)
  })

  it('have a language that runs here, or are marked as text', () => {
    expect(blocks.filter(({ language }) => !['ts', 'js', 'console', 'text'].includes(language))).toEqual([])
  })

  it.each(named('ts', 'js'))('run, and print their comment lines in this order: %s', (_, block) => {
    const { code, renamed } = withOwnFleets(block.text)
    const isTypeScript = block.language === 'ts'
    const folder = folderWith({ 'example.mts': code, 'example.mjs': code })
    const [command, file] = isTypeScript
      ? [join(root, 'node_modules/.bin/tsx'), 'example.mts']
      : [process.execPath, 'example.mjs']
    const { status, stdout, stderr } = spawnSync(command, [join(folder, file)], { encoding: 'utf8' })
    expect(stderr).toBe('')
    expect(status).toBe(0)
    let rest = renamed(stdout)
    if (block.text.includes('console.log')) expect(promisesOf(block)).not.toEqual([])
    for (const promised of promisesOf(block)) {
      expect(rest).toContain(promised)
      rest = rest.slice(rest.indexOf(promised) + promised.length)
    }
  })

  it('have no type errors in TypeScript against the built package', () => {
    const examples = named('ts').map(([, { text }], i) => [`example${i}.mts`, text] as const)
    const options = { strict: true, target: 'es2022', module: 'nodenext', skipLibCheck: true, noEmit: true }
    const compilerOptions = { ...options, lib: ['es2023', 'esnext.disposable'], types: ['node'] }
    const folder = folderWith({
      ...Object.fromEntries(examples),
      'tsconfig.json': JSON.stringify({ compilerOptions, include: ['*.mts'] }),
    })
    const { stdout } = spawnSync(join(root, 'node_modules/.bin/tsc'), ['-p', folder], { encoding: 'utf8' })
    expect(stdout).toBe('')
  })
})

// ---- the orbit command ----------------------------------------------------------------------------------------------

/** The command lines of a block, each with the output that the block shows. */
const commandsOf = ({ text }: Block): { line: string; shown: string[] }[] =>
  text
    .split(/^\$ /m)
    .slice(1)
    .map((part) => {
      const [line = '', ...shown] = part.trimEnd().split('\n')
      return { line, shown }
    })

/** The parts of an output that do not vary: the headings of tables, and the beginnings of lines with a frame. */
function shapesOf(lines: readonly string[]): string[] {
  return lines.flatMap((line) => {
    if (/^ ?[A-Z][A-Z ]+$/.test(line)) return line.trim().split(/ +/).join(' ')
    const frame = /^([\d:.]* ?)#\d+ node \d+ {2}/.exec(line)
    return frame === null ? [] : frame[0].replace(/\d+/g, '0')
  })
}

/** A command line of a document, with the built command, and with the fleet `name` instead of "web". */
const onOurs = (line: string, name: string): string =>
  line.replace(/\bweb\b/, name).replace(/^orbit /, `'${process.execPath}' '${cliPath}' `)

/** The output of a command line, which has to succeed. */
async function outputOf(line: string, name: string): Promise<string> {
  const child = spawn('bash', ['-c', onOurs(line, name)], { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  const code = await new Promise((resolve) => child.once('close', resolve))
  expect(code, output).toBe(0)
  return output
}

describe.runIf(isLinux)('the orbit command', () => {
  const shown = named('console').flatMap(([name, block]) =>
    commandsOf(block).map(({ line, shown }) => [line, name, shown] as const),
  )

  it('is the only command in console blocks', () => {
    expect(shown.length).toBeGreaterThan(5)
    expect(shown.filter(([line]) => !line.startsWith('orbit '))).toEqual([])
  })

  it.each(shown.filter(([line]) => !line.includes(' top ')))(
    'prints the headings of the document: %s (%s)',
    async (line, _, lines) => {
      const name = fleetName('doc')
      await showcase(name, { hasMore: true })
      const shapes = shapesOf((await outputOf(line, name)).split('\n'))
      for (const shape of shapesOf(lines)) expect(shapes).toContain(shape)
    },
  )

  it.for(shown.filter(([line]) => line.includes(' top ')))(
    'shows the headings of the document on a terminal: %s (%s)',
    async ([line, , lines], context) => {
      terminalOrSkip(context)
      const name = fleetName('doc')
      await showcase(name, { hasMore: true })
      const terminal = new Terminal(onOurs(line, name))
      const screen = (await terminal.shows(/ q quit/)).split('\n')
      for (const shape of shapesOf(lines)) expect(shapesOf(screen.map((text) => text.trimEnd()))).toContain(shape)
      terminal.press('q')
    },
  )
})

// ---- names in documents ---------------------------------------------------------------------------------------------

describe('documents', () => {
  const isThere = (path: string) => existsSync(join(root, path))

  it.each(documents)('link only to files and headings that exist: %s', (file) => {
    const dead = linksOf(file).filter(
      ({ target, anchor }) => !isThere(target) || (anchor !== '' && !anchorsOf(target).includes(anchor)),
    )
    expect(dead).toEqual([])
  })

  it.each(documents)('define and use the same references: %s', (file) => {
    const { used, defined } = referencesOf(file)
    expect(used).toEqual(defined)
  })

  it('have only absolute links in README, which registries show without the repository', () => {
    const links = linksOf('README.md')
    expect(links.length).toBeGreaterThan(10)
    expect(links.filter(({ link }) => !link.startsWith('https://'))).toEqual([])
  })

  it.each(documents)('name only files that exist: %s', (file) => {
    const paths = read(file).match(/(?<![\w./-])(?:src|test|native|scripts|bench|docs)\/[\w./-]*\.[a-z]+\b/g) ?? []
    const examples = /\/x\.[a-z.]+$/ // x: the name of a new file
    expect(paths.filter((path) => !isThere(path) && !examples.test(path))).toEqual([])
  })

  it.each(documents)('name only scripts that exist: %s', (file) => {
    const { scripts } = JSON.parse(read('package.json'))
    const run = [...read(file).matchAll(/\bnpm run ([\w:-]+)/g)].map(([, script]) => script as string)
    expect(run.filter((script) => !Object.hasOwn(scripts, script))).toEqual([])
  })

  it('name only native tests that exist, in the guarantees of README', () => {
    const tests = [...read('README.md').matchAll(/`((?:\w+_test|fuzz_\w+))`/g)].map(([, name]) => name as string)
    expect(tests.length).toBeGreaterThan(5)
    expect(tests.filter((name) => !existsSync(join(root, `native/test/${name}.cc`)))).toEqual([])
  })

  it('have a test for each recipe', () => {
    expect(recipes.length).toBeGreaterThan(5)
    const tests = readdirSync(join(root, 'test/recipes'))
    const testOf = (file: string) => `${file.slice('docs/recipes/'.length, -'.md'.length)}.test.ts`
    expect(recipes.filter((file) => !tests.includes(testOf(file)))).toEqual([])
  })
})

// ---- how the text is written ----------------------------------------------------------------------------------------

interface WordCount {
  readonly words: number
  readonly found: number
  readonly perThousand: number
  readonly files: { file: string; words: number; found: { word: string; line: number }[] }[]
}

function wordCounts(): { documents: WordCount; sources: WordCount } {
  const { stdout } = spawnSync(process.execPath, [join(root, 'scripts/words.mjs'), '--json'], { encoding: 'utf8' })
  return JSON.parse(stdout)
}

/** The lines wider than 120 columns, except code, tables, pictures and generated text. */
function wideLines(file: string): string[] {
  let isCode = false
  const generated = /<!-- (.*): made by [\s\S]*?<!-- end of \1 -->/g
  return read(file)
    .replace(generated, (text) => text.replace(/[^\n]/g, ''))
    .split('\n')
    .flatMap((line, i) => {
      if (/^\s*```/.test(line)) isCode = !isCode
      const isProse = !isCode && !/^(\||!\[| {4})/.test(line)
      return isProse && line.length > 120 ? [`${file}:${i + 1}`] : []
    })
}

describe('the prose', () => {
  it.each(['documents', 'sources'] as const)('has at most 0.25 avoided words per 1,000 in %s', (kind) => {
    const { words, perThousand, files } = wordCounts()[kind]
    expect(words).toBeGreaterThan(10_000)
    const found = files.flatMap(({ file, found }) => found.map(({ word, line }) => `${file}:${line} ${word}`))
    expect(perThousand, found.join('\n')).toBeLessThanOrEqual(0.25)
  })

  it('wraps at 120 columns in documents', () => {
    expect(documents.flatMap(wideLines)).toEqual([])
  })
})
