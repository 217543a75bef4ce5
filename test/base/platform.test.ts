import { describe, expect, it } from 'vitest'
import { adviceFor } from '../../src/base/platform.js'

describe('the advice for a platform without an addon', () => {
  it.each(['x64', 'arm64', 'ia32'])('sends Windows on %s to WSL 2 and names no compiler', (arch) => {
    const advice = adviceFor({ platform: 'win32', arch, isMusl: false })
    expect(advice).toContain('WSL 2')
    expect(advice).not.toMatch(/g\+\+|xcode|apt-get|apk|node-gyp/)
  })

  it.each([
    ['linux', 'arm64', false, 'apt-get install python3 make g++'],
    ['linux', 'x64', false, 'apt-get install python3 make g++'],
    ['linux', 'x64', true, 'apk add python3 make g++'],
    ['linux', 'arm64', true, 'apk add python3 make g++'],
    ['darwin', 'arm64', false, 'xcode-select --install'],
  ])('names the tools and the build command on %s-%s (musl: %s)', (platform, arch, isMusl, tools) => {
    const advice = adviceFor({ platform, arch, isMusl })
    expect(advice).toContain(tools)
    expect(advice).toContain('npx node-gyp@12 rebuild -C node_modules/orbit-node/native')
  })

  it.each(['ia32', 'arm'])('asks for a 64-bit Node.js on Linux %s', (arch) => {
    const advice = adviceFor({ platform: 'linux', arch, isMusl: false })
    expect(advice).toContain('64-bit build of Node.js')
    expect(advice).not.toContain('node-gyp')
  })

  it.each(['freebsd', 'aix', 'sunos', 'android'])('says on %s which systems are supported', (platform) => {
    const advice = adviceFor({ platform, arch: 'x64', isMusl: false })
    expect(advice).toContain('runs on Linux and macOS')
    expect(advice).not.toContain('node-gyp')
  })
})
