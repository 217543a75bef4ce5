import { checkFlag, checkInteger, checkOptions, checkWellFormed, outOfRange, wrongType } from '../base/check.js'
import { typeError } from '../base/errors.js'
import { abi } from '../core/native.js'
import { growScratch, putText, scratch } from '../core/scratch.js'
import { afterStoreKey, maxStoreKeyBytes } from '../core/storehandle.js'

/** Options of `put` of an `OrbitStore`: how long the entry lives, its tags, and the condition of the put. */
export interface StorePutOptions {
  /** The entry is fresh for so many milliseconds of monotonic time, 1..2^48; default for ever. */
  ttlMs?: number
  /**
   * After `ttlMs` the entry is stale for so many milliseconds, 1..2^48, and then it expires. Reads still return a stale
   * entry, and say that it is stale. Default: it expires after `ttlMs`.
   */
  staleMs?: number
  /** Up to 128 tags of 1..1024 bytes of UTF-8: `invalidate` removes all entries that have one of its tags. */
  tags?: readonly string[]
}

/** Options of `put`: those of an entry, and the condition under which it is stored. */
export interface ConditionalPutOptions extends StorePutOptions {
  /** Stores only if the key has no entry. */
  ifAbsent?: boolean
  /** Stores only if the entry of the key is still the one with this id, which `getEntry` returned. */
  ifId?: number
}

/** Conditions, by the number that the addon knows them by. */
const always = 0
const ifAbsentCondition = 1
const ifIdCondition = 2
const ifReserved = 3

const maxMs = 2 ** 48
export const maxTagBytes = 1024

const entryKeys = ['ttlMs', 'staleMs', 'tags']
const conditionKeys = [...entryKeys, 'ifAbsent', 'ifId']

/** A copy of the options of an entry, each of which is read once: a getter could change its answer after the check. */
export function checkEntryOptions(options: StorePutOptions): StorePutOptions {
  checkOptions('options', options, entryKeys)
  const given = copyOf(options)
  checkEntry(given)
  return given
}

/** The same for the options of a put. */
export function checkPutOptions(options: ConditionalPutOptions): ConditionalPutOptions {
  checkOptions('options', options, conditionKeys)
  const given = copyOf(options)
  checkEntry(given)
  const { ifAbsent, ifId } = given
  checkFlag('ifAbsent', ifAbsent)
  if (ifId === undefined) return given
  checkInteger('ifId', ifId, 1, Number.MAX_SAFE_INTEGER)
  if (ifAbsent) {
    throw typeError('ERR_ORBIT_INVALID_ARGUMENT', 'ifAbsent and ifId exclude each other: pass one of them')
  }
  return given
}

function copyOf<Options extends StorePutOptions>(options: Options): Options {
  const given = { ...options }
  if (Array.isArray(given.tags)) given.tags = [...given.tags]
  return given
}

function checkEntry({ ttlMs, staleMs, tags }: StorePutOptions): void {
  if (ttlMs !== undefined) checkInteger('ttlMs', ttlMs, 1, maxMs)
  if (staleMs !== undefined) checkInteger('staleMs', staleMs, 1, maxMs)
  if (staleMs !== undefined && ttlMs === undefined) {
    throw typeError('ERR_ORBIT_INVALID_ARGUMENT', `staleMs=${staleMs} needs a ttlMs, after which the entry is stale`)
  }
  if (tags === undefined) return
  if (!Array.isArray(tags)) throw wrongType('tags', tags, 'an array of strings')
  if (tags.length > abi.maxStoreTags) throw outOfRange('tags.length', tags.length, `at most ${abi.maxStoreTags}`)
  for (const tag of tags) checkTag(tag)
}

/** Throws unless this is a tag. */
export function checkTag(tag: unknown): asserts tag is string {
  const expected = `a string of 1..${maxTagBytes} bytes in UTF-8`
  if (typeof tag !== 'string') throw wrongType('tag', tag, expected)
  const bytes = tag.length * 3 <= maxTagBytes ? tag.length : Buffer.byteLength(tag)
  if (bytes === 0 || bytes > maxTagBytes) throw outOfRange('tag', tag, expected)
  checkWellFormed('tag', tag)
}

/** Makes room for the tags of a put, before its key is put into the scratch. */
export function makeRoomForTags({ tags = [] }: StorePutOptions): void {
  let bytes = afterStoreKey(maxStoreKeyBytes)
  for (const tag of tags) bytes += 2 + 3 * tag.length
  growScratch(bytes)
}

/** What an entry is stored under: always, if a condition holds, or if a reservation does. */
export interface PutCondition {
  readonly ifAbsent?: boolean | undefined
  readonly ifId?: number | undefined
  readonly reservation?: Uint32Array | undefined
}

/**
 * Leaves the options of a put in the scratch, and its tags behind the key.
 *
 * @param at where the tags go
 * @returns where the value goes
 */
export function giveOptions(options: StorePutOptions, condition: PutCondition, at: number): number {
  const { ttlMs = 0, staleMs = 0, tags = [] } = options
  const { ifAbsent = false, ifId, reservation } = condition
  let to = at
  for (const tag of tags) {
    const end = putText(tag, to + 2, scratch.bytes.length)
    scratch.view.setUint16(to, end - to - 2, true)
    to = end
  }
  const valueAt = (to + 7) & ~7
  const { floats, words } = scratch
  floats[abi.storeTtlMs >> 3] = ttlMs
  floats[abi.storeStaleMs >> 3] = staleMs
  floats[abi.storeId >> 3] = ifId ?? 0
  words[abi.storeCondition >> 2] =
    reservation !== undefined ? ifReserved : ifId !== undefined ? ifIdCondition : ifAbsent ? ifAbsentCondition : always
  words[abi.storeTagCount >> 2] = tags.length
  words[abi.storeTagBytes >> 2] = valueAt - at
  if (reservation !== undefined) words.set(reservation, abi.storeReservation >> 2)
  return valueAt
}
