import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readList, writeList } from '../../src/domain/lists.ts';
import { legacyRef, planMissingRepository, planRepository } from '../../src/domain/plan.ts';
import { A, contentOf, entry } from './builders.ts';

const plan = planRepository(
  contentOf(legacyRef(A), ['9 nine', '12 a', '8 nine', '7 b', '6', 'buildcache c', '11 d']),
  [entry(A, 9)],
);
const LIST = '12\n7\n11\n';

describe('a list for review', () => {
  it('has the doomed tags, one a line, in the plan’s order', () => assert.equal(writeList(plan), LIST));

  it('is empty when nothing is doomed', () => {
    assert.equal(writeList(planMissingRepository(legacyRef(A))), '');
  });
});

describe('a reviewed list', () => {
  const review = (text: string) => {
    const { struck, foreign } = readList(text, plan);
    return { struck: [...struck], foreign: foreign.map(({ line, text }) => [line, text]) };
  };

  for (const [name, text] of Object.entries({
    'is as it was written': LIST,
    'lacks the last line end': LIST.trimEnd(),
    'has Windows line ends': LIST.replaceAll('\n', '\r\n'),
    'has carriage returns alone': LIST.replaceAll('\n', '\r'),
    'has a byte-order mark': `\uFEFF${LIST}`,
    'has stray blanks': '\n  12\t\n\n \u00a07 \n11\u3000\n\n',
    'has another order': '11\n12\n7\n',
    'has a line twice': '12\n12\n7\n11\n7\n',
  }))
    it(`strikes nothing when it ${name}`, () => assert.deepEqual(review(text), { struck: [], foreign: [] }));

  it('strikes what is missing', () => {
    assert.deepEqual(review('12\n11\n'), { struck: ['7'], foreign: [] });
    assert.deepEqual(review(''), { struck: ['12', '7', '11'], foreign: [] });
    assert.deepEqual(review(' \r\n\uFEFF'), { struck: ['12', '7', '11'], foreign: [] });
  });

  it('does not take a part of a line, or a comment, for a tag', () => {
    assert.deepEqual(review('1\n7\n11 12\n#12\n012\n'), {
      struck: ['12', '11'],
      foreign: [
        [1, '1'],
        [3, '11 12'],
        [4, '#12'],
        [5, '012'],
      ],
    });
  });

  for (const kept of ['9', '8', '6', 'buildcache', '99', '7\0', '７', 'constructor', '../7'])
    it(`refuses a tag that is not doomed: ${JSON.stringify(kept)}`, () => {
      assert.deepEqual(review(`${LIST}\n${kept}\n`), { struck: [], foreign: [[5, kept]] });
    });

  it('refuses every line where nothing is doomed', () => {
    const { struck, foreign } = readList('7\n', planMissingRepository(legacyRef(A)));
    assert.deepEqual([struck.size, foreign], [0, [{ line: 1, text: '7' }]]);
  });
});
