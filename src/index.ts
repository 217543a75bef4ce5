export { errorCodes, OrbitError, type OrbitErrorCode } from './base/errors.js'
export { NetId64 } from './base/netid.js'
export type { CallProgress } from './core/boxes.js'
export { Cursor, type IterateOptions, type WaitOptions } from './core/cursor.js'
export { FileLock } from './core/filelock.js'
export {
  Fleet,
  type JoinOptions,
  type JoinShmAsyncOptions,
  type JoinShmOptions,
  type RemoveOptions,
} from './core/fleet.js'
export type { Frame } from './core/frame.js'
export type { CursorListener, ListenOptions } from './core/listener.js'
export type { Message } from './core/message.js'
export type { Heartbeat, NodeRecord } from './core/node.js'
export type { NodeChange, WatchNodesOptions } from './core/nodewatch.js'
export { FleetObserver } from './core/observer.js'
export type { Poll } from './core/poll.js'
export type { PublishOptions, RingStats } from './core/ring.js'
export type { Subject } from './core/table.js'
export { type AnyOrbitType, type OrbitType, type OrbitTypeSpec, orbitType, type ValueOf } from './core/type.js'
export {
  collectMetrics,
  type FleetMetrics,
  type Metric,
  type MetricSample,
  type MetricsOptions,
  type PromMetric,
  promCollectors,
} from './inspect/metrics.js'
export { type EventBusOptions, OrbitEventBus } from './layers/bus.js'
export {
  type CacheBytes,
  type CacheEntry,
  OrbitCache,
  type OrbitCacheOptions,
  type PutOptions,
} from './layers/cache.js'
export { RemoteError } from './layers/callwire.js'
export type { Holder } from './layers/claim.js'
export { type CallOptions, Client, type ClientOptions, type ItemOf, type StreamOptions } from './layers/client.js'
export { type Codec, codecs } from './layers/codecs.js'
export {
  type ClaimOptions,
  Contest,
  type ContestOptions,
  type RunContext,
  type RunOptions,
  type TryClaimOptions,
} from './layers/contest.js'
export { Counter, Gauge } from './layers/counter.js'
export {
  type CounterEntry,
  type CounterListOptions,
  type CounterOptions,
  Counters,
  type CountersOptions,
} from './layers/counters.js'
export type { CallContext, Handlers } from './layers/dispatcher.js'
export type { PresenceChange, PresenceEntry } from './layers/entryview.js'
export type { EventOrigin, OrbitEvent } from './layers/event.js'
export { EventCursor, type EventListenOptions, type EventPoll } from './layers/eventcursor.js'
export { Fence } from './layers/fence.js'
export { FlightRecorder, type FlightRecorderOptions } from './layers/flightrecorder.js'
export { Guard } from './layers/guard.js'
export {
  FleetHeartbeat,
  type HeartbeatOptions,
  type HeartbeatSnapshot,
  type NodeHeartbeat,
} from './layers/heartbeat.js'
export { Histogram, type HistogramOptions, type HistogramValue } from './layers/histogram.js'
export {
  Inbox,
  type InboxPollOptions,
  type InboxWaitOptions,
  type InstanceOptions,
  type OwnOptions,
} from './layers/inbox.js'
export { type InboxOwner, type InboxType, type InboxTypeSpec, inboxType } from './layers/inboxtype.js'
export type { OrbitStoreOptions } from './layers/keyspace.js'
export type { LoadContext } from './layers/loadcontext.js'
export { CallError } from './layers/opencall.js'
export { Orbital, type WatchOptions } from './layers/orbital.js'
export { Outbox, type SendOptions, type SendResult, type TrySendOptions } from './layers/outbox.js'
export { Presence, type PresenceOptions, type WatchPresenceOptions } from './layers/presence.js'
export {
  type Decision,
  type HitOptions,
  RateLimiter,
  type RateLimiterOptions,
  type WaitForOptions,
} from './layers/ratelimiter.js'
export { Reservation } from './layers/reservation.js'
export { type AcquireOptions, Semaphore, type SemaphoreOptions, type TryAcquireOptions } from './layers/semaphore.js'
export { type ServeOptions, Server, serve } from './layers/server.js'
export { OrbitStore, type StoreEntry } from './layers/store.js'
export type { KeysOptions, StoreKey } from './layers/storekeys.js'
export type { ConditionalPutOptions, StorePutOptions } from './layers/storeoptions.js'
export type { StoreStats } from './layers/storestats.js'
export { type StoreChange, StoreWatch, type StoreWatchOptions } from './layers/storewatch.js'
export { EventSubscription, type SubscribeOptions } from './layers/subscription.js'
export type { AnyTopics, EventOf, RawPayload } from './layers/topics.js'
export { type GetOrSetOptions, TypedCache, type TypedCacheOptions } from './layers/typedcache.js'
export {
  array,
  bytes,
  type Pod,
  type PodElement,
  type PodFields,
  type PodKind,
  type PodOptions,
  type PodType,
  type PodTypeValue,
  type PodValue,
  pod,
  text,
} from './pod/pod.js'
