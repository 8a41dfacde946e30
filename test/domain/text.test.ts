import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { count, formatBytes, plainText } from '../../src/domain/text.ts';

describe('plain text', () => {
  for (const [given, shown] of [
    ['ImagePullBackOff: no such image', 'ImagePullBackOff: no such image'],
    ['  blanks around  ', 'blanks around'],
    ['one\r\ntwo\n\nthree', 'one two three'],
    ['\u001b[2J\u001b[31mred\u001b[0m', '[2J [31mred [0m'],
    ['\u001b]0;title\u0007', ']0;title'],
    ['\u009b31m and \u0085', '31m and'],
    ['a\u2028b\u2029c', 'a b c'],
    ['exe.\u202egpj\u202c', 'exe. gpj'],
    ['zero\u200bwidth\ufeff', 'zero width'],
    ['\0\b\u007f', ''],
    ['Größe ≤ 5 – 日本 😀', 'Größe ≤ 5 – 日本 😀'],
  ] as const)
    it(JSON.stringify(given), () => assert.equal(plainText(given), shown));

  it('is at most as long as wanted', () => {
    assert.equal(plainText('12345', 5), '12345');
    assert.equal(plainText('123456', 5), '1234…');
    assert.equal(plainText('x'.repeat(10_000)).length, 500);
    assert.equal(plainText(` ${'\n'.repeat(10_000)}end`, 5), 'end');
  });

  it('is not cut in the middle of a character', () => {
    assert.equal(plainText('123😀😀', 5), '123…');
    assert.ok(plainText('😀'.repeat(5), 4).isWellFormed());
  });

  it('has no halves of characters of its own either', () => {
    assert.ok(plainText('a\ud83db\ude00').isWellFormed());
  });
});

describe('a count', () => {
  for (const [number, text] of [
    [0, '0 tags'],
    [1, '1 tag'],
    [12, '12 tags'],
  ] as const)
    it(text, () => assert.equal(count(number, 'tag'), text));

  it('has its own plural', () => assert.equal(count(2, 'repository', 'repositories'), '2 repositories'));
});

describe('an amount of bytes', () => {
  for (const [bytes, text] of [
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1.0 KiB'],
    [1536, '1.5 KiB'],
    [1024 ** 2 - 1, '1.0 MiB'],
    [3.25 * 1024 ** 3, '3.3 GiB'],
    [1024 ** 4, '1.0 TiB'],
    [5000 * 1024 ** 5, '5000.0 PiB'],
  ] as const)
    it(text, () => assert.equal(formatBytes(bytes), text));
});
