import { describe, expectTypeOf, it } from 'vitest'
import {
  array,
  bytes,
  type CacheBytes,
  type CacheEntry,
  type ClaimOptions,
  type Codec,
  type Contest,
  Cursor,
  codecs,
  type EventCursor,
  type EventPoll,
  type EventSubscription,
  type Fence,
  Fleet,
  type FleetHeartbeat,
  type FleetObserver,
  type Frame,
  type GetOrSetOptions,
  type Guard,
  type Heartbeat,
  type Holder,
  type LoadContext,
  type NetId64,
  type NodeHeartbeat,
  type NodeRecord,
  Orbital,
  OrbitCache,
  type OrbitError,
  type OrbitErrorCode,
  type OrbitEvent,
  type OrbitEventBus,
  type OrbitType,
  orbitType,
  type Pod,
  type Poll,
  type PublishOptions,
  pod,
  type RingStats,
  type Subject,
  TypedCache,
  text,
} from '../../src/index.js'

// Looked at by tsc, which reads this folder too; at run time these functions are only made, never called.

const load = pod({ busy: 'u32', idle: 'u32', at: 'u64', on: 'bool' })
const rich = pod({ name: text(8), key: bytes(4), big: 'bigu64', points: array(pod({ x: 'f64', y: 'f64' }), 3) })
const Load = orbitType({ name: 'Load', kind: 1, pod: load })
const Rich = orbitType({ name: 'Rich', kind: 2, pod: rich })
const Bytes = orbitType({ name: 'Bytes', kind: 3 })

interface LoadValue {
  busy: number
  idle: number
  at: number
  on: boolean
}
interface RichValue {
  name: string
  key: Uint8Array
  big: bigint
  points: { x: number; y: number }[]
}

