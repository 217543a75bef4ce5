import {
  type Attributes,
  type BatchObservableCallback,
  type Context,
  context,
  type Histogram,
  type Meter,
  type MeterProvider,
  metrics,
  type Observable,
  propagation,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  type TracerProvider,
  trace,
} from '@opentelemetry/api'
import {
  Client,
  Contest,
  Cursor,
  collectMetrics,
  type FleetObserver,
  Inbox,
  type LoadContext,
  RateLimiter,
  Semaphore,
  type Subject,
  TypedCache,
} from '../index.js'

/** Options of an `OrbitInstrumentation`: where its spans and metrics go, and of which fleet it reports metrics. */
export interface OrbitInstrumentationOptions {
  /** Makes the tracer; default: the global provider. */
  tracerProvider?: TracerProvider
  /** Makes the meter; default: the global provider. */
  meterProvider?: MeterProvider
  /** A fleet of which the numbers of `collectMetrics` are reported at each collection; default none. */
  fleet?: FleetObserver
}

const scope = 'orbit-node'

/** What is measured: its span, if it has one, and the attributes of both. */
interface Measured {
  readonly duration: Histogram
  readonly attributes: Attributes
  /** Absent: it has no span, since it is as frequent as events are. */
  readonly span?: { readonly name: string; readonly kind: SpanKind; readonly attributes?: Attributes }
}

// biome-ignore lint/suspicious/noExplicitAny: methods of several classes are replaced, each with its own arguments.
type Method = (...args: any[]) => any

/** The methods that were replaced, to put them back. */
interface Replaced {
  readonly prototype: Record<string, Method>
  readonly name: string
  readonly original: Method
}

/** Of several that are enabled, only one may replace the methods. */
let enabled: OrbitInstrumentation | undefined

const codeOf = (error: unknown): string => {
  const { code, name } = (error ?? {}) as { code?: unknown; name?: unknown }
  return typeof code === 'string' ? code : typeof name === 'string' ? name : 'error'
}

/**
 * Records calls, loads and waits as spans and metrics of OpenTelemetry. It replaces methods of the public classes while
 * it is enabled, so a program that makes none, or has disabled it, runs the same code as without it. It fits
 * `registerInstrumentations`.
 */
export class OrbitInstrumentation {
  /** The name of its tracer and its meter: 'orbit-node'. */
  readonly instrumentationName = scope
  /** The version of its spans and metrics. */
  readonly instrumentationVersion = '1'
  readonly #fleet: FleetObserver | undefined
  #tracerProvider: TracerProvider | undefined
  #meterProvider: MeterProvider | undefined
  #replaced: Replaced[] = []
  #stopObserving: () => void = () => {}

  /**
   * It is enabled at once. If another one is, that one is disabled.
   *
   * @throws ERR_ORBIT_CLOSED if the fleet is closed
   */
  constructor(options: OrbitInstrumentationOptions = {}) {
    this.#fleet = options.fleet
    this.#tracerProvider = options.tracerProvider
    this.#meterProvider = options.meterProvider
    this.enable()
  }

