import type { Command, Option } from './command.js'

const exitCodes = [
  [0, 'done'],
  [1, 'failed; doctor: there is a problem'],
  [2, 'wrong usage'],
  [3, 'no such fleet, ring or key'],
  [4, 'another layout version, or another type'],
  [5, 'no permission'],
] as const

/** The options of every command. */
export const commonOptions: Readonly<Record<string, Option>> = {
  json: { type: 'boolean', about: 'print JSON: one document, or a line for each item where the output does not end' },
  help: { type: 'boolean', about: 'print this help' },
}

const exits = () => exitCodes.map(([code, meaning]) => `    ${code}  ${meaning}`)

const helpColumns = 80
const indent = '    '

/** Breaks a text into lines. `first` begins the first line, and the other lines are indented as far. */
function wrapped(text: string, first: string): string[] {
  const lines: string[] = []
  let line = first
  let isEmpty = true
  for (const word of text.split(' ')) {
    if (!isEmpty && line.length + 1 + word.length > helpColumns) {
      lines.push(line)
      line = ' '.repeat(first.length)
      isEmpty = true
    }
    line += isEmpty ? word : ` ${word}`
    isEmpty = false
  }
  return [...lines, line]
}

/** Breaks paragraphs, between which there is an empty string, into lines. */
const paragraphs = (texts: readonly string[]): string[] =>
  texts
    .join(' ')
    .split(/ {2,}/)
    .flatMap((text, i) => [...(i > 0 ? [''] : []), ...wrapped(text, indent)])

export function overview(commands: readonly Command[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length))
  const writes = commands.flatMap(({ writes = [] }) => writes)
  return [
    'NAME',
    '    orbit - inspect fleets: live, dead and damaged ones',
    '',
    'SYNOPSIS',
    '    orbit COMMAND [FLEET] [...] [--json]',
    '    orbit COMMAND --help',
    '    orbit --version',
    '',
    'COMMANDS',
    ...commands.map(({ name, summary }) => `    ${name.padEnd(width)}  ${summary}`),
    '',
    ...wrapped(`Only these change anything: ${writes.join(', ')}. All others map shared memory read-only.`, indent),
    '',
    'EXAMPLES',
    ...commands.map(({ examples }) => `    ${examples[0]?.line}`),
    '',
    'EXIT CODES',
    ...exits(),
    '',
  ].join('\n')
}

export function commandHelp(command: Command): string {
  const options = Object.entries({ ...command.options, ...commonOptions })
  const names = options.map(([name, { value }]) => `--${name}${value ? ` ${value}` : ''}`)
  const width = Math.max(...names.map((text) => text.length))
  return [
    'NAME',
    `    orbit ${command.name} - ${command.summary}`,
    '',
    'SYNOPSIS',
    `    ${['orbit', command.name, ...command.operands, '[OPTION]...'].join(' ')}`,
    '',
    'DESCRIPTION',
    ...paragraphs(command.about),
    '',
    'OPTIONS',
    ...options.flatMap(([, { about }], i) => wrapped(about, `${indent}${names[i]?.padEnd(width)}  `)),
    '',
    'EXAMPLES',
    ...command.examples.flatMap(({ line, about }) => [`    ${line}`, ...wrapped(about, '        ')]),
    '',
    'EXIT CODES',
    ...exits(),
    '',
  ].join('\n')
}
