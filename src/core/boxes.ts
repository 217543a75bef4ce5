import type { Wakeable } from './bell.js'
import { Handle, type OpenedType } from './handle.js'
import { addTo, type Message, type NoteMessage, noteMessages } from './message.js'
import { abi, native, status } from './native.js'
import {
  firstRecord,
  loadedFrameKind,
  loadedLength,
  payloadOffset,
  recordBytes,
  resultBytes,
  resultFrom,
  resultHead,
  resultLost,
  resultMalformed,
  resultPosition,
  resultStatus,
  resultTo,
  scratch,
} from './scratch.js'

/** The state of one box, as it was at some instant during the call. */
export interface BoxState {
  /** The next position to be sent. */
  readonly head: number
  /** The position up to which the owner has committed. */
  readonly committed: number
  /** How many sends were refused because the box was full. */
  readonly refused: number
  /** How many calls its owner has open; 0 in a box without reply slots. */
  readonly openCalls: number
  /** The member that owns it, or owned it last and died; undefined: none. */
  readonly owner:
    | { readonly node: number; readonly incarnation: number; readonly pid: number; readonly isAlive: boolean }
    | undefined
}

/** What `peek` found. */
export interface BoxPeek {
  readonly messages: readonly Message[]
  /** The next position to peek at. */
  readonly to: number
  readonly lost: number
  readonly malformed: number
}

/** How far a call had come when it ended without an answer: its handler had not begun, had begun, or had ended. */
export type CallProgress = 'not begun' | 'begun' | 'done'

/** A request that a server was sent. */
export interface SentCall {
  readonly box: number
  readonly slot: number
  /** Moves on with each part of a stream. */
  stamp: number
  readonly node: number
  readonly incarnation: number
}

/**
 * What an answer is: the result, what the handler threw, a part of a stream, after which its call goes on, that the
 * process has no such handler, or that foreign bytes are in its place.
 */
export type AnswerKind = 'answer' | 'failure' | 'part' | 'refused' | 'damaged'

const progressNames: readonly CallProgress[] = ['not begun', 'begun', 'done']
const kindNumbers = { answer: 1, failure: 2, part: 4, refused: 5, damaged: abi.replyDamaged }
const kinds = new Map(Object.entries(kindNumbers).map(([kind, number]) => [number, kind as AnswerKind]))
/** Foreign bytes may be anything. */
const kindOf = (number: number): AnswerKind => kinds.get(number) ?? 'damaged'
/** The flag of a request that wants a stream. */
const wantsStream = 2
/** What the addon returns when no watched call is over. */
const noCall = 0x7fffffff
/** The addon's word for "no answer is wanted". */
const oneWay = 0xffffffff

// Offsets within a record, as indices of the views.
const positionIndex = abi.recordPosition >> 3
const lengthIndex = abi.recordLength >> 2
const frameKindIndex = abi.recordFrameKind >> 2

/** One open inbox object: the addon's calls on its boxes, with their statuses turned into errors or values. */
export class Boxes extends Handle {
  static readonly isTable = false

  /** How many boxes there are. */
  readonly boxes: number
  /** How many reply slots each box has. */
  readonly replies: number

  constructor(opener: object, handle: number, type: OpenedType) {
    super(opener, handle, type)
    const { boxes, replies } = native.ringInfo(handle)
    this.boxes = boxes
    this.replies = replies
  }

  /** How many messages a box has room for. */
  get perBox(): number {
    return this.capacity / this.boxes - this.replies
  }

  /** Becomes the owner of a box; false: another living process owns it. */
  own(box: number): boolean {
    return this.orThrow(native.inboxOwn(this.handle, box)) === 1
  }

  /** Ends the ownership. After a close it does nothing. */
  disown(box: number): void {
    native.inboxDisown(this.handle, box)
  }

  /** Appends up to `max` messages that were not read yet, and returns how many messages were malformed. */
  poll(box: number, max: number, messages: Message[]): number {
    return this.pollEach(box, max, addTo(messages))
  }

  /** Calls back for each of up to `max` messages that were not read yet, and returns how many were malformed. */
  pollEach(box: number, max: number, note: NoteMessage): number {
    let malformed = 0
    for (let left = max; left > 0; ) {
      const count = this.orThrow(native.inboxPoll(this.handle, box, left))
      malformed += resultMalformed()
      const isFilled = resultBytes() > scratch.bytes.length / 2 // the scratch may have ended the poll
      const isOver = resultTo() === resultFrom() || !isFilled
      left -= count
      if (count > 0) noteMessages(count, note)
      if (isOver) break
    }
    return malformed
  }

