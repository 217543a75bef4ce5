// The addon's calls for contests, and their numbers.

/** Numbers of contests, from native/protocol/layout.h and the addon. */
export interface ContestAbi {
  readonly contestTextAt: number
  readonly claimToken: number
  readonly claimClaimedAtMs: number
  readonly claimExpiresInMs: number
  readonly claimIncarnation: number
  readonly claimStamp: number
  readonly claimNode: number
  readonly claimPid: number
  readonly claimOwnerBytes: number
  readonly claimOwner: number
  readonly listedToken: number
  readonly listedClaimedAtMs: number
  readonly listedExpiresInMs: number
  readonly listedNode: number
  readonly listedPid: number
  readonly listedSubjectKind: number
  readonly listedSubjectBytes: number
  readonly listedOwnerBytes: number
  readonly listedClaimBytes: number
  readonly maxSubjectBytes: number
  readonly maxOwnerBytes: number
  readonly cardBytes: number
  readonly lifeTtlMs: number
}

export interface ContestCalls {
  /**
   * Given: ttlMs, table, lengths (subjectKind, subjectBytes << 8, ownerBytes << 16). Undefined: claimed; 2: another
   * member holds it.
   */
  contestClaim(): number | undefined
  contestRenew(table: number, lengths: number, token: number, ttlMs: number): number
  /** Given: token, table, lengths. Undefined: released; 0: the claim had ended. */
  contestRelease(): number | undefined
  contestHolder(table: number, lengths: number): number
  contestHasNews(
    table: number,
    lengths: number,
    stamp: number,
    token: number,
    node: number,
    incarnation: number,
  ): number
  contestClaims(table: number, bucket: number): number
  inspectTable(table: number): {
    readonly claims: number
    /** Of these: without expiry. */
    readonly lifeClaims: number
    readonly buckets: number
    readonly damaged: number
  }
}
