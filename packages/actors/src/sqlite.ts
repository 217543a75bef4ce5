/** @module orbit-actors/sqlite */
export { type SqliteOptions, sqlite } from './store/sqlite.js'
export type { SqliteDriver } from './store/sqlitedriver.js'