  /**
   * Reads up to `max` messages from a position on that were not overwritten, committed or not, without owning the box.
   *
   * @returns the position behind them, and how many were overwritten or are malformed
   */
  peek(box: number, from: number, max: number): BoxPeek {
    const messages: Message[] = []
    const count = this.orThrow(native.inboxPeek(this.handle, box, from, max))
    const [to, lost, malformed] = [resultTo(), resultLost(), resultMalformed()]
    if (count > 0) noteMessages(count, addTo(messages))
    return { messages, to, lost, malformed }
  }

  /** Commits all positions below `position`. */
  commit(box: number, position: number): void {
    this.orThrow(native.inboxCommit(this.handle, box, position))
  }

  /** Sends one message; -1: the box is full. */
  send(box: number, payload: Uint8Array, frameKind: number, version: number): number {
    const refused = native.inboxSend(this.handle, box, payload, frameKind, version)
    if (refused === undefined) return resultPosition()
    if (refused === status.full) return -1
    return this.refuse(refused)
  }

  /** Sends records that lie back to back, and returns how many there was room for. */
  sendPacked(box: number, records: Uint8Array, recordBytes: number, frameKind: number, version: number): number {
    const sent = this.orThrow(native.inboxSendPacked(this.handle, box, records, recordBytes, frameKind, version))
    const ended = resultStatus()
    if (ended !== 0 && ended !== status.full) this.refuse(ended)
    return sent
  }

  /** Looks at a box. */
  look(box: number): BoxState {
    this.orThrow(native.inboxLook(this.handle, box))
    const node = resultPosition()
    const owner = { node, incarnation: resultTo(), pid: resultLost(), isAlive: resultStatus() === 1 }
    return {
      head: resultHead(),
      committed: resultFrom(),
      refused: resultMalformed(),
      openCalls: resultBytes(),
      owner: node < 0 ? undefined : owner,
    }
  }

  /** Announces that the owner of a box serves a name; no bytes: no longer. */
  announce(box: number, place: number, name: Uint8Array): void {
    native.callAnnounce(this.handle, box, place, name)
  }

  /** The box of the least busy living server of a name; -1: there is none. `isOnlyServer` says more. */
  findServer(name: Uint8Array, turn: number): number {
    const box = this.orThrow(native.callFind(this.handle, name, turn))
    return box < this.boxes ? box : -1
  }

  /** Whether the last `findServer` has found one server only. */
  isOnlyServer(): boolean {
    return resultLost() === 1
  }

  /**
   * Sends the first `length` bytes as a request; `slot` -1: no answer is wanted. 'full': the box is, for calls of this
   * depth. 'damaged': no answer can land in this slot. Otherwise `wake` must follow.
   */
  ask(
    box: number,
    slot: number,
    bytes: Uint8Array,
    length: number,
    depth: number,
    isStream: boolean,
  ): SentCall | 'full' | 'damaged' {
    const flags = (isStream ? wantsStream : 0) + depth * 2 ** 16
    const refused = native.callSend(this.handle, box, slot < 0 ? oneWay : slot, bytes, length, flags)
    if (refused === status.full) return 'full'
    if (refused === status.overwritten) return 'damaged'
    if (refused !== undefined) this.refuse(refused)
    return { box, slot, stamp: resultFrom(), node: resultLost(), incarnation: resultTo() }
  }

  /** A copy of the request that was sent last with this slot. */
  keptRequest(slot: number): Uint8Array {
    const length = this.orThrow(native.callKept(this.handle, slot))
    return scratch.bytes.slice(payloadOffset, payloadOffset + length)
  }

  /** The box that has a reply slot. */
  boxOfSlot(slot: number): number {
    return Math.floor(slot / (this.capacity / this.boxes))
  }

  /** Asks the owner of a box to signal this node when it makes room, and returns whether there is room already. */
  armForRoom(box: number): boolean {
    this.orThrow(native.inboxArm(this.handle, box))
    return this.orThrow(native.inboxHasRoom(this.handle, box)) === 1
  }

  /** The number of the reply slot at a place of a box. */
  replySlot(box: number, place: number): number {
    return (box + 1) * (this.capacity / this.boxes) - this.replies + place
  }

  /** Lets the owner of a box look for requests and answers. */
  wake(box: number): void {
    native.callWake(this.handle, box)
  }

  /**
   * Calls back for each call of this process that is settled: its answer, with its place in the scratch, or the death
   * of its server. After a part the call goes on at the next stamp.
   */
  collect(note: (place: number, kind: AnswerKind | 'dead', at: number, end: number) => void): void {
    const count = this.orThrow(native.callCollect(this.handle))
    const { floats, words } = scratch
    let at = firstRecord
    for (let i = 0; i < count; i++) {
      const length = words[(at >> 2) + lengthIndex] as number
      const frameKind = (words[(at >> 2) + frameKindIndex] as number) & 0xff
      const kind = frameKind === abi.serverDied ? 'dead' : kindOf(frameKind)
      note(floats[(at >> 3) + positionIndex] as number, kind, at + recordBytes, at + recordBytes + length)
      at += recordBytes + ((length + 7) & ~7)
    }
  }

