/** The numbers of inboxes and calls that the addon knows. */
export interface InboxAbi {
  readonly callKind: number
  readonly requestHeaderBytes: number
  readonly serverDied: number
  readonly replyDamaged: number
  readonly maxBoxes: number
  readonly maxServices: number
}

/** Of an inbox object: how many inboxes there are, and reply slots in each. Its capacity is that of all together. */
export interface InboxSpec {
  boxes?: number
  replies?: number
}

/** The addon's calls on inboxes, and on the calls that pass through them. An inbox object and its boxes are numbers. */
export interface InboxCalls {
  /** 1: this process owns the box now; 0: another one does. */
  inboxOwn(inbox: number, box: number): number
  inboxDisown(inbox: number, box: number): number
  inboxPoll(inbox: number, box: number, max: number): number
  /** As inboxPoll, from a position on, for a process that does not own the box. Results.lost: overwritten messages. */
  inboxPeek(inbox: number, box: number, position: number, max: number): number
  inboxCommit(inbox: number, box: number, position: number): number
  /** Undefined when it did: the position stands in the scratch. */
  inboxSend(inbox: number, box: number, payload: Uint8Array, frameKind: number, version: number): number | undefined
  inboxSendPacked(
    inbox: number,
    box: number,
    records: Uint8Array,
    recordBytes: number,
    frameKind: number,
    version: number,
  ): number
  inboxLook(inbox: number, box: number): number
  inboxHasMessage(inbox: number, box: number): number
  inboxHasRoom(inbox: number, box: number): number
  inboxIsFree(inbox: number, box: number): number
  inboxArm(inbox: number, box: number): number
  callAnnounce(inbox: number, box: number, place: number, name: Uint8Array): number
  /** Results.lost: how many servers there are. */
  callFind(inbox: number, name: Uint8Array, turn: number): number
  /**
   * slot 2^32 - 1: no answer is wanted. Undefined when it did; callWake must follow. Overwritten: no answer can land in
   * this slot.
   */
  callSend(
    inbox: number,
    box: number,
    slot: number,
    bytes: Uint8Array,
    length: number,
    /** The flags of the request, and 2^16 times its depth. */
    flags: number,
  ): number | undefined
  /** How many bytes the payload of the last callSend with this slot has, which is left as that of a record. */
  callKept(inbox: number, slot: number): number
  callWake(inbox: number, box: number): number
  /** How many calls of this process are settled, in records. */
  callCollect(inbox: number): number
  /** 1: there is news; 0: not, and from now on this node is signalled. wants: requests are news, 1 or 0. */
  callFallAsleep(inbox: number, box: number, wants: number, running: number): number
  /** As callFallAsleep, but it looks for so long, and this node is not signalled. */
  callSpin(inbox: number, box: number, wants: number, running: number, microseconds: number): number
  /** isStream: 1 or 0. */
  callWatch(inbox: number, slot: number, stamp: number, isStream: number): number
  /** The slot of a watched call that is over, its stamp in Results.from; 2^31 - 1: none. */
  callOver(inbox: number): number
  callTake(inbox: number, slot: number, stamp: number): number
  /** 1: the caller has taken the last part of a stream; 0: not yet. */
  callTaken(inbox: number, slot: number, stamp: number): number
  /** The next part of a stream may come; callWake must follow. */
  callMore(inbox: number, slot: number, stamp: number): number
  callGiveUp(inbox: number, box: number, slot: number, stamp: number): number
  callBegin(inbox: number, slot: number, stamp: number): number
  /** 1: it landed, and callWake must follow. */
  callAnswer(inbox: number, slot: number, stamp: number, kind: number, bytes: Uint8Array, length: number): number
}
