// How tests read the documents: their blocks of code and their links.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { root } from './system.js'

export const read = (file: string): string => readFileSync(join(root, file), 'utf8')

/** Every Markdown file of the project except the generated reference, by its path from the root. */
export const documents = [
  ...readdirSync(root).filter((file) => file.endsWith('.md')),
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md') && !file.startsWith('api/'))
    .map((file) => `docs/${file}`),
  ...readdirSync(join(root, 'packages'))
    .filter((name) => existsSync(join(root, 'packages', name, 'package.json'))) // not what they share
    .map((name) => `packages/${name}/README.md`),
]

export interface Block {
  /** The file and line of the block. */
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

/** The output that a block promises: its lines that are only a comment. */
export const promisesOf = ({ text }: Block): string[] =>
  [...text.matchAll(/^\/\/ (.*)$/gm)].map(([, promised]) => promised as string)

const withoutCode = (text: string): string => text.replace(/^```[\s\S]*?^```$/gm, '').replace(/`[^`\n]*`/g, '')

/** The address of the pushed documents. README links there, since registries show it without the other files. */
const repository = 'https://github.com/orbit-node/orbit-node/blob/main/'

interface Link {
  /** As it is written. */
  readonly link: string
  /** The file that it leads to, from the root of the project. */
  readonly target: string
  /** The heading that it leads to, or ''. */
  readonly anchor: string
}

/** The links and pictures of a document that lead into the project, whether relative or absolute. */
export function linksOf(file: string): Link[] {
  const found = withoutCode(read(file)).matchAll(/\]\(([^)\s]+)\)|^\[[^\]]+\]: (\S+)$|(?:src|srcset|href)="([^"]+)"/gm)
  return [...found].flatMap(([, inline, reference, attribute]) => {
    const link = (inline ?? reference ?? attribute) as string
    const [path = '', anchor = ''] = link.replace(repository, '').replace('?raw=true', '').split('#')
    if (link.startsWith(repository)) return { link, target: path, anchor }
    if (/^[a-z]+:/.test(link)) return []
    return { link, target: path === '' ? file : normalize(join(dirname(file), path)), anchor }
  })
}

/** The references of a document, as in `[text][name]`, and the names that it defines. */
export function referencesOf(file: string): { used: string[]; defined: string[] } {
  const text = withoutCode(read(file))
  const names = (pattern: RegExp) => [...new Set([...text.matchAll(pattern)].map(([, name]) => name as string))].sort()
  return { used: names(/\]\[([^\]]+)\]/g), defined: names(/^\[([^\]]+)\]: \S+$/gm) }
}

/** The anchors of a document's headings, as GitHub generates them. */
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