describe('the types', () => {
  it('infers the values of a pod', () => {
    expectTypeOf(load).toEqualTypeOf<Pod<LoadValue>>()
    expectTypeOf(rich.decode).returns.toEqualTypeOf<RichValue>()
    expectTypeOf(load.encode).parameter(0).toEqualTypeOf<LoadValue>()
    expectTypeOf(load.encode).returns.toEqualTypeOf<Uint8Array>()
    expectTypeOf(load.fingerprint).toEqualTypeOf<bigint>()
  })

  it('infers the values of an orbit type from its pod, or bytes', () => {
    expectTypeOf(Load).toEqualTypeOf<OrbitType<LoadValue, number>>()
    expectTypeOf(Rich).toEqualTypeOf<OrbitType<RichValue, number>>()
    expectTypeOf(Bytes).toEqualTypeOf<OrbitType<Uint8Array, number>>()
    expectTypeOf(orbitType({ name: 'named' })).toEqualTypeOf<OrbitType>()
    expectTypeOf(orbitType({ name: 'named' }).kind).toEqualTypeOf<number | undefined>()
    expectTypeOf(Load.pod).toEqualTypeOf<Pod<LoadValue> | undefined>()
  })

  it('infers the values of an Orbital from its type', () => {
    const made = (fleet: Fleet, observer: FleetObserver) => [new Orbital(fleet, Load), new Orbital(observer, Load)]
    expectTypeOf(made).returns.toEqualTypeOf<Orbital<LoadValue>[]>()
    const rich = (fleet: Fleet) => new Orbital(fleet, Rich)
    expectTypeOf(rich).returns.toEqualTypeOf<Orbital<RichValue>>()
    type LoadOrbital = Orbital<LoadValue>
    expectTypeOf<LoadOrbital['store']>().parameters.toEqualTypeOf<[value: LoadValue]>()
    expectTypeOf<LoadOrbital['store']>().returns.toEqualTypeOf<NetId64>()
    expectTypeOf<LoadOrbital['load']>().returns.toEqualTypeOf<LoadValue | undefined>()
    expectTypeOf<LoadOrbital['loadById']>().parameters.toEqualTypeOf<[id: NetId64]>()
    expectTypeOf<LoadOrbital['loadById']>().returns.toEqualTypeOf<LoadValue | undefined>()
    expectTypeOf<LoadOrbital['loadPerNode']>().returns.toEqualTypeOf<Map<number, LoadValue>>()
  })

  it('rejects a stored value that does not fit the pod', () => {
    const wrong = (loads: Orbital<LoadValue>) => {
      // @ts-expect-error: a field is missing
      loads.store({ busy: 1 })
      // @ts-expect-error: a field is a string
      loads.store({ busy: '1', idle: 2, at: 3, on: true })
      // @ts-expect-error: a field is too many
      loads.store({ busy: 1, idle: 2, at: 3, on: true, off: false })
      // @ts-expect-error: an Orbital of another type is none of this
      const riches: Orbital<RichValue> = loads
      return riches
    }
    expectTypeOf(wrong).toBeFunction()
  })

  it('declares a cursor and its polls', () => {
    const of = (fleet: Fleet) => fleet.cursor(Load)
    expectTypeOf(of).returns.toEqualTypeOf<Cursor<LoadValue>>()
    expectTypeOf<Parameters<Fleet['cursor']>[1]>().toEqualTypeOf<'start' | 'head' | number | undefined>()
    expectTypeOf<Cursor['poll']>().parameters.toEqualTypeOf<[max?: number]>()
    expectTypeOf<Cursor['poll']>().returns.toEqualTypeOf<Poll>()
    expectTypeOf<Poll['frames']>().toEqualTypeOf<Frame[]>()
    expectTypeOf<Pick<Poll, 'lost' | 'malformed' | 'from' | 'to'>>().toEqualTypeOf<{
      readonly lost: number
      readonly malformed: number
      readonly from: number
      readonly to: number
    }>()
    expectTypeOf<Cursor>().toExtend<Disposable>()
    expectTypeOf<Cursor['position']>().toEqualTypeOf<number>()
    const write = (cursor: Cursor) => {
      // @ts-expect-error: a cursor's position is its own
      cursor.position = 5
    }
    expectTypeOf(write).toBeFunction()
    // @ts-expect-error: cursors are made by a fleet
    const make = () => new Cursor('start')
    expectTypeOf(make).toBeFunction()
  })

  it('declares events', () => {
    const inferred = async (bus: OrbitEventBus) => {
      for await (const event of bus.subscribe('a.*')) return event
      for (const event of bus.cursor().pollTopic('a').events) return event
      return undefined
    }
    expectTypeOf(inferred).returns.resolves.toEqualTypeOf<OrbitEvent | undefined>()
    expectTypeOf<ConstructorParameters<typeof OrbitEventBus>[0]>().toEqualTypeOf<Fleet | FleetObserver>()
    expectTypeOf<OrbitEventBus['publish']>().parameters.toEqualTypeOf<[topic: string, payload?: string | Uint8Array]>()
    expectTypeOf<OrbitEventBus['publish']>().returns.toEqualTypeOf<NetId64>()
    expectTypeOf<OrbitEventBus['publishJson']>().returns.toEqualTypeOf<NetId64>()
    expectTypeOf<OrbitEventBus['cursor']>().returns.toEqualTypeOf<EventCursor>()
    expectTypeOf<OrbitEventBus['subscribe']>().returns.toEqualTypeOf<EventSubscription>()
    expectTypeOf<EventSubscription>().toExtend<AsyncIterable<OrbitEvent> & Disposable>()
    expectTypeOf<EventSubscription['lost' | 'malformed']>().toEqualTypeOf<number>()
    expectTypeOf<EventCursor['poll']>().returns.toEqualTypeOf<EventPoll>()
    expectTypeOf<EventCursor['wait']>().returns.toEqualTypeOf<Promise<boolean>>()
    expectTypeOf<OrbitEvent['json']>().returns.toEqualTypeOf<unknown>()
    expectTypeOf<OrbitEvent['payload']>().toEqualTypeOf<Uint8Array>()
    const wrong = (bus: OrbitEventBus) => {
      // @ts-expect-error: a payload is text or bytes; values go by publishJson
      bus.publish('a', { b: 1 })
      // @ts-expect-error: topics are texts
      bus.publish(5)
      // @ts-expect-error: patterns too
      bus.subscribe(/a/)
    }
    expectTypeOf(wrong).toBeFunction()
  })

  it('declares a frame', () => {
    expectTypeOf<Frame>().toEqualTypeOf<{
      readonly id: NetId64
      readonly kind: number
      readonly node: number
      readonly position: number
      readonly frameKind: number
      readonly version: number
      readonly payload: Uint8Array
      readonly value: unknown
      copy(): Frame
    }>()
  })

  it('infers the values of typed rings', () => {
    const typed = async (fleet: Fleet) => {
      fleet.publish(Load, { busy: 1, idle: 2, at: 3, on: true })
      fleet.publish(Load, new Uint8Array(24))
      fleet.publishBatch(Load, [{ busy: 1, idle: 2, at: 3, on: true }])
      // @ts-expect-error: a field is missing
      fleet.publish(Load, { busy: 1 })
      // @ts-expect-error: a value of another type
      fleet.publish(Rich, { busy: 1, idle: 2, at: 3, on: true })
      // @ts-expect-error: a type without a pod takes bytes
      fleet.publish(orbitType({ name: 'Bytes', kind: 3 }), { busy: 1 })
      expectTypeOf(fleet.readHead(Load)).toEqualTypeOf<Frame<LoadValue> | undefined>()
      expectTypeOf(fleet.readAt(Load, 0)?.value).toEqualTypeOf<LoadValue | undefined>()
      expectTypeOf(fleet.cursor(Load).poll().frames).toEqualTypeOf<Frame<LoadValue>[]>()
      for await (const { frames } of fleet.cursor(Load)) expectTypeOf(frames).toEqualTypeOf<Frame<LoadValue>[]>()
      fleet.cursor(Load).listen(({ frames }) => expectTypeOf(frames).toEqualTypeOf<Frame<LoadValue>[]>())
      const bytesOnly = fleet.readHead(orbitType({ name: 'Bytes', kind: 3 }))
      expectTypeOf(bytesOnly?.value).toEqualTypeOf<Uint8Array | undefined>()
      const generic = <T>(type: OrbitType<T>, value: T) => fleet.publish(type, value)
      generic(Load, { busy: 1, idle: 2, at: 3, on: true })
    }
    expectTypeOf(typed).toBeFunction()
  })

  it('infers the events of typed topics', () => {
    interface Topics {
      'deploy.web': { version: number }
      'deploy.db': string
      build: number
      [user: `user.${string}.joined`]: { at: Date }
    }
    const typed = async (bus: OrbitEventBus<Topics>) => {
      bus.publishJson('deploy.web', { version: 7 })
      bus.publishJson('user.42.joined', { at: new Date() })
      bus.publish('deploy.db', 'text')
      // @ts-expect-error: the value of another topic
      bus.publishJson('deploy.web', 'text')
      // @ts-expect-error: a topic that the bus does not have
      bus.publishJson('deploy.app', 1)
      // @ts-expect-error: this topic has objects
      bus.publish('deploy.web', 'text')
      for await (const event of bus.subscribe('deploy.*')) {
        expectTypeOf(event.topic).toEqualTypeOf<'deploy.web' | 'deploy.db'>()
        if (event.topic === 'deploy.web') expectTypeOf(event.json()).toEqualTypeOf<{ version: number }>()
        else expectTypeOf(event.json()).toEqualTypeOf<string>()
      }
      bus.cursor().listen(({ events }) => expectTypeOf(events).toEqualTypeOf<OrbitEvent<'build', number>[]>(), {
        pattern: 'build',
      })
      expectTypeOf(bus.subscribe('build')).toEqualTypeOf<EventSubscription<OrbitEvent<'build', number>>>()
      for await (const event of bus.subscribe('user.*.joined')) {
        expectTypeOf(event.json()).toEqualTypeOf<{ at: Date }>()
      }
      for await (const event of bus.subscribe('user.42.joined')) {
        expectTypeOf(event.json()).toEqualTypeOf<{ at: Date }>()
      }
      for (const event of bus.cursor().pollTopic('deploy.>').events) {
        expectTypeOf(event.topic).toEqualTypeOf<'deploy.web' | 'deploy.db'>()
      }
      for (const event of bus.cursor().poll().events) if (event.topic === 'build') return event.json() + 1
      const any = bus.subscribe('deploy.*' as string)
      expectTypeOf(any).toExtend<AsyncIterable<{ topic: string }>>()
      return 0
    }
    expectTypeOf(typed).toBeFunction()
  })

  it('declares a fleet', () => {
    expectTypeOf(Fleet.join).returns.toEqualTypeOf<Fleet>()
    expectTypeOf(Fleet.joinShm).returns.toEqualTypeOf<Fleet>()
    expectTypeOf(Fleet.observe).returns.toEqualTypeOf<FleetObserver>()
    expectTypeOf(Fleet.remove).returns.toEqualTypeOf<string[]>()
    expectTypeOf<Fleet>().toExtend<FleetObserver>()
    expectTypeOf<Fleet>().toExtend<Disposable>()
    expectTypeOf<Fleet['publish']>().returns.toEqualTypeOf<NetId64>()
    expectTypeOf<Parameters<Fleet['publish']>[2]>().toEqualTypeOf<PublishOptions | undefined>()
    expectTypeOf<Fleet['publishBatch']>().returns.toEqualTypeOf<NetId64[]>()
    expectTypeOf<Fleet['publishPacked']>().returns.toEqualTypeOf<number>()
    expectTypeOf<Fleet['read']>().returns.toEqualTypeOf<Frame | undefined>()
    expectTypeOf<Fleet['head']>().returns.toEqualTypeOf<number>()
    expectTypeOf<Fleet['stats']>().returns.toEqualTypeOf<RingStats | undefined>()
    expectTypeOf<Fleet['nodes']>().returns.toEqualTypeOf<NodeRecord[]>()
    expectTypeOf<Fleet['resetRing']>().returns.toEqualTypeOf<void>()
    expectTypeOf<keyof Fleet & 'node'>().toEqualTypeOf<'node'>()
  })

  it('rejects a write through an observer, and a fleet that was not joined', () => {
    expectTypeOf<
      Extract<keyof FleetObserver, 'publish' | 'publishBatch' | 'publishPacked' | 'resetRing' | 'node'>
    >().toBeNever()
    const wrong = (observer: FleetObserver) => {
      // @ts-expect-error: an observer has no publish
      observer.publish(Bytes, new Uint8Array(1))
      // @ts-expect-error: there is no such lifetime
      Fleet.joinShm('web', { lifetime: 'forever' })
      // @ts-expect-error: a fleet is joined
      new Fleet('web')
      // @ts-expect-error: KINDs are numbers
      orbitType({ name: 'Wrong', kind: '7' })
      // @ts-expect-error: a payload is bytes
      Fleet.join('web').publish(Bytes, 'text')
    }
    expectTypeOf(wrong).toBeFunction()
  })

  it('declares a cache', () => {
    expectTypeOf<Parameters<OrbitCache['put']>>().toEqualTypeOf<
      [key: CacheBytes, value: CacheBytes, options?: { ttlMs?: number }]
    >()
    expectTypeOf<OrbitCache['get']>().returns.toEqualTypeOf<Uint8Array | undefined>()
    const value = (entry: CacheEntry) => (entry.hit ? entry.value : entry.position)
    expectTypeOf(value).returns.toEqualTypeOf<Uint8Array | number | undefined>()
    const observed = (observer: FleetObserver) => new OrbitCache(observer)
    expectTypeOf(observed).returns.toEqualTypeOf<OrbitCache>()
  })

  it('infers the values of a typed cache from its codec', () => {
    const made = (fleet: Fleet) => ({
      pod: new TypedCache(fleet, { codec: codecs.pod(rich) }),
      text: new TypedCache(fleet, { codec: codecs.text(), values: 'own' }),
      json: new TypedCache(fleet, { codec: codecs.json<{ n: number }>() }),
      own: new TypedCache(fleet, { codec: { encode: (_: Date) => new Uint8Array(8), decode: () => new Date() } }),
    })
    type Made = ReturnType<typeof made>
    expectTypeOf<Made['pod']>().toEqualTypeOf<TypedCache<RichValue>>()
    expectTypeOf<Made['text']>().toEqualTypeOf<TypedCache<string>>()
    expectTypeOf<Made['json']>().toEqualTypeOf<TypedCache<{ n: number }>>()
    expectTypeOf<Made['own']>().toEqualTypeOf<TypedCache<Date>>()
    expectTypeOf<Made['json']['get']>().returns.toEqualTypeOf<{ n: number } | undefined>()
    expectTypeOf(codecs.bytes).returns.toEqualTypeOf<Codec<Uint8Array>>()
    const wrong = (cache: TypedCache<{ n: number }>, fleet: Fleet) => {
      // @ts-expect-error: n is a number
      cache.put('a', { n: '1' })
      // @ts-expect-error: a codec is needed
      new TypedCache(fleet, {})
      // @ts-expect-error: there is no such way to hand out values
      new TypedCache(fleet, { codec: codecs.text(), values: 'copied' })
    }
    expectTypeOf(wrong).toBeFunction()
  })

  it('declares heartbeats', () => {
    expectTypeOf<ConstructorParameters<typeof FleetHeartbeat>[0]>().toEqualTypeOf<Fleet | FleetObserver>()
    expectTypeOf<NodeHeartbeat['ageMs' | 'count' | 'loopDelayMs' | 'node' | 'pid' | 'unixMs']>().toEqualTypeOf<number>()
    expectTypeOf<NodeHeartbeat['label' | 'status']>().toEqualTypeOf<string>()
    expectTypeOf<ReturnType<FleetHeartbeat['snapshot']>['dead']>().toEqualTypeOf<NodeHeartbeat[]>()
    expectTypeOf<ReturnType<FleetHeartbeat['snapshot']>['missing']>().toEqualTypeOf<number[]>()
    expectTypeOf<NodeRecord['heartbeat']>().toEqualTypeOf<Heartbeat | undefined>()
  })

  it('declares contests', () => {
    expectTypeOf<ConstructorParameters<typeof Contest>[0]>().toEqualTypeOf<Fleet | FleetObserver>()
    expectTypeOf<Contest['tryClaim']>().parameters.toEqualTypeOf<
      [string | Subject, { ttlMs: number | 'life'; owner?: string }]
    >()
    expectTypeOf<Contest['tryClaim']>().returns.toEqualTypeOf<{ guard: Guard } | { yieldTo: Holder }>()
    expectTypeOf<Contest['claim']>().returns.toEqualTypeOf<Promise<Guard>>()
    expectTypeOf<keyof ClaimOptions>().toEqualTypeOf<'ttlMs' | 'owner' | 'signal' | 'timeoutMs' | 'keepAlive'>()
    expectTypeOf<Contest['holder']>().returns.toEqualTypeOf<Holder | undefined>()
    expectTypeOf<Contest['holders']>().returns.toEqualTypeOf<Holder[]>()
    expectTypeOf<Holder>().toEqualTypeOf<{
      readonly subject: Subject
      readonly owner: string
      readonly node: number
      readonly pid: number
      readonly token: number
      readonly claimedAtMs: number
      readonly expiresInMs: number
    }>()
    expectTypeOf<Guard>().toExtend<Disposable>()
    expectTypeOf<Guard['held']>().toEqualTypeOf<boolean>()
    expectTypeOf<Guard['renew']>().parameters.toEqualTypeOf<[ttlMs: number | 'life']>()
    expectTypeOf<Guard['release']>().returns.toEqualTypeOf<boolean>()
    expectTypeOf<Fence['admit']>().toEqualTypeOf<(token: number) => boolean>()
    const wrong = async (contest: Contest, guard: Guard) => {
      // @ts-expect-error: a claim has an end
      contest.tryClaim('leader', {})
      // @ts-expect-error: a try does not wait
      contest.tryClaim('leader', { ttlMs: 1, timeoutMs: 1 })
      // @ts-expect-error: the claim may have been lost
      contest.tryClaim('leader', { ttlMs: 1 }).guard.release()
      // @ts-expect-error: a subject with a kind has a label
      contest.holder({ kind: 1 })
      // @ts-expect-error: a token is given
      guard.token = 5
      const waited: Guard = await contest.claim('leader', { ttlMs: 1, signal: new AbortController().signal })
      return waited
    }
    expectTypeOf(wrong).toBeFunction()
  })

  it('declares getOrSet', () => {
    type Load<T> = (context: LoadContext) => T | Promise<T>
    const call = async (cache: TypedCache<string>) => {
      expectTypeOf(cache.getOrSet('key', {} as Load<string>)).toEqualTypeOf<Promise<string>>()
      expectTypeOf(cache.getOrSet('key', ({ signal }) => signal.reason as string)).toEqualTypeOf<Promise<string>>()
      expectTypeOf(cache.getOrSet('key', {} as Load<string | undefined>)).toEqualTypeOf<Promise<string | undefined>>()
      // @ts-expect-error: a number is not a value of this cache
      cache.getOrSet('key', () => 5)
    }
    expectTypeOf(call).toBeFunction()
    type Options = 'ttlMs' | 'staleMs' | 'tags' | 'signal' | 'keepAlive' | 'leaseMs' | 'loadTimeoutMs'
    expectTypeOf<keyof GetOrSetOptions>().toEqualTypeOf<Options>()
  })

  it('declares an error', () => {
    expectTypeOf<OrbitError['code']>().toEqualTypeOf<OrbitErrorCode>()
    expectTypeOf<OrbitErrorCode>().toExtend<`ERR_ORBIT_${string}`>()
    expectTypeOf<OrbitError['errno']>().toEqualTypeOf<number | undefined>()
    expectTypeOf<OrbitError['syscall']>().toEqualTypeOf<string | undefined>()
    expectTypeOf<OrbitError>().toExtend<Error>()
  })
})
