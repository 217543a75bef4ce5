import { hostname } from 'node:os'
import type { ConnectionOptions } from '@nats-io/transport-node'
import { checkInteger, checkName, checkOptions, outOfRange, wrongType } from '../../shared/check.js'

/** Which events go to the other hosts, and how. */
export interface EventRoute {
  /**
   * Patterns of topics, as `subscribe` of an OrbitEventBus has them: levels separated by dots, `*` for one level, `>`
   * at the end for one or more.
   */
  topics: readonly string[]
  /**
   * 'live' (default): what a host misses is lost, and counted on both sides. 'stored': the server keeps the events, and
   * a host that was away gets them, each once.
   */
  delivery?: 'live' | 'stored'
  /** The name of the bus, 1..32 bytes, as in `new OrbitEventBus(fleet, { name })`; default: the one without a name. */
  bus?: string
}

/**
 * How long the server keeps events of 'stored' routes and changes of caches. The host that makes a log first decides.
 * To change it later, use `nats stream edit`.
 */
export interface RetainOptions {
  /** Milliseconds, 1000..2^40; default an hour. */
  maxAgeMs?: number
  /** Bytes on disk of each log, 2^16..2^40; default 256 MiB. */
  maxBytes?: number
}

/** Options of `bridge`. Pass the same in every process of a host, and the same but `host` on every host. */
export interface BridgeOptions {
  /** The addresses of NATS servers, as `connect` of @nats-io/transport-node takes them: '10.0.0.5:4222'. */
  servers: string | readonly string[]
  /** The name of this host, unique in its cluster: 1..64 letters, digits, '.', '_' and '-'. Default: os.hostname(). */
  host?: string
  /** Hosts of one name are connected with each other only: 1..32 letters, digits, '_' and '-'. Default 'default'. */
  cluster?: string
  /** Which events go to the other hosts; at most one route for each bus and delivery. Default: none. */
  events?: readonly EventRoute[]
  /** How long the server keeps what it stores. */
  retain?: RetainOptions
  /**
   * How long an entry of `bridge.cache` or `bridge.store` may be served after another host has changed it, in
   * milliseconds, 100..2^31-1; default 5000. The page "More than one host" has the exact rule.
   */
  staleMs?: number
  /** Whether this process may hold the connection for its host; default true. */
  offer?: boolean
  /** How many NATS servers of a cluster store logs and leases, 1..5; default 1. */
  replicas?: number
  /** Options of the NATS client: TLS, credentials, NKEYs, and more. */
  nats?: Omit<ConnectionOptions, 'servers'>
}

/** A route, checked. */
export interface Route {
  /** Names it on all hosts. */
  readonly name: string
  readonly topics: readonly string[]
  readonly isStored: boolean
  readonly bus: string | undefined
}

/** Options, checked, with their defaults. */
export interface Spec {
  readonly host: string
  readonly cluster: string
  readonly routes: readonly Route[]
  readonly limits: { readonly maxAgeMs: number; readonly maxBytes: number }
  readonly staleMs: number
  readonly offers: boolean
  readonly replicas: number
  readonly connection: ConnectionOptions
}

/** Whether a host can have this name. */
export const isHostName = (name: string): boolean => /^[\w.-]{1,64}$/.test(name)

const keys = ['servers', 'host', 'cluster', 'events', 'retain', 'staleMs', 'offer', 'replicas', 'nats']

/** Throws a TypeError or RangeError for wrong options. */
export function specOf(options: BridgeOptions): Spec {
  checkOptions('options', options, keys)
  const { servers, host = hostname(), cluster = 'default', events = [], retain = {}, nats = {} } = options
  const { staleMs = 5000, offer = true, replicas = 1 } = options
  checkServers(servers)
  checkToken('host', host, isHostName, "1..64 letters, digits, '.', '_' and '-'")
  checkToken('cluster', cluster, (name) => /^[\w-]{1,32}$/.test(name), "1..32 letters, digits, '_' and '-'")
  checkInteger('staleMs', staleMs, 100, 0x7fffffff)
  checkInteger('replicas', replicas, 1, 5)
  if (typeof offer !== 'boolean') throw wrongType('offer', offer, 'a boolean')
  checkOptions('nats', nats, Object.keys(nats ?? {}))
  checkOptions('retain', retain, ['maxAgeMs', 'maxBytes'])
  const { maxAgeMs = 3_600_000, maxBytes = 2 ** 28 } = retain
  checkInteger('retain.maxAgeMs', maxAgeMs, 1000, 2 ** 40)
  checkInteger('retain.maxBytes', maxBytes, 2 ** 16, 2 ** 40)
  return {
    host,
    cluster,
    routes: routesOf(events),
    limits: { maxAgeMs, maxBytes },
    staleMs,
    offers: offer,
    replicas,
    connection: { ...nats, servers: typeof servers === 'string' ? servers : [...servers] },
  }
}

function checkToken(name: string, value: unknown, isRight: (text: string) => boolean, expected: string): void {
  if (typeof value !== 'string') throw wrongType(name, value, expected)
  if (!isRight(value)) throw outOfRange(name, value, expected)
}

function checkServers(servers: unknown): void {
  const list = Array.isArray(servers) ? servers : [servers]
  const expected = "a string or strings, 'host:port' each"
  if (list.length === 0) throw wrongType('servers', servers, expected)
  // The client takes an empty text for a server on this machine.
  for (const each of list) checkToken('servers', each, (text) => /^\S+$/.test(text), expected)
}

function routesOf(events: readonly EventRoute[]): Route[] {
  if (!Array.isArray(events)) throw wrongType('events', events, 'an array of routes')
  const routes = events.map((each, i) => routeOf(each, `events[${i}]`))
  for (const { name } of routes) {
    if (routes.filter((each) => each.name === name).length === 1) continue
    throw outOfRange('events', name, 'one route for each bus and delivery: give it all patterns')
  }
  return routes
}

function routeOf(route: EventRoute, what: string): Route {
  checkOptions(what, route, ['topics', 'delivery', 'bus'])
  const { topics, delivery = 'live', bus } = route
  if (!Array.isArray(topics) || topics.length === 0) throw wrongType(`${what}.topics`, topics, 'an array of patterns')
  for (const pattern of topics) checkPattern(`${what}.topics`, pattern)
  if (delivery !== 'live' && delivery !== 'stored') throw outOfRange(`${what}.delivery`, delivery, "'live' or 'stored'")
  if (bus !== undefined) checkName(`${what}.bus`, bus, 32)
  // A name of a bus may have any characters; that of a route is a part of subjects.
  const token = bus === undefined ? '' : `-${Buffer.from(bus).toString('base64url')}`
  return { name: `${delivery}${token}`, topics: [...topics], isStored: delivery === 'stored', bus }
}

function checkPattern(name: string, pattern: unknown): void {
  if (typeof pattern !== 'string') throw wrongType(name, pattern, 'a pattern of topics')
  const levels = pattern.split('.')
  const last = levels.length - 1
  if (levels.every((level, i) => !/[*>]/.test(level) || level === '*' || (level === '>' && i === last))) return
  throw outOfRange(name, pattern, 'levels in which "*" is a whole level and ">" is the whole last level')
}
