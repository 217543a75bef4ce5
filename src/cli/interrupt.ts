/** How long a command may take to end after a signal. */
const endingMs = 1000

/** A signal that is aborted by Ctrl-C or SIGTERM, for commands that do not end by themselves. */
export function interrupt(): AbortSignal {
  const controller = new AbortController()
  const end = () => {
    controller.abort()
    // A reader that has stopped reading must not keep this process alive.
    setTimeout(() => process.exit(), endingMs).unref()
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, end)
  return controller.signal
}
