// The code of a recipe as its readers would use it: the blocks of docs/recipes/*.md become files in a folder inside
// this package, where 'orbit-node' is this package (dist).
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { fleetName } from '../help/fleets.js'
import { root } from '../help/system.js'

const recipesFolder = join(root, 'docs/recipes')

export const recipeNames = (): string[] =>
  readdirSync(recipesFolder).flatMap((file) => (file.endsWith('.md') ? [file.slice(0, -3)] : []))

/** The blocks of docs/recipes/`name`.md by the file name in their first line (`// worker.ts`). */
export function recipeFiles(name: string): Record<string, string> {
  const markdown = readFileSync(join(recipesFolder, `${name}.md`), 'utf8')
  const files: Record<string, string> = {}
  for (const [, code = ''] of markdown.matchAll(/^```[jt]s\n(.*?)^```$/gms)) {
    const file = /^\/\/ (\S+\.[cm]?[jt]s)\n/.exec(code)?.[1]
    if (file === undefined) throw new Error(`${name}.md: a block does not begin with the name of its file:\n${code}`)
    files[file] = code
  }
  return files
}

/** A folder with these files, which is removed after the test. */
export function folderOf(files: Record<string, string>): string {
  const folder = mkdtempSync(join(root, 'test/tmp-recipe-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  for (const [file, code] of Object.entries(files)) writeFileSync(join(folder, file), code)
  return folder
}

/** A folder with the files of a recipe and of a test. The fleet 'web' gets a unique name in all of them. */
export function unpack(name: string, files: Record<string, string> = {}): string {
  const fleet = fleetName(`recipe-${name}`)
  const all = Object.entries({ ...recipeFiles(name), ...files })
  return folderOf(Object.fromEntries(all.map(([file, code]) => [file, code.replaceAll("'web'", `'${fleet}'`)])))
}