  /**
   * Whether there is an answer, a call that is over, or a request that it `wants`; if not, others signal from now.
   * `running`: how many calls the owner of the box runs.
   */
  fallAsleepFor(box: number, wants: boolean, running: number): boolean {
    return this.orThrow(native.callFallAsleep(this.handle, box, wants ? 1 : 0, running)) === 1
  }

  /** Looks for what `fallAsleepFor` looks for, for so many microseconds, and does not let other code run. */
  spinFor(box: number, wants: boolean, running: number, microseconds: number): boolean {
    return this.orThrow(native.callSpin(this.handle, box, wants ? 1 : 0, running, microseconds)) === 1
  }

  /** Watches a call of another process that this one runs, until it is answered or over. */
  watchCall(slot: number, stamp: number, isStream: boolean): void {
    native.callWatch(this.handle, slot, stamp, isStream ? 1 : 0)
  }

  /** Whether the caller has taken the last part of a stream. */
  isTaken(slot: number, stamp: number): boolean {
    return this.orThrow(native.callTaken(this.handle, slot, stamp)) === 1
  }

  /** The caller wants the next part of a stream. `wake` of the server must follow. */
  wantMore({ slot, stamp }: SentCall): void {
    this.orThrow(native.callMore(this.handle, slot, stamp))
  }

  /** The slot of a watched call whose caller gave it up, with its stamp in the scratch; undefined: there is none. */
  nextOver(): { slot: number; stamp: number } | undefined {
    const slot = this.orThrow(native.callOver(this.handle))
    return slot === noCall ? undefined : { slot, stamp: resultFrom() }
  }

  /** Takes the answer of a call, and returns its place in the scratch. */
  takeAnswer({ slot, stamp }: SentCall): { readonly kind: AnswerKind; readonly at: number; readonly end: number } {
    this.orThrow(native.callTake(this.handle, slot, stamp))
    return { kind: kindOf(loadedFrameKind()), at: payloadOffset, end: payloadOffset + loadedLength() }
  }

  /** Gives a call up, and says how far it had come; 'answered': the answer came first. */
  giveUp({ box, slot, stamp }: SentCall): CallProgress | 'answered' {
    return progressNames[this.orThrow(native.callGiveUp(this.handle, box, slot, stamp))] ?? 'answered'
  }

  /** Begins a call; false: it is over, or was begun before. */
  begin(slot: number, stamp: number): boolean {
    return this.orThrow(native.callBegin(this.handle, slot, stamp)) === 1
  }

  /** Answers a call with the first `length` bytes; false: it was over. `wake` of the box of the slot must follow. */
  answer(slot: number, stamp: number, kind: AnswerKind, bytes: Uint8Array, length: number): boolean {
    return this.orThrow(native.callAnswer(this.handle, slot, stamp, kindNumbers[kind], bytes, length)) === 1
  }

  /** What the owner of a box sleeps on. */
  messagesOf(box: number): Wakeable {
    return this.#wakeable(
      () => native.inboxHasMessage(this.handle, box),
      () => this.arm(),
    )
  }

  /** What a sender sleeps on until there is room. */
  roomOf(box: number): Wakeable {
    return this.#wakeable(
      () => native.inboxHasRoom(this.handle, box),
      () => this.orThrow(native.inboxArm(this.handle, box)),
    )
  }

  /** What a sender sleeps on until a living process owns the box. */
  ownerOf(box: number): Wakeable {
    return this.#wakeable(
      () => 1 - this.orThrow(native.inboxIsFree(this.handle, box)),
      () => this.orThrow(native.inboxArm(this.handle, box)),
    )
  }

  /** What a process sleeps on until it may become the owner. */
  ownershipOf(box: number): Wakeable {
    const ownership = this.#wakeable(
      () => native.inboxIsFree(this.handle, box),
      () => this.orThrow(native.inboxArm(this.handle, box)),
    )
    ownership.members = () => {
      const { owner } = this.look(box)
      return owner?.isAlive ? [owner] : []
    }
    return ownership
  }

  #wakeable(hasNews: () => number, arm: () => void): Wakeable {
    const boxes = this
    return {
      kind: this.kind,
      get closed() {
        return boxes.closed
      },
      hasNews: () => boxes.orThrow(hasNews()) === 1,
      fallAsleep: () => {
        if (boxes.orThrow(hasNews()) === 1) return true
        arm()
        return boxes.orThrow(hasNews()) === 1
      },
      disarm: () => boxes.disarm(),
    }
  }
}
