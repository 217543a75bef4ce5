import { type NetId64, Orbital, orbitType, pod } from '../../src/index.js'
import { type Call, consumed, onFleet } from './call.js'

const operations = 1000
const WorkerLoad = orbitType({ name: 'WorkerLoad', kind: 1, pod: pod({ busy: 'u32', idle: 'u32' }) })

const store: Call = {
  name: 'Orbital.store, 2 fields',
  measures: 'orbital.store({ busy, idle }), the id unused',
  unit: 'call',
  operations,
  arguments: 2,
  setup: onFleet((fleet) => {
    const load = new Orbital(fleet, WorkerLoad)
    return () => {
      let id: NetId64 | undefined
      for (let i = 0; i < operations; i++) id = load.store({ busy: i, idle: operations - i })
      consumed.value = id
    }
  }),
}

const load: Call = {
  name: 'Orbital.load, 2 fields',
  measures: 'orbital.load(), both fields read',
  unit: 'call',
  operations,
  setup: onFleet((fleet) => {
    const load = new Orbital(fleet, WorkerLoad)
    load.store({ busy: 3, idle: 5 })
    return () => {
      let sum = 0
      for (let i = 0; i < operations; i++) {
        const value = load.load()
        if (value !== undefined) sum += value.busy + value.idle
      }
      consumed.number += sum
    }
  }),
}

export default [store, load]
