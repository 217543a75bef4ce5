import { copiesOf } from '../base/wire.js'
import type { CallTaker } from '../host/home.js'
import type { Ledger } from '../host/ledger.js'
import type { Call } from './call.js'

/** Sends a call of an actor once what it was made from is committed; at once for others. */
export function submit(to: CallTaker, call: Call, ledger: Ledger | undefined): void {
  if (ledger === undefined || ledger.isSettled) {
    to.submit(call)
    return
  }
  call.wait()
  call.keepScope()
  ledger.hold((failure) => {
    if (failure !== undefined) {
      call.refuse('ERR_ORBIT_ACTOR_STORE', `what it was made from was not kept: ${failure.message}`)
    } else if (!call.isOver) {
      submitOrFail(to, call)
    }
  })
}

/** What fails here would be lost: the caller is not on the stack. */
function submitOrFail(to: CallTaker, call: Call): void {
  try {
    call.inScope(() => to.submit(call))
  } catch (error) {
    call.fail(error)
  }
}

/** Makes a call that nothing waits for, once its turn is committed; at once for others. Throws a DataCloneError. */
export function tell(
  args: readonly unknown[],
  ledger: Ledger | undefined,
  send: (args: readonly unknown[]) => void,
): void {
  if (ledger === undefined) {
    send(args)
    return
  }
  const copies = copiesOf(args)
  ledger.leaveLater(() => send(copies))
}
