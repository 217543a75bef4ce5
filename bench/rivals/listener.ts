// The child that hears what send.ts sends. It ends when its parent does.

process.on('SIGINT', () => {}) // The bench hears it too, and ends us all.
process.on('disconnect', () => process.exit())
let heard = 0
process.on('message', () => heard++)
process.send?.('ready')
