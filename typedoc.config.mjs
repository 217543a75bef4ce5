// `npm run docs`: the reference in docs/api, from the docstrings of src/, with the documents beside it.
import { readFileSync } from 'node:fs'

/** Each code is documented by its sentence, which is its value. */
const codesIn = (file) => [
  ...new Set(readFileSync(new URL(file, import.meta.url), 'utf8').match(/\bERR_ORBIT_[A-Z_]+\b/g)),
]

export default {
  name: 'orbit-node',
  includeVersion: true,
  entryPoints: [
    'src/index.ts',
    'src/struct.ts',
    'src/testing.ts',
    'src/adapters/{cron,keyv,next,otel,pino,prom,ratelimit,socketio}.ts',
    'packages/actors/src/{index,inspect,sqlite,testing}.ts',
    'packages/bridge/src/index.ts',
  ],
  readme: 'README.md',
  projectDocuments: [
    'docs/guide/*.md',
    'docs/performance.md',
    'docs/recipes/*.md',
    'ARCHITECTURE.md',
    'CONTRIBUTING.md',
    'CHANGELOG.md',
  ],
  out: 'docs/api',
  disableSources: true,
  excludeInternal: true,
  excludePrivate: true,
  excludeExternals: true,
  highlightLanguages: ['typescript', 'javascript', 'console', 'bash', 'json', 'yaml', 'dockerfile', 'ini'],
  treatWarningsAsErrors: true,
  validation: { notExported: true, invalidLink: true, invalidPath: true, notDocumented: true },
  // orbit-actors and orbit-bridge refer to the types of orbit-node by the declarations in dist/, which are documented from src/.
  intentionallyNotExported: [
    ...['EventsOf', 'Family', 'Fleet', 'MatchingTopic', 'Metric', 'PodWords', 'CacheBytes', 'Codec'],
    ...['ConditionalPutOptions', 'GetOrSetOptions', 'KeysOptions', 'LoadContext', 'NodeRecord', 'PresenceEntry'],
    ...['Reservation', 'StoreEntry', 'StoreKey', 'StoreStats', 'StoreWatch', 'StoreWatchOptions', 'Subject'],
  ],
  intentionallyNotDocumented: [
    // What stands around them says it.
    'Contest.tryClaim.__type.guard',
    'Contest.tryClaim.__type.yieldTo',
    'HistogramValue.buckets.__type.count',
    'HistogramValue.buckets.__type.le',
    'Inbox.tryOwn.__type.inbox',
    'Inbox.tryOwn.__type.ownedBy',
    'MetricsOptions.cursors.__type.lag',
    'PromMetric.get.__type.aggregator',
    'PromMetric.get.__type.values',
    'Semaphore.tryAcquire.__type.guard',
    'Semaphore.tryAcquire.__type.yieldTo',
    ...codesIn('src/base/errors.ts').map((code) => `errorCodes.__type.${code}`),
  ]
    .map((name) => `src.${name}`)
    .concat(
      // The constructors of another library.
      'src/adapters/ratelimit.FlexibleLibrary.RateLimiterRedis.__type',
      'src/adapters/ratelimit.FlexibleLibrary.RateLimiterRes.__type',
    ),
}
