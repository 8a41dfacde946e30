import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseObject, readNames } from '../../src/domain/json.ts';
import { parseTag } from '../../src/domain/names.ts';

describe('JSON from elsewhere', () => {
  it('is an object, or nothing', () => {
    assert.deepEqual(parseObject('{"a":1}'), { a: 1 });
    for (const text of ['', '{', 'null', '[]', '"a"', '1', '<html>'])
      assert.equal(parseObject(text), undefined, text);
  });

  it('is a list of names, every one of which is one', () => {
    assert.deepEqual(readNames(['1', 'latest'], parseTag), ['1', 'latest']);
    for (const empty of [[], null]) assert.deepEqual(readNames(empty, parseTag), []);
    for (const other of [undefined, 'latest', {}, [1], ['ok', 'not a tag'], [null]])
      assert.equal(readNames(other, parseTag), undefined, JSON.stringify(other));
  });
});
