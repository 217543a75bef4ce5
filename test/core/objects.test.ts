import { writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { native } from '../../src/core/native.js'
import { orbitType } from '../../src/index.js'
import { bellPath } from '../help/bells.js'
import { fleetName, hasObjectFiles, joinShm, objectName, objectPath, plant } from '../help/fleets.js'

const uid = process.geteuid?.() ?? 0
const Facts = orbitType({ name: 'Facts', kind: 7, capacity: 4, payloadBytes: 8 })
const listed = (fleet: string) =>
  native
    .listObjects()
    .filter((object) => object.fleet === fleet)
    .sort((a, b) => a.number - b.number)

describe.skipIf(!hasObjectFiles)('native.listObjects', () => {
  it('lists the fleet object, the rings and the bells of a fleet', () => {
    const name = fleetName()
    joinShm(name, { size: 300 }).head(Facts)
    writeFileSync(plant(bellPath(name, 299)), '')
    expect(listed(name)).toEqual([
      { file: objectName(name, 'fleet').slice(1), fleet: name, form: 'fleet', number: -1, uid },
      { file: objectName(name, 7).slice(1), fleet: name, form: 'ring', number: 7, uid },
      { file: `orbit-${name}-299-${uid}.bell`, fleet: name, form: 'bell', number: 299, uid },
    ])
  })

  it('reads a fleet name that ends like an object of another fleet', () => {
    const name = fleetName()
    const namesake = `${name}-7-${uid}`
    for (const fleet of [name, namesake]) writeFileSync(plant(objectPath(fleet, 7)), '')
    expect(listed(name)).toMatchObject([{ form: 'ring', number: 7 }])
    expect(listed(namesake)).toMatchObject([{ form: 'ring', number: 7 }])
  })

  it('lists the objects of other users with their uid', () => {
    const name = fleetName()
    const file = `orbit-${name}-fleet-4294967295`
    writeFileSync(plant(`${native.objectsFolder()}/${file}`), '')
    expect(listed(name)).toEqual([{ file, fleet: name, form: 'fleet', number: -1, uid: 4294967295 }])
  })

  it.each([
    'KIND-7',
    'FLEET',
    'FLEET-7',
    'FLEET-fleet',
    'FLEET-256-UID',
    'FLEET-007-UID',
    'FLEET-7-0UID',
    'FLEET-7-4294967296',
    'FLEET-7-',
    'FLEET-7-UID.bel',
    'FLEET-7-UID.bell.bell',
    'FLEET-65536-UID.bell',
    'FLEET-fleet-UID.bell',
    'FLEET-Fleet-UID',
    'FLEET é-7-UID',
    `FLEET${'x'.repeat(64)}-7-UID`,
  ])('passes over a file named orbit-%s', (pattern) => {
    const name = fleetName()
    const file = `orbit-${pattern.replace('FLEET', name).replace('UID', String(uid))}`
    writeFileSync(plant(`${native.objectsFolder()}/${file}`), '')
    expect(native.listObjects().filter((object) => object.file === file)).toEqual([])
  })
})
