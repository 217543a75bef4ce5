// Counts the words that this project avoids (CONTRIBUTING.md, "Words"), in its documents and in its sources.
//   node scripts/words.mjs [--json]
// In a document everything counts but inline code; in a source, comments and the strings that have a space.
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const read = (file) => readFileSync(join(root, file), 'utf8')

const avoided =
  /\b(whoever|whatever|somebody|nobody|everybody|anybody|whom|whose|meanwhile|hence|who has|told of|shall)\b/gi

const comment = /\/\/.*|\/\*[\s\S]*?\*\//.source
const stringOf = (quote, inside) => `${quote}(?:\\\\.|[^${quote}\\\\${inside}])*${quote}`
const strings = [stringOf("'", '\\n'), stringOf('"', '\\n'), stringOf('`', '')]
const prose = {
  sh: /#.*/g,
  other: new RegExp([comment, ...strings].join('|'), 'g'),
}

const blank = (text) => text.replace(/[^\n]/g, ' ')

/** The text without inline code. Lines stay where they are. */
const documentText = (file) => read(file).replace(/(?<!`)`[^`\n]+`(?!`)/g, blank)

/** The comments and the strings with a space. Lines stay where they are. */
function sourceText(file) {
  const text = read(file)
  let said = ''
  let end = 0
  for (const [part, index] of partsOf(text, file.endsWith('.sh') ? prose.sh : prose.other)) {
    said += blank(text.slice(end, index)) + part
    end = index + part.length
  }
  return said + blank(text.slice(end))
}

const partsOf = (text, pattern) =>
  [...text.matchAll(pattern)].flatMap(({ 0: part, index }) => (part.includes(' ') ? [[part, index]] : []))

function filesIn(folders, name) {
  return folders
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: folder !== '.', encoding: 'utf8' }).map((file) =>
        join(folder, file),
      ),
    )
    .filter((file) => name.test(file) && !/^(docs\/api|native\/build)\/|node_modules\//.test(file))
    .sort()
}

function countIn(file, text) {
  const found = [...text.matchAll(avoided)].map(({ 0: word, index }) => ({
    word: word.toLowerCase(),
    line: text.slice(0, index).split('\n').length,
  }))
  return { file, words: text.match(/[A-Za-z][A-Za-z'’-]*/g)?.length ?? 0, found }
}

function totalOf(files) {
  const words = files.reduce((sum, file) => sum + file.words, 0)
  const found = files.reduce((sum, file) => sum + file.found.length, 0)
  return { words, found, perThousand: (found * 1000) / words, files }
}

const documents = filesIn(['.', 'docs'], /\.md$/)
const sources = filesIn(['src', 'native', 'bench', 'scripts', 'test'], /\.(ts|mjs|cjs|h|cc|pml|sh)$/)
const counts = {
  documents: totalOf(documents.map((file) => countIn(file, documentText(file)))),
  sources: totalOf(
    sources.filter((file) => file !== 'scripts/words.mjs').map((file) => countIn(file, sourceText(file))),
  ),
}

if (process.argv.includes('--json')) {
  console.log(JSON.stringify(counts))
} else {
  for (const [kind, { words, found, perThousand, files }] of Object.entries(counts)) {
    for (const { file, found } of files) {
      if (found.length > 0) console.log(`${file}: ${found.map(({ word, line }) => `${word} (${line})`).join(', ')}`)
    }
    console.log(`${kind}: ${found} in ${words} words, ${perThousand.toFixed(2)} per 1,000\n`)
  }
}
