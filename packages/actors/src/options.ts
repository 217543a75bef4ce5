import { Fleet, OrbitError } from 'orbit-node'
import { checkInteger, checkName, checkOptions, outOfRange, wrongType } from '../../shared/check.js'
import type { ActorClass, ActorLog } from './actor/actor.js'
import type { PlacementPolicy } from './host/balance.js'
import type { Store } from './store/store.js'

/** Classes of actors by the names under which they are called. */
export type ActorClasses = Readonly<Record<string, ActorClass>>

/** Options of a system, for processes that run actors and for those that only call them. */
export interface SystemOptions {
  /** A handle of the fleet. The system joins the fleet once more, with a handle of its own. */
  fleet: Fleet
  /** The name of the system, 1..48 bytes of UTF-8: systems of other names have other actors. Default 'default'. */
  name?: string
  /** The time limit of calls that have none of their own, in milliseconds, 1..2^31-1; default 30,000. */
  timeoutMs?: number
  /** Where actors and the system write to their log; default `console`. */
  log?: ActorLog
}

/** Options of a system that runs actors. */
export interface HostOptions<C extends ActorClasses> extends SystemOptions {
  /** The classes of actors, by the names under which they are called. */
  actors: C
  /** Whether this process runs actors; default true. */
  host?: true
  /**
   * What this process does about another one that holds partitions and has made no heartbeat for `stuckMs`, because it
   * is stopped or its event loop is blocked. 'wait': nothing; calls of its actors end at their deadlines. 'kill': it
   * sends SIGKILL, and other processes take over once the kernel says that it is dead. Default 'wait'.
   */
  onStuck?: 'wait' | 'kill'
  /** For how long, in milliseconds, 2000..2^31-1; default 30,000. */
  stuckMs?: number
  /**
   * Where actors keep `ctx.storage`, alarms and messages, the same in all processes: `sqlite(path)` of
   * orbit-actors/sqlite, or another store. Default none: actors have no storage.
   */
  store?: Store
  /** How long results are kept for repeated idempotency keys, in milliseconds, 1..2^53-1; default a day. */
  keepRepliesMs?: number
  /**
   * Which process gets which of the 16 partitions of the actors; the same in all processes. 'hash': an equal share for
   * each, and few moves when processes come and go. 'round-robin': an equal share in turn. 'least-connections': about
   * as many active actors for each, 'least-loaded': about as many calls a second, 'resources': about as much processor
   * time; with these three, at most one partition a second moves. Default 'hash'.
   */
  placement?: PlacementPolicy
  /**
   * The label of the processes that have a partition, 0..15, while there is one; undefined: any process. The same in
   * all processes. `partitionOf` tells the partition of an actor. Default: none is pinned.
   */
  pin?: (partition: number) => string | undefined
  /** The label of this process for `pin`, 1..64 bytes of UTF-8; default none. */
  label?: string
}

/** Options of a system that only calls actors. */
export interface CallerOptions extends SystemOptions {
  /** This process runs no actors. It needs no classes, only their types. */
  host: false
}

const optionKeys = [
  'fleet',
  'actors',
  'name',
  'timeoutMs',
  'log',
  'host',
  'onStuck',
  'stuckMs',
  'placement',
  'pin',
  'label',
  'store',
  'keepRepliesMs',
]

type HostingOptions = Omit<HostOptions<ActorClasses>, keyof SystemOptions | 'actors' | 'host'>
const policies: PlacementPolicy[] = ['hash', 'round-robin', 'least-connections', 'least-loaded', 'resources']

function checkHosting(options: HostingOptions): void {
  const { onStuck = 'wait', stuckMs = 30_000, placement = 'hash', pin, label } = options
  if (!policies.includes(placement)) {
    throw outOfRange('placement', placement, `one of ${policies.map((each) => JSON.stringify(each)).join(', ')}`)
  }
  const { store, keepRepliesMs = 86_400_000 } = options
  if (store !== undefined && typeof store?.open !== 'function') {
    throw wrongType('store', store, 'a store, such as sqlite(path) or memory()')
  }
  checkInteger('keepRepliesMs', keepRepliesMs, 1, Number.MAX_SAFE_INTEGER)
  if (pin !== undefined && typeof pin !== 'function') throw wrongType('pin', pin, 'a function')
  if (label !== undefined) checkName('label', label, 64)
  if (onStuck !== 'wait' && onStuck !== 'kill') throw outOfRange('onStuck', onStuck, "'wait' or 'kill'")
  checkInteger('stuckMs', stuckMs, 2000, 0x7fffffff)
}

/** Checks a log that was passed, before it is needed. Throws a TypeError. */
export function checkLog(log: unknown = console): asserts log is ActorLog | undefined {
  const isLog = (['debug', 'info', 'warn', 'error'] as const).every(
    (level) => typeof (log as Partial<ActorLog> | null)?.[level] === 'function',
  )
  if (!isLog) throw wrongType('log', log, 'an object with debug, info, warn and error, such as console')
}

/** Checks the options of a system. Throws a TypeError or RangeError. */
export function checkSystem(options: HostOptions<ActorClasses> | CallerOptions): void {
  checkOptions('options', options, optionKeys)
  const { fleet, name = 'default', timeoutMs = 30_000, host = true } = options
  if (!(fleet instanceof Fleet)) throw wrongType('fleet', fleet, 'a Fleet')
  if (fleet.closed) throw new OrbitError('ERR_ORBIT_CLOSED', `the handle of the fleet ${fleet.name} was closed`)
  checkName('name', name, 48)
  checkLog(options.log)
  checkInteger('timeoutMs', timeoutMs, 1, 0x7fffffff)
  if (typeof host !== 'boolean') throw wrongType('host', host, 'a boolean')
  checkHosting(options as HostingOptions)
  const classes = 'actors' in options ? options.actors : undefined
  if (host && (typeof classes !== 'object' || classes === null)) {
    throw wrongType('actors', classes, 'an object of classes that extend Actor')
  }
  for (const type of Object.keys(classes ?? {})) {
    checkName('the name of a class', type, 128)
    if (type.includes('/')) throw outOfRange('the name of a class', type, 'a name without "/"')
  }
}
