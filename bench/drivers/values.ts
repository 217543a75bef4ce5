/** What a `latest` stores. */
export const load = { busy: 3, idle: 5 }
