/** Tells what comes too late, however late the process runs. */
export class TimeLimit {
  readonly isOver: boolean
  constructor(ms: number)
  clear(): void
}
