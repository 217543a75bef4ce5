// orbit-node/otel with the SDK of OpenTelemetry, in memory.
import { AsyncLocalStorage } from 'node:async_hooks'
import {
  type Context,
  type ContextManager,
  context,
  DiagLogLevel,
  diag,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  type TextMapPropagator,
  trace,
} from '@opentelemetry/api'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { describe, expect, it, onTestFinished } from 'vitest'
import { OrbitInstrumentation } from '../../src/adapters/otel.js'
import { Client, Contest, Cursor, codecs, OrbitEventBus, serve, TypedCache } from '../../src/index.js'
import { currentTracing } from '../../src/layers/calltracing.js'
import { fleetName, joinLocal, joinShm } from '../help/fleets.js'

/** What every program with OpenTelemetry has: the active span follows promises. */
class Contexts implements ContextManager {
  readonly #active = new AsyncLocalStorage<Context>()
  active = () => this.#active.getStore() ?? ROOT_CONTEXT
  with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(
    at: Context,
    run: F,
    self?: ThisParameterType<F>,
    ...args: A
  ): ReturnType<F> {
    return this.#active.run(at, () => run.apply(self, args)) as ReturnType<F>
  }
  bind<T>(_: Context, target: T): T {
    return target
  }
  enable = () => this
  disable = () => this
}

/** The header `traceparent` of W3C, which the SDK of a program brings. */
const traceparents: TextMapPropagator = {
  inject(at, carrier, setter) {
    const { traceId, spanId } = trace.getSpanContext(at) ?? {}
    if (traceId !== undefined) setter.set(carrier, 'traceparent', `00-${traceId}-${spanId}-01`)
  },
  extract(at, carrier, getter) {
    const [, traceId, spanId] = /^00-(\w{32})-(\w{16})-01$/.exec(String(getter.get(carrier, 'traceparent'))) ?? []
    if (traceId === undefined || spanId === undefined) return at
    return trace.setSpanContext(at, { traceId, spanId, traceFlags: 1, isRemote: true })
  },
  fields: () => ['traceparent'],
}

function recorded() {
  const spans = new InMemorySpanExporter()
  const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] })
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 2 ** 30 })
  const meterProvider = new MeterProvider({ readers: [reader] })
  context.setGlobalContextManager(new Contexts())
  onTestFinished(async () => {
    context.disable()
    await meterProvider.shutdown()
  })
  /** The points of a metric, with their attributes and their counts or values. */
  const pointsOf = async (name: string) => {
    exporter.reset()
    await meterProvider.forceFlush()
    const found = exporter
      .getMetrics()
      .at(-1)
      ?.scopeMetrics.flatMap(({ metrics }) => metrics)
    const points = found?.find(({ descriptor }) => descriptor.name === name)?.dataPoints ?? []
    return points.map(({ attributes, value }) => [attributes, typeof value === 'number' ? value : value.count])
  }
  return { spans, tracerProvider, meterProvider, pointsOf }
}

function enabled(options: ConstructorParameters<typeof OrbitInstrumentation>[0] = {}): OrbitInstrumentation {
  const orbit = new OrbitInstrumentation(options)
  onTestFinished(() => orbit.disable())
  return orbit
}

