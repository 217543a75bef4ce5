/** How many partitions the actors of a system are in. All processes must agree on it, and so must the data. */
export const partitionCount = 16
