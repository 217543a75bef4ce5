import type { Command, Option } from './command.js'

const exitCodes = [
  [0, 'done'],
  [1, 'failed; doctor: there is a problem'],
  [2, 'usage'],
  [3, 'no such fleet, ring or key'],
  [4, 'another layout or type'],
  [5, 'permission'],
] as const

/** Of every command. */
export const commonOptions: Readonly<Record<string, Option>> = {
  json: { type: 'boolean', about: 'JSON: one document, or a line per item where the output has no end' },
  help: { type: 'boolean', about: 'this' },
}

const exits = () => exitCodes.map(([code, meaning]) => `    ${code}  ${meaning}`)

const helpColumns = 100

/** Paragraphs, which an empty line parts, broken into lines. */
function paragraphs(lines: readonly string[], indent: string): string[] {
  return lines
    .join(' ')
    .split(/ {2,}/)
    .flatMap((paragraph, i) => {
      const broken = [...(i > 0 ? [''] : [])]
      let line = indent
      for (const word of paragraph.split(' ')) {
        if (line !== indent && line.length + 1 + word.length > helpColumns) {
          broken.push(line)
          line = indent
        }
        line += line === indent ? word : ` ${word}`
      }
      return [...broken, line]
    })
}

export function overview(commands: readonly Command[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length))
  return [
    'NAME',
    '    orbit - looks into fleets: live, dead and damaged ones',
    '',
    'SYNOPSIS',
    '    orbit COMMAND [FLEET] [...] [--json]',
    '    orbit COMMAND --help',
    '    orbit --version',
    '',
    'COMMANDS',
    ...commands.map(({ name, summary }) => `    ${name.padEnd(width)}  ${summary}`),
    '',
    '    Only rm and gc change anything; all the others map shared memory read-only.',
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
  const shown = options.map(([name, { value, about }]) => [`--${name}${value ? ` ${value}` : ''}`, about] as const)
  const width = Math.max(...shown.map(([text]) => text.length))
  return [
    'NAME',
    `    orbit ${command.name} - ${command.summary}`,
    '',
    'SYNOPSIS',
    `    ${['orbit', command.name, ...command.operands, '[OPTION]...'].join(' ')}`,
    '',
    'DESCRIPTION',
    ...paragraphs(command.about, '    '),
    '',
    'OPTIONS',
    ...shown.map(([text, about]) => `    ${text.padEnd(width)}  ${about}`),
    '',
    'EXAMPLES',
    ...command.examples.flatMap(({ line, about }) => [`    ${line}`, `        ${about}`]),
    '',
    'EXIT CODES',
    ...exits(),
    '',
  ].join('\n')
}
