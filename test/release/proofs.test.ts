// docs/guide/proofs.md names files, scenes, models and promises. All of them exist.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { read } from '../help/documents.js'
import { root } from '../help/system.js'

const page = read('docs/guide/proofs.md')

/** The rows of the tables whose first column is a promise, as texts of their cells. */
const promises = page
  .split('\n')
  .filter((line) => /^\| [^-]/.test(line) && line.split(/(?<!\\)\|/).length === 7 && !line.startsWith('| promise '))
  .map((line) => line.split(/(?<!\\)\|/).map((cell) => cell.trim()))

const namesIn = (cell = ''): string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name as string)

const listed = ['scenes', 'long', 'storms'].flatMap((file) =>
  readFileSync(join(root, `native/sim/${file}.txt`), 'utf8')
    .split('\n')
    .filter((line) => /^[a-z]/.test(line))
    .map((line) => line.split(/\s/)[0]),
)

const missing = (names: string[], exists: (name: string) => boolean) => names.filter((name) => !exists(name))

describe('docs/guide/proofs.md', () => {
  it('has a proof for each promise', () => {
    expect(promises.length).toBeGreaterThan(20)
    expect(promises.filter((cells) => namesIn(cells.slice(2).join()).length === 0)).toEqual([])
  })

  it('names only models, scenes, native tests and files that exist', () => {
    const column = (index: number) => promises.flatMap((cells) => namesIn(cells[index]))
    expect(missing(column(2), (name) => existsSync(join(root, 'native/model', name)))).toEqual([])
    expect(missing(column(3), (name) => listed.includes(name))).toEqual([])
    expect(missing(column(4), (name) => existsSync(join(root, `native/test/${name}.cc`)))).toEqual([])
    expect(missing(column(5), (name) => existsSync(join(root, name)))).toEqual([])
    const paths = [...page.matchAll(/`((?:native|test|packages|scripts|docs)\/[\w./-]+)`/g)].map(([, path]) => path)
    expect(paths.length).toBeGreaterThan(20)
    expect(missing(paths as string[], (path) => existsSync(join(root, path)))).toEqual([])
  })

  it('uses each model', () => {
    const models = readdirSync(join(root, 'native/model')).filter((file) => file.endsWith('.pml'))
    expect(missing(models, (model) => page.includes(`\`${model}\``))).toEqual([])
  })

  it('has each promise of README', () => {
    const [, guarantees = ''] = read('README.md').split('## Guarantees\n')
    const rows = guarantees.slice(0, guarantees.indexOf('\n## ')).split('\n')
    const promised = rows
      .filter((line) => /^\| [^-]/.test(line) && !line.startsWith('| promise'))
      .map((line) => line.split(' | ')[0]?.slice(2) ?? '')
    expect(promised.length).toBeGreaterThan(10)
    expect(missing(promised, (promise) => promises.some((cells) => cells[1] === promise))).toEqual([])
  })
})
