// A process of `testActors({ hosts })`. It ends with the test.
import { Fleet } from 'orbit-node'
import { type ActorClasses, actors } from './index.js'
import type { Store } from './store/store.js'

/** What the test says about its processes, as their argument. */
export interface HostOrder {
  readonly fleet: string
  /** The URL of the module that exports the classes. */
  readonly module: string
  /** The names of the classes. */
  readonly types: readonly string[]
}

/** What a process says when it runs actors, or could not start. */
export type HostNews = { readonly failure: string } | { readonly failure?: undefined }

async function start({ fleet, module, types }: HostOrder): Promise<void> {
  const exported = (await import(module)) as Record<string, unknown>
  const missing = types.find((type) => exported[type] === undefined)
  if (missing !== undefined) throw new TypeError(`${module} has no export ${missing}`)
  const classes = Object.fromEntries(types.map((type) => [type, exported[type]])) as ActorClasses
  const store = exported['store'] as Store | undefined
  const options = store === undefined ? { actors: classes } : { actors: classes, store }
  actors({ fleet: Fleet.joinShm(fleet, { joinTimeoutMs: 30_000 }), ...options })
}

const say = (news: HostNews, said?: () => void) => process.send?.(news, undefined, undefined, said)

process.on('disconnect', () => process.exit())
start(JSON.parse(process.argv[2] ?? '{}') as HostOrder).then(
  () => say({}),
  (error: unknown) => say({ failure: error instanceof Error ? error.message : String(error) }, () => process.exit(1)),
)