  /** Records from now on. If it is enabled already it does nothing. */
  enable(): void {
    if (enabled === this) return
    enabled?.disable()
    enabled = this
    const tracer = (this.#tracerProvider ?? trace).getTracer(scope)
    const meter = (this.#meterProvider ?? metrics).getMeter(scope)
    this.#replaceAll(tracer, meter)
    if (this.#fleet !== undefined) this.#stopObserving = observe(this.#fleet, meter)
  }

  /** Puts the methods back. Calls that are under way are recorded to their end. */
  disable(): void {
    if (enabled !== this) return
    enabled = undefined
    for (const { prototype, name, original } of this.#replaced.splice(0)) prototype[name] = original
    Client.traceCalls(undefined)
    this.#stopObserving()
    this.#stopObserving = () => {}
  }

  /** Where the spans go from now on; `registerInstrumentations` calls it. */
  setTracerProvider(provider: TracerProvider): void {
    this.#tracerProvider = provider
    this.#enableAnew()
  }

  /** Where the metrics go from now on; `registerInstrumentations` calls it. */
  setMeterProvider(provider: MeterProvider): void {
    this.#meterProvider = provider
    this.#enableAnew()
  }

  /** The configuration that the interface of OpenTelemetry asks for. */
  getConfig(): {
    /** Whether it records. */
    enabled: boolean
  } {
    return { enabled: enabled === this }
  }

  /** Enables or disables it. */
  setConfig(config: { enabled?: boolean }): void {
    if (config.enabled === false) this.disable()
    else this.enable()
  }

  #enableAnew(): void {
    if (enabled !== this) return
    this.disable()
    this.enable()
  }

  #replace(target: { prototype: object }, name: string, make: (original: Method) => Method): void {
    const prototype = target.prototype as Record<string, Method>
    const original = prototype[name] as Method
    this.#replaced.push({ prototype, name, original })
    prototype[name] = make(original)
  }

  #replaceAll(tracer: Tracer, meter: Meter): void {
    const histogram = (what: string, description: string) =>
      meter.createHistogram(`orbit.${what}.duration`, { description, unit: 's' })
    const calls = histogram('call', 'How long calls take')
    const loads = histogram('load', 'How long the loads of getOrSet take')
    const waits = histogram('wait', 'How long claims, permits, limits, cursors and inboxes are waited for')
    this.#replaceCalls(tracer, calls)
    const serves = histogram('serve', 'How long handlers take')
    Client.traceCalls({
      inject: carried,
      serve: (text, service, method, run) => serveTraced(tracer, serves, text, { service, method }, run),
    })
    this.#replaceLoads(tracer, loads)
    const waitOf = (what: string, attributes?: Attributes): Measured => ({
      duration: waits,
      attributes: { 'orbit.wait': what },
      ...(attributes !== undefined && { span: { name: `orbit.${what}`, kind: SpanKind.INTERNAL, attributes } }),
    })
    const spanned = (measured: (...args: never[]) => Measured) => (original: Method) =>
      function (this: unknown, ...args: never[]) {
        return measure(tracer, measured(...args), () => original.apply(this, args))
      }
    const claim = (subject: string | Subject) =>
      waitOf('claim', { 'orbit.subject': typeof subject === 'string' ? subject : String(subject?.label) })
    this.#replace(Contest, 'claim', spanned(claim as (...args: never[]) => Measured))
    this.#replace(
      Semaphore,
      'acquire',
      spanned(() => waitOf('permit', {})),
    )
    this.#replace(
      RateLimiter,
      'wait',
      spanned(() => waitOf('limit', {})),
    )
    this.#replace(
      Cursor,
      'wait',
      spanned(() => waitOf('cursor')),
    )
    this.#replace(
      Inbox,
      'wait',
      spanned(() => waitOf('inbox')),
    )
  }

  #replaceCalls(tracer: Tracer, duration: Histogram): void {
    const measured = ({ service }: Client<never>, method: string): Measured =>
      measuredCall(duration, SpanKind.CLIENT, { service, method })
    this.#replace(
      Client,
      'call',
      (original) =>
        function (this: Client<never>, method: string, ...rest: unknown[]) {
          return measure(tracer, measured(this, method), () => original.call(this, method, ...rest))
        },
    )
    this.#replace(
      Client,
      'stream',
      (original) =>
        function (this: Client<never>, method: string, ...rest: unknown[]) {
          const items = original.call(this, method, ...rest) as AsyncIterable<unknown>
          return measureItems(() => begin(tracer, measured(this, method)), items)
        },
    )
  }

  #replaceLoads(tracer: Tracer, duration: Histogram): void {
    const measured: Measured = { duration, attributes: {}, span: { name: 'orbit.load', kind: SpanKind.INTERNAL } }
    this.#replace(
      TypedCache,
      'getOrSet',
      (original) =>
        function (this: unknown, key: unknown, load: unknown, ...rest: unknown[]) {
          const traced =
            typeof load === 'function' ? (given: LoadContext) => measure(tracer, measured, () => load(given)) : load
          return original.call(this, key, traced, ...rest)
        },
    )
  }
}

interface Called {
  readonly service: string
  readonly method: string
}

function measuredCall(duration: Histogram, kind: SpanKind, { service, method }: Called): Measured {
  const attributes = { 'rpc.system': 'orbit', 'rpc.service': service, 'rpc.method': method }
  return { duration, attributes, span: { name: `${service}/${method}`, kind } }
}

