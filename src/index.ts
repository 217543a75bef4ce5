export { errorCodes, OrbitError, type OrbitErrorCode } from './base/errors.js'
export { NetId64 } from './base/netid.js'
export { Cursor, type IterateOptions, type Poll, type WaitOptions } from './core/cursor.js'
export { Fleet, type JoinOptions, type JoinShmOptions, type RemoveOptions } from './core/fleet.js'
export { FleetObserver, type Heartbeat, type NodeRecord } from './core/observer.js'
export type { Frame, PublishOptions, RingStats } from './core/ring.js'
export { type AnyOrbitType, type OrbitType, type OrbitTypeSpec, orbitType } from './core/type.js'
export {
  collectMetrics,
  type FleetMetrics,
  type Metric,
  type MetricSample,
  type MetricsOptions,
  type PromMetric,
  promCollectors,
} from './inspect/metrics.js'
export {
  type EventBusOptions,
  EventCursor,
  type EventPoll,
  EventSubscription,
  OrbitEventBus,
  type SubscribeOptions,
} from './layers/bus.js'
export {
  type CacheBytes,
  type CacheEntry,
  OrbitCache,
  type OrbitCacheOptions,
  type PutOptions,
} from './layers/cache.js'
export { type Codec, codecs } from './layers/codecs.js'
export {
  type ClaimOptions,
  Contest,
  type ContestOptions,
  Fence,
  Guard,
  type Holder,
  type Subject,
  type TryClaimOptions,
} from './layers/contest.js'
export type { OrbitEvent } from './layers/event.js'
export {
  FleetHeartbeat,
  type HeartbeatOptions,
  type HeartbeatSnapshot,
  type NodeHeartbeat,
} from './layers/heartbeat.js'
export { Orbital, type WatchOptions } from './layers/orbital.js'
export { type GetOrSetOptions, TypedCache, type TypedCacheOptions } from './layers/typedcache.js'
export {
  array,
  bytes,
  type Pod,
  type PodElement,
  type PodFields,
  type PodKind,
  type PodType,
  type PodTypeValue,
  type PodValue,
  pod,
  text,
} from './pod/pod.js'
