/** @module orbit-actors */
export {
  Actor,
  type ActorClass,
  type ActorContext,
  type ActorLog,
  type ActorSettings,
  type ChildOptions,
  type DeactivateReason,
  type MonitorEnd,
  type TimerOptions,
} from './actor/actor.js'
export type { CallOptions, Ref, Streams, Tell } from './actor/ref.js'
export type { ActorSql, SqlChanges, SqlRow, SqlStatement, SqlValue, SqlValues } from './actor/sql.js'
export type { ActorStorage, Alarm, AlarmEntry, AlarmTime, CronTime, ListOptions } from './actor/storage.js'
export {
  ActorError,
  type ActorErrorCode,
  type ActorErrorDetails,
  actorErrorCodes,
  type Outcome,
} from './base/errors.js'
export type { BackupResult } from './caller/backup.js'
export type { ActorsReport, InspectedHost } from './caller/inspector.js'
export type { PlacementPolicy } from './host/balance.js'
export type { Filter, FilteredCall } from './host/filter.js'
export type { ActorMetrics } from './host/metrics.js'
export type { PartitionState } from './host/partitionstate.js'
export type { ActorEntry, HostReport, WaitEntry } from './host/report.js'
export type { ActorClasses, CallerOptions, HostOptions, SystemOptions } from './options.js'
export { actors } from './start.js'
export { memory } from './store/memory.js'
export {
  type Eventually,
  type PartitionStore,
  type Store,
  type StoreChange,
  type StoredActor,
  type StoredAlarm,
  type StoredCounts,
  type StoredMessage,
  StoreError,
} from './store/store.js'
export type { AnyWorker } from './supervision/anyworker.js'
export type { HealthOptions } from './supervision/health.js'
export type { Restart, Strategy } from './supervision/supervision.js'
export type { WorkerEvent, WorkerSpec } from './supervision/worker.js'
export { type SuperviseOptions, superviseWorkers, type WorkerSupervisor } from './supervision/workers.js'
export type { ActorSystem } from './system.js'