/** The active context as a text, by the propagator of the program; '': it has none, or no context. */
function carried(): string {
  const carrier: Record<string, string> = {}
  propagation.inject(context.active(), carrier)
  return Object.keys(carrier).length === 0 ? '' : JSON.stringify(carrier)
}

/** The context of a text from another process, which may be anything. */
function contextOf(text: string): Context {
  try {
    return propagation.extract(context.active(), text === '' ? {} : JSON.parse(text))
  } catch {
    return context.active()
  }
}

/** Runs a handler as the child of the span of its caller. */
function serveTraced(tracer: Tracer, duration: Histogram, text: string, called: Called, run: () => unknown): unknown {
  const measured = measuredCall(duration, SpanKind.SERVER, called)
  return context.with(contextOf(text), () => measure(tracer, measured, run))
}

/** Begins to record something: how it runs in its span, and how it ends. */
function begin(tracer: Tracer, { duration, attributes, span: wanted }: Measured) {
  const begun = performance.now()
  const span =
    wanted && tracer.startSpan(wanted.name, { ...wanted, attributes: { ...attributes, ...wanted.attributes } })
  const inside = span === undefined ? context.active() : trace.setSpan(context.active(), span)
  const end = (failure?: { error: unknown }) => {
    const type = failure && { 'error.type': codeOf(failure.error) }
    duration.record((performance.now() - begun) / 1000, { ...attributes, ...type })
    if (span !== undefined) endSpan(span, failure)
  }
  return { end, run: <T>(what: () => T): T => context.with(inside, what) }
}

/** Passes items on, and records how they ended. What has begun with the first that is asked for is `begun`. */
async function* measureItems(
  begun: () => ReturnType<typeof begin>,
  items: AsyncIterable<unknown>,
): AsyncGenerator<unknown, void, undefined> {
  const { run, end } = begun()
  let failure: { error: unknown } | undefined
  const iterator = items[Symbol.asyncIterator]()
  try {
    for (;;) {
      const { done, value } = await run(() => iterator.next())
      if (done) return
      yield value
    }
  } catch (error) {
    failure = { error }
    throw error
  } finally {
    end(failure)
    await iterator.return?.()
  }
}

const isItems = (value: unknown): value is AsyncIterable<unknown> =>
  typeof value === 'object' && value !== null && Symbol.asyncIterator in value

/** Runs something, and records how long it took and how it ended. */
function measure(tracer: Tracer, measured: Measured, run: () => unknown): unknown {
  const begun = begin(tracer, measured)
  const { end } = begun
  const failed = (error: unknown): never => {
    end({ error })
    throw error
  }
  let result: unknown
  try {
    result = begun.run(run)
  } catch (error) {
    return failed(error)
  }
  if (isItems(result)) return measureItems(() => begun, result)
  if (!(result instanceof Promise)) {
    end()
    return result
  }
  return result.then((value) => {
    end()
    return value
  }, failed)
}

function endSpan(span: Span, failure: { error: unknown } | undefined): void {
  if (failure !== undefined) {
    const { error } = failure
    const { message = String(error), progress } = (error ?? {}) as { message?: string; progress?: string }
    span.setAttribute('error.type', codeOf(error))
    if (typeof progress === 'string') span.setAttribute('orbit.progress', progress)
    if (error instanceof Error) span.recordException(error)
    span.setStatus({ code: SpanStatusCode.ERROR, message })
  }
  span.end()
}

/** Reports the numbers of a fleet at each collection. Returns a function that ends that. */
function observe(fleet: FleetObserver, meter: Meter): () => void {
  const instruments = collectMetrics(fleet).metrics.map(({ name, help: description, type }): Observable => {
    const options = { description }
    return type === 'counter'
      ? meter.createObservableCounter(name, options)
      : meter.createObservableGauge(name, options)
  })
  const report: BatchObservableCallback = (result) => {
    if (fleet.closed) return
    collectMetrics(fleet).metrics.forEach(({ samples }, i) => {
      for (const { labels, value } of samples) result.observe(instruments[i] as Observable, value, labels)
    })
  }
  meter.addBatchObservableCallback(report, instruments)
  return () => meter.removeBatchObservableCallback(report, instruments)
}