describe('OrbitInstrumentation', () => {
  it('records calls with their services, methods and failures', async () => {
    const { spans, pointsOf, ...providers } = recorded()
    const fleet = joinShm(fleetName(), { size: 2 })
    const math = {
      add: ({ a, b }: { a: number; b: number }) => a + b,
      fail: () => Promise.reject(new RangeError('no')),
    }
    const server = serve(fleet, 'math', math)
    const client = new Client<typeof math>(fleet, 'math')
    enabled(providers)
    expect(await client.call('add', { a: 1, b: 2 })).toBe(3)
    await expect(client.call('fail')).rejects.toThrow('no')
    server.close()
    await expect(client.call('add', { a: 1, b: 2 })).rejects.toThrow('no living process serves')
    const attributes = { 'rpc.system': 'orbit', 'rpc.service': 'math', 'rpc.method': 'add' }
    expect(spans.getFinishedSpans().filter(({ kind }) => kind === SpanKind.CLIENT)).toMatchObject([
      { name: 'math/add', kind: SpanKind.CLIENT, attributes, status: { code: SpanStatusCode.UNSET } },
      { name: 'math/fail', attributes: { 'error.type': 'RangeError' }, status: { message: 'no' } },
      { name: 'math/add', attributes: { 'error.type': 'ERR_ORBIT_NO_SERVER' }, events: [{ name: 'exception' }] },
    ])
    expect(await pointsOf('orbit.call.duration')).toEqual([
      [attributes, 1],
      [{ ...attributes, 'rpc.method': 'fail', 'error.type': 'RangeError' }, 1],
      [{ ...attributes, 'error.type': 'ERR_ORBIT_NO_SERVER' }, 1],
    ])
  })

  it('continues the trace of a call in its handler, and in what the handler calls', async () => {
    const { spans, pointsOf, ...providers } = recorded()
    propagation.setGlobalPropagator(traceparents)
    onTestFinished(() => propagation.disable())
    const fleet = joinShm(fleetName(), { size: 2 })
    const inner = new Client<{ double: (value: number) => number }>(fleet, 'inner')
    using _inner = serve(fleet, 'inner', { double: (value: number) => value * 2 })
    const outer = { ask: async (value: number) => inner.call('double', value) }
    using _outer = serve(fleet, 'outer', outer)
    const client = new Client<typeof outer>(fleet, 'outer')
    enabled(providers)
    const root = providers.tracerProvider.getTracer('test').startSpan('request')
    expect(await context.with(trace.setSpan(context.active(), root), () => client.call('ask', 21))).toBe(42)
    const ended = spans.getFinishedSpans()
    const shown = ended.map(({ name, kind, ...span }) => [
      name,
      SpanKind[kind],
      ended.find((each) => each.spanContext().spanId === span.parentSpanContext?.spanId)?.name,
    ])
    expect(shown).toEqual([
      ['inner/double', 'SERVER', 'inner/double'],
      ['inner/double', 'CLIENT', 'outer/ask'],
      ['outer/ask', 'SERVER', 'outer/ask'],
      ['outer/ask', 'CLIENT', undefined],
    ])
    expect(new Set(ended.map((span) => span.spanContext().traceId))).toEqual(new Set([root.spanContext().traceId]))
    expect(await pointsOf('orbit.serve.duration')).toHaveLength(2)
  })

  it('runs a handler in a trace of its own when its caller sends none, or a text that is no context', async () => {
    const { spans, pointsOf: _, ...providers } = recorded()
    propagation.setGlobalPropagator(traceparents)
    onTestFinished(() => propagation.disable())
    const fleet = joinShm(fleetName(), { size: 2 })
    const math = { add: ({ a, b }: { a: number; b: number }) => a + b }
    using _server = serve(fleet, 'math', math)
    const client = new Client<typeof math>(fleet, 'math')
    enabled(providers)
    for (const text of ['', '{', '[]', 'null', '{"traceparent":7}', 'x'.repeat(513)]) {
      const { serve: run = (_0: string, _1: string, _2: string, handler: () => unknown) => handler() } =
        currentTracing() ?? {}
      Client.traceCalls({ inject: () => text, serve: run })
      expect(await client.call('add', { a: 1, b: 2 }), text).toBe(3)
    }
    expect(spans.getFinishedSpans().filter(({ kind }) => kind === SpanKind.SERVER)).toHaveLength(6)
  })

  it('records streams from their first item to their end, on both sides', async () => {
    const { spans, pointsOf: _, ...providers } = recorded()
    const fleet = joinShm(fleetName(), { size: 2 })
    const feed = {
      async *count(to: number) {
        for (let i = 1; i <= to; i++) yield i
        if (to > 2) throw new RangeError('too many')
      },
    }
    using _server = serve(fleet, 'feed', feed)
    const client = new Client<typeof feed>(fleet, 'feed')
    enabled(providers)
    const items: number[] = []
    for await (const item of client.stream('count', 2)) items.push(item)
    await expect(async () => {
      for await (const item of client.stream('count', 3)) items.push(item)
    }).rejects.toThrow('too many')
    for await (const item of client.stream('count', 2)) {
      items.push(item)
      break
    }
    expect(items).toEqual([1, 2, 1, 2, 3, 1])
    const ends = (kind: SpanKind) =>
      spans
        .getFinishedSpans()
        .filter((span) => span.kind === kind)
        .map(({ name, attributes }) => `${name} ${attributes['error.type'] ?? 'ok'}`)
    expect(ends(SpanKind.CLIENT)).toEqual(['feed/count ok', 'feed/count RangeError', 'feed/count ok'])
    while (ends(SpanKind.SERVER).length < 3) await new Promise((resolve) => setImmediate(resolve))
    expect(ends(SpanKind.SERVER)).toEqual(['feed/count ok', 'feed/count RangeError', 'feed/count ok'])
  })

  it('records loads, which are the parents of what they do, and no hits', async () => {
    const { spans, pointsOf, tracerProvider, meterProvider } = recorded()
    const cache = new TypedCache<number>(joinShm(fleetName(), { size: 2 }), { codec: codecs.json() })
    enabled({ tracerProvider, meterProvider })
    const query = () => {
      tracerProvider.getTracer('database').startSpan('query').end()
      return 7
    }
    expect([await cache.getOrSet('key', query), await cache.getOrSet('key', query)]).toEqual([7, 7])
    const [inner, outer] = spans.getFinishedSpans()
    expect([inner?.name, outer?.name]).toEqual(['query', 'orbit.load'])
    expect(inner?.parentSpanContext?.spanId).toBe(outer?.spanContext().spanId)
    await expect(cache.getOrSet('other', () => Promise.reject(new Error('down')))).rejects.toThrow('down')
    expect(await pointsOf('orbit.load.duration')).toEqual([
      [{}, 1],
      [{ 'error.type': 'Error' }, 1],
    ])
    await expect(cache.getOrSet('key', 7 as never)).rejects.toThrow('load=7')
  })

  it('records waits: claims with spans, cursors as a metric only', async () => {
    const { spans, pointsOf, ...providers } = recorded()
    const fleet = joinLocal(fleetName())
    const contest = new Contest(fleet)
    const bus = new OrbitEventBus(fleet)
    enabled(providers)
    const guard = await contest.claim('report', { ttlMs: 60_000 })
    await expect(contest.claim('report', { ttlMs: 60_000, timeoutMs: 1 })).rejects.toThrow('timeoutMs')
    guard.release()
    const cursor = bus.cursor()
    const woken = cursor.wait()
    bus.publish('it')
    expect(await woken).toBe(true)
    expect(spans.getFinishedSpans()).toMatchObject([
      { name: 'orbit.claim', attributes: { 'orbit.subject': 'report', 'orbit.wait': 'claim' } },
      { name: 'orbit.claim', attributes: { 'error.type': 'ERR_ORBIT_TIMEOUT' } },
    ])
    expect(await pointsOf('orbit.wait.duration')).toContainEqual([{ 'orbit.wait': 'cursor' }, 1])
  })

  it('reports the numbers of a fleet, and does not fail when it is closed', async () => {
    const { pointsOf, meterProvider } = recorded()
    const name = fleetName()
    const fleet = joinShm(name, { size: 2 })
    enabled({ meterProvider, fleet })
    new OrbitEventBus(fleet).publish('it')
    expect(await pointsOf('orbit_nodes_alive')).toEqual([[{ fleet: name }, 1]])
    expect(await pointsOf('orbit_frames_total')).toEqual([[{ fleet: name, kind: '220', type: 'orbit.events' }, 1]])
    const failures: unknown[] = []
    const log = (...texts: unknown[]) => void failures.push(texts)
    diag.setLogger({ error: log, warn: log, info: log, debug: log, verbose: log }, DiagLogLevel.WARN)
    onTestFinished(() => diag.disable())
    fleet.close()
    await pointsOf('orbit_nodes_alive')
    expect(failures).toEqual([])
  })

  it('leaves every method as it was when it is disabled, or another one is enabled', async () => {
    const { spans, ...providers } = recorded()
    const now = () => [
      Client.prototype.call,
      TypedCache.prototype.getOrSet,
      Contest.prototype.claim,
      Cursor.prototype.wait,
    ]
    const before = now()
    const same = () => now().filter((method, i) => method === before[i]).length
    const first = enabled()
    expect(same()).toBe(0)
    const second = enabled()
    expect([first.getConfig(), second.getConfig()]).toEqual([{ enabled: false }, { enabled: true }])
    second.setTracerProvider(providers.tracerProvider)
    second.setMeterProvider(providers.meterProvider)
    const guard = await new Contest(joinLocal(fleetName())).claim('it', { ttlMs: 60_000 })
    guard.release()
    expect(spans.getFinishedSpans()).toHaveLength(1)
    second.setConfig({ enabled: false })
    first.disable()
    expect(same()).toBe(4)
  })
})
