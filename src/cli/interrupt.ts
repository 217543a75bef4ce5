const patienceMs = 1000

/** Aborted by Ctrl-C or SIGTERM: the usual end of a command that has none of its own. */
export function interrupt(): AbortSignal {
  const controller = new AbortController()
  const end = () => {
    controller.abort()
    // A reader that takes nothing more must not hold us.
    setTimeout(() => process.exit(), patienceMs).unref()
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, end)
  return controller.signal
}
