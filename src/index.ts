export { type CacheBytes, type CacheEntry, OrbitCache, type OrbitCacheOptions, type PutOptions } from './cache.js'
export { type Codec, codecs } from './codecs.js'
export {
  type ClaimOptions,
  Contest,
  type ContestOptions,
  Fence,
  Guard,
  type Holder,
  type Subject,
  type TryClaimOptions,
} from './contest.js'
export { Cursor, type IterateOptions, type Poll, type WaitOptions } from './cursor.js'
export { errorCodes, OrbitError, type OrbitErrorCode } from './errors.js'
export type { OrbitEvent } from './event.js'
export {
  type EventBusOptions,
  EventCursor,
  type EventPoll,
  EventSubscription,
  OrbitEventBus,
  type SubscribeOptions,
} from './events.js'
export { Fleet, type JoinOptions, type JoinShmOptions, type RemoveOptions } from './fleet.js'
export { type Beat, FleetHeartbeat, type HeartbeatOptions, type HeartbeatSnapshot } from './heartbeat.js'
export {
  collectMetrics,
  type FleetMetrics,
  type Metric,
  type MetricSample,
  type MetricsOptions,
  type PromMetric,
  promCollectors,
} from './metrics.js'
export { NetId64 } from './netid.js'
export { FleetObserver, type Heartbeat, type NodeRecord } from './observer.js'
export { Orbital, type WatchOptions } from './orbital.js'
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
} from './pod.js'
export type { Frame, PublishOptions, RingStats } from './ring.js'
export { type AnyOrbitType, type OrbitType, type OrbitTypeSpec, orbitType } from './typed.js'
export { type GetOrSetOptions, TypedCache, type TypedCacheOptions } from './typedcache.js'
