import { describe, expect, it } from 'vitest'
import { decode } from '../../src/cli/payload.js'
import { sparkline } from '../../src/cli/sparkline.js'
import { bytesText, cut, durationText, printable, rateText, textWidth } from '../../src/cli/text.js'

describe('text on a terminal', () => {
  it('escapes every character that a terminal could interpret', () => {
    expect(printable('a\u001b[31m\r\n\tb\u009b\u202e\u0000')).toBe('a\\x1b[31m\\x0d\\n\\tb\\x9b\\u202e\\x00')
    expect(printable('é 漢字 😀')).toBe('é 漢字 😀')
  })

  it('measures and cuts text in columns', () => {
    expect(textWidth('abc')).toBe(3)
    expect(textWidth('漢字')).toBe(4)
    expect(textWidth('e\u0301')).toBe(1)
    expect(cut('abcdef', 6)).toBe('abcdef')
    expect(cut('abcdef', 4)).toBe('abc…')
    expect(cut('漢字漢字', 4)).toBe('漢…')
    expect(cut('abc', 0)).toBe('')
  })

  it('formats sizes, times and rates', () => {
    expect([0, 1023, 1024, 1536, 200 * 1024, 2 ** 40].map(bytesText)).toEqual([
      '0 B',
      '1023 B',
      '1.0 KiB',
      '1.5 KiB',
      '200 KiB',
      '1.0 TiB',
    ])
    expect([0.4, 999, 1500, 60_000, 7_200_000, 2 ** 30].map(durationText)).toEqual([
      '0 ms',
      '999 ms',
      '1.5 s',
      '1 min',
      '2 h',
      '12 d',
    ])
    expect([0, 0.25, 9.96, 12.4, 1500, 2.5e6].map(rateText)).toEqual(['0', '0.3', '10', '12', '1.5k', '2.5M'])
  })

  it('draws a chart scaled to the highest rate', () => {
    expect(sparkline([0, 1, 4, 8])).toBe('▁▂▅█')
    expect(sparkline([0, 0])).toBe('▁▁')
    expect(sparkline([])).toBe('')
  })
})

describe('decode', () => {
  it.each([
    [Buffer.alloc(0), 'empty', ''],
    [Buffer.from('{"a":1}'), 'json', { a: 1 }],
    [Buffer.from('"quoted"'), 'json', 'quoted'],
    [Buffer.from('{not json'), 'text', '{not json'],
    [Buffer.from('17'), 'text', '17'],
    [Buffer.from('zwei\nZeilen\t😀'), 'text', 'zwei\nZeilen\t😀'],
    [Buffer.from([0xff, 0xfe]), 'hex', 'fffe'],
    [Buffer.from('a\0b'), 'hex', '610062'],
  ])('decodes %o as %s', (bytes, format, payload) => expect(decode(bytes)).toEqual({ format, payload }))
})
