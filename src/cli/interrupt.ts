/** Aborted by Ctrl-C or SIGTERM: the usual end of a command that has none of its own. */
export function interrupt(): AbortSignal {
  const controller = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => controller.abort())
  return controller.signal
}
