import { checkInteger, checkOptions, outOfRange, wrongType } from '../../../shared/check.js'
import { Actor, type ActorClass, type ActorSettings } from './actor.js'

/** A registered class: its settings, checked, and its methods. */
export interface ActorType extends Required<Omit<ActorSettings, 'readonly' | 'migrate'>> {
  readonly migrate: ActorSettings['migrate']
  readonly name: string
  readonly Class: ActorClass
  /** What actors have beside entries. */
  readonly storage: 'sql' | undefined
  readonly readonly: ReadonlySet<string>
  /** The names that can be called. */
  readonly methods: ReadonlySet<string>
  /** Those of them that are generators. */
  readonly streams: ReadonlySet<string>
}

const keys = [
  'idleMs',
  'mailbox',
  'full',
  'readonly',
  'reentrant',
  'onError',
  'placement',
  'workers',
  'strategy',
  'version',
  'migrate',
]

/** Whether a method is declared with `*`. */
const isGenerator = (value: object): boolean => /GeneratorFunction]$/.test(Object.prototype.toString.call(value))

/** The public methods of a class: all but hooks, accessors and the members of Actor. */
function methodsOf(Class: ActorClass): { methods: Set<string>; streams: Set<string> } {
  const methods = new Set<string>()
  const streams = new Set<string>()
  for (let proto: object = Class.prototype; proto !== Actor.prototype; proto = Object.getPrototypeOf(proto)) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(proto))) {
      if (typeof value !== 'function' || methods.has(name) || name === 'constructor' || /^on[A-Z]/.test(name)) continue
      methods.add(name)
      if (isGenerator(value)) streams.add(name)
    }
  }
  return { methods, streams }
}

function checkStorage(name: string, storage: unknown, placement: string, reentrant: unknown): void {
  if (storage === undefined) return
  if (storage !== 'sql') throw outOfRange(`${name}.storage`, storage, '"sql", or absent')
  if (placement === 'fleet' && reentrant === false) return
  throw wrongType(`${name}.storage`, storage, "absent with placement: 'local' or 'process' and with reentrant: 'chain'")
}

/** Checks a class and its settings. Throws a TypeError or RangeError. */
export function actorType(name: string, Class: ActorClass): ActorType {
  if (typeof Class !== 'function' || !(Class.prototype instanceof Actor)) {
    throw wrongType(`actors.${name}`, Class, 'a class that extends Actor')
  }
  if ('then' in Class.prototype)
    throw wrongType(`${name}.then`, Class.prototype.then, 'named otherwise: promises call it')
  const settings: ActorSettings = Class.actor ?? {}
  checkOptions(`${name}.actor`, settings, keys)
  const { idleMs = 60_000, mailbox = 1000, readonly = [], reentrant = false } = settings
  const { strategy = 'one-for-one', version = 1, migrate } = settings
  const { full = 'wait', onError = 'keep', placement = 'fleet', workers = 1 } = settings
  checkInteger(`${name}.actor.idleMs`, idleMs, 1, 0x7fffffff)
  checkInteger(`${name}.actor.mailbox`, mailbox, 1, 65536)
  checkInteger(`${name}.actor.workers`, workers, 1, placement === 'process' ? 1024 : 1)
  checkInteger(`${name}.actor.version`, version, 1, 0x7fffffff)
  if (migrate !== undefined && typeof migrate !== 'function') {
    throw wrongType(`${name}.actor.migrate`, migrate, 'a function')
  }
  const choices: [string, unknown, readonly unknown[]][] = [
    ['full', full, ['wait', 'refuse', 'drop']],
    ['reentrant', reentrant, [false, 'chain']],
    ['onError', onError, ['keep', 'restart']],
    ['strategy', strategy, ['one-for-one', 'one-for-all', 'rest-for-one']],
    ['placement', placement, ['fleet', 'local', 'process']],
  ]
  for (const [setting, value, known] of choices) {
    if (known.includes(value)) continue
    throw outOfRange(`${name}.actor.${setting}`, value, known.map((each) => JSON.stringify(each)).join(' or '))
  }
  const { methods, streams } = methodsOf(Class)
  checkStorage(name, Class.storage, placement, reentrant)
  if (!Array.isArray(readonly) || !readonly.every((method) => methods.has(method))) {
    throw wrongType(`${name}.actor.readonly`, readonly, 'an array of names of methods of the class')
  }
  const limits = { idleMs, mailbox, full, reentrant, onError, placement, workers, strategy, version, migrate }
  return { name, Class, storage: Class.storage, ...limits, methods, streams, readonly: new Set(readonly) }
}
