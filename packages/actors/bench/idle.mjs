// A worker of the bench that does nothing.
setInterval(() => {}, 60_000)
