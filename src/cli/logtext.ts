import type { LogLine } from './logreader.js'
import type { Output } from './output.js'
import { clockText, printable } from './text.js'

/** Levels as pino numbers them. Other loggers' names for them are accepted in lines. */
const levels = { trace: 10, debug: 20, info: 30, warn: 40, error: 50, fatal: 60 } as const

export type LevelName = keyof typeof levels
export const levelNames = Object.keys(levels) as LevelName[]
export const levelOf = (name: LevelName): number => levels[name]

const otherNames: Record<string, LevelName> = {
  silly: 'trace',
  verbose: 'debug',
  http: 'debug',
  notice: 'info',
  warning: 'warn',
  err: 'error',
  crit: 'fatal',
  critical: 'fatal',
  alert: 'fatal',
  emerg: 'fatal',
}

/** How much of a line is searched for its level. */
const levelChars = 300

/** The level of a line as a number, by the writer or by its JSON; 0: it has none. */
export function levelIn({ level, text }: LogLine): number {
  if (level > 0) return level
  const [, number, word = ''] = /"level"\s*:\s*(?:(\d{1,3})\b|"(\w+)")/.exec(text.slice(0, levelChars)) ?? []
  if (number !== undefined) return Number(number)
  const name = word.toLowerCase()
  const known = Object.hasOwn(otherNames, name) ? (otherNames[name] as LevelName) : name
  return Object.hasOwn(levels, known) ? levels[known as LevelName] : 0
}

/** The name of a level, or of the next lower one that has a name. */
const nameOf = (level: number): string => levelNames.findLast((name) => levels[name] <= level) ?? ''

const styles = { 40: 'yellow', 50: 'red', 60: 'red' } as const

/** The keys of a JSON line that the other columns show, or that are the same in all lines of a process. */
const shownKeys = ['level', 'time', 'timestamp', 'pid', 'hostname', 'msg', 'message']

/** The message of a JSON line, with its other keys; any other line as it is. */
function messageOf(text: string): string {
  if (!text.startsWith('{')) return text
  try {
    const fields = JSON.parse(text) as Record<string, unknown>
    const message = fields['msg'] ?? fields['message']
    if (typeof message !== 'string') return text
    const rest = Object.entries(fields).filter(([key]) => !shownKeys.includes(key))
    return rest.length === 0 ? message : `${message}  ${JSON.stringify(Object.fromEntries(rest))}`
  } catch {
    return text // it was cut, or is no JSON
  }
}

export function logText(output: Output, line: LogLine, isDead: boolean): string {
  const level = levelIn(line)
  const place = output.paint('dim', `${clockText(line.timeMs)} node ${line.node} pid ${line.pid}`)
  const state = isDead ? ` ${output.paint('red', 'dead')}` : ''
  const name = nameOf(level).toUpperCase().padEnd(5)
  const style = styles[Math.min(60, Math.floor(level / 10) * 10) as keyof typeof styles]
  return `${place}${state}  ${style === undefined ? name : output.paint(style, name)}  ${printable(messageOf(line.text))}`
}

export const logJson = (line: LogLine, isDead: boolean) => ({
  item: 'line',
  ...line,
  level: levelIn(line) || null,
  alive: !isDead,
})
