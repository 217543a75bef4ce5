// The documents as tests read them: blocks of code, and links.
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { root } from './processes.js'

export const read = (file: string): string => readFileSync(join(root, file), 'utf8')

/** Every Markdown file that people have written here, from the root of the project. */
export const documents = [
  ...readdirSync(root).filter((file) => file.endsWith('.md')),
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md') && !file.startsWith('api/'))
    .map((file) => `docs/${file}`),
]

export interface Block {
  /** Where it stands, for people. */
  readonly name: string
  readonly language: string
  readonly text: string
}

/** The fenced blocks of a document. */
export function blocksOf(file: string): Block[] {
  const text = read(file)
  return [...text.matchAll(/^```(.*)\n([\s\S]*?)^```$/gm)].map((match) => ({
    name: `${file}:${text.slice(0, match.index).split('\n').length}`,
    language: match[1] as string,
    text: match[2] as string,
  }))
}

/** What a block says that it prints: its lines that are nothing but a comment. */
export const promisesOf = ({ text }: Block): string[] =>
  [...text.matchAll(/^\/\/ (.*)$/gm)].map(([, promised]) => promised as string)

const withoutCode = (text: string): string => text.replace(/^```[\s\S]*?^```$/gm, '').replace(/`[^`\n]*`/g, '')

/** The links and pictures of a document that lead into the project: where to, and to which heading. */
export function linksOf(file: string): { target: string; anchor: string }[] {
  const found = withoutCode(read(file)).matchAll(/\]\(([^)\s]+)\)|(?:src|srcset|href)="([^"]+)"/g)
  return [...found]
    .map(([, link, attribute]) => (link ?? attribute) as string)
    .filter((link) => !/^[a-z]+:/.test(link))
    .map((link) => {
      const [path = '', anchor = ''] = link.split('#')
      return { target: path === '' ? file : normalize(join(dirname(file), path)), anchor }
    })
}

/** The anchors that GitHub makes of the headings of a document. */
export const anchorsOf = (file: string): string[] =>
  [
    ...read(file)
      .replace(/^```[\s\S]*?^```$/gm, '')
      .matchAll(/^#+ (.*)$/gm),
  ].map(([, heading]) =>
    (heading as string)
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
