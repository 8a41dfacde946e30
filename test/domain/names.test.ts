import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  legacyRepository,
  parseDigest,
  parseEnvironmentId,
  parseLegacyTag,
  parseNewTag,
  parseRepository,
  parseRevision,
  parseTag,
} from '../../src/domain/names.ts';
import { A, tag } from './builders.ts';

/** What no name may contain, wherever it stands: it would mean something to a shell, a URL or a line-based format. */
const FOREIGN = [
  '\n',
  '\r',
  '\0',
  ' ',
  '\t',
  '/../',
  '%2e',
  '$(id)',
  '`',
  "'",
  '"',
  ';',
  '?',
  '#',
  'é',
  '\u2028',
];

interface Grammar {
  readonly parse: (text: string) => string | undefined;
  readonly good: readonly string[];
  readonly bad: readonly string[];
}

const grammars: Record<string, Grammar> = {
  'environment ID': {
    parse: parseEnvironmentId,
    good: [A, '0'.repeat(24), 'abcdef0123456789abcdef01'],
    bad: [A.toUpperCase(), A.slice(1), `${A}0`, `-${A.slice(1)}`, '𝟎'.repeat(24)],
  },
  repository: {
    parse: parseRepository,
    good: [
      'dominodatalab/environment',
      `domino-${A}`,
      'a',
      'a.b_c__d-e---f/0',
      'a'.repeat(255),
      `${'a/'.repeat(127)}a`,
    ],
    bad: [
      'Domino',
      'a//b',
      '/a',
      'a/',
      '-a',
      'a-',
      'a..b',
      'a___b',
      'a:b',
      'a@b',
      '.',
      '..',
      'a'.repeat(256),
    ],
  },
  tag: {
    parse: parseTag,
    good: ['31', `${A}-31`, '_', 'v1.0-rc_2', 'BuildCache', '7..9', 'a'.repeat(128)],
    bad: ['.hidden', '-rf', '--help', 'a'.repeat(129), 'a:b', 'a/b', 'a@b', '@', '+7', '７'],
  },
  digest: {
    parse: parseDigest,
    good: [`sha256:${'0'.repeat(64)}`, `sha512:${'f'.repeat(128)}`, `a+b:${'A='.repeat(16)}`],
    bad: [
      'sha256',
      `sha256:${'0'.repeat(31)}`,
      '0'.repeat(64),
      `SHA256:${'0'.repeat(64)}`,
      `:${'0'.repeat(64)}`,
    ],
  },
};

for (const [name, { parse, good, bad }] of Object.entries(grammars)) {
  describe(`the grammar of a ${name}`, () => {
    for (const text of good) it(`takes ${text.slice(0, 40)}`, () => assert.equal(parse(text), text));
    for (const text of ['', ...bad])
      it(`refuses ${JSON.stringify(text.slice(0, 40))}`, () => assert.equal(parse(text), undefined));
    it('refuses foreign characters before, within and after', () => {
      for (const text of good)
        for (const foreign of FOREIGN) {
          const half = text.length >> 1;
          const spoilt = [foreign + text, text.slice(0, half) + foreign + text.slice(half), text + foreign];
          for (const bad of spoilt)
            if (bad !== text) assert.equal(parse(bad), undefined, JSON.stringify(bad));
        }
    });
  });
}

describe('a repository’s name', () => {
  it('is judged at once, however it is made to look ambiguous', () => {
    for (const part of ['a', 'a-', 'a_', 'a__', 'a.', 'a-_', '-'])
      assert.equal(parseRepository(`${part.repeat(255).slice(0, 254)}!`), undefined);
  });

  it('is one of ours for a legacy environment', () => {
    assert.equal(parseRepository(legacyRepository(A)), `domino-${A}`);
  });
});

describe('a revision', () => {
  for (const [text, revision] of [
    ['1', 1],
    ['31', 31],
    ['999999999999999', 999_999_999_999_999],
  ] as const)
    it(text, () => assert.equal(parseRevision(text), revision));
  for (const text of [
    '',
    '0',
    '00',
    '07',
    '-1',
    '+1',
    '1.0',
    '1e3',
    ' 1',
    '1 ',
    '1\n',
    '\n1',
    '１',
    '1'.repeat(16),
  ])
    it(`not ${JSON.stringify(text)}`, () => assert.equal(parseRevision(text), undefined));
});

describe('a tag of the new repository', () => {
  it('names a revision as a whole', () => {
    assert.deepEqual(parseNewTag(tag(`${A}-7`)), { environment: A, revision: 7 });
    assert.deepEqual(parseNewTag(tag(`${A}-1234`)), { environment: A, revision: 1234 });
  });

  for (const text of [
    `${A}-007`,
    `${A}-0`,
    `${A}-7-debug`,
    `${A}-debug`,
    `${A}-7.1`,
    `${A}-7_`,
    `${A}--7`,
    `${A}-`,
    `${A}7`,
    `${A}_7`,
    `${A}.7`,
    A,
    `x${A}-7`,
    `old-${A}-7`,
    `${A}${A}-7`,
    `${A.toUpperCase()}-7`,
    `${A.slice(1)}-7`,
    `${A.slice(1)}-71`,
    `${A}-${'1'.repeat(16)}`,
    `${A}-${'1'.repeat(103)}`,
    '7',
    'buildcache',
  ])
    it(`does not name one: ${text.slice(0, 50)}`, () => assert.equal(parseNewTag(tag(text)), undefined));
});

describe('a tag of a legacy repository', () => {
  it('names a revision as a whole', () => {
    assert.deepEqual(parseLegacyTag(tag('7'), A), { environment: A, revision: 7 });
  });
  for (const text of [
    'buildcache',
    '007',
    '0',
    '7-debug',
    '7.',
    '7.1',
    'v7',
    '_7',
    `${A}-7`,
    'latest',
    '1'.repeat(16),
  ])
    it(`does not name one: ${text}`, () => assert.equal(parseLegacyTag(tag(text), A), undefined));
});
