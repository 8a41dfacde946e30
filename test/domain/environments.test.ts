import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseEnvironmentsFile } from '../../src/domain/environments.ts';
import type { LineFault } from '../../src/domain/lines.ts';
import { A, B, C } from './builders.ts';

/** The entries of a file that must be faultless, as `[id, retain, line]`. */
function entriesOf(text: string): [string, readonly number[], number][] {
  const { entries, faults } = parseEnvironmentsFile(text);
  assert.deepEqual(faults, []);
  return entries.map(({ id, retain, line }) => [id, retain, line]);
}

/** The faults of a file, as `[line, text]`, and every problem said in words. */
function faultsOf(text: string): [number, string][] {
  const { faults } = parseEnvironmentsFile(text);
  for (const { problem } of faults) assert.match(problem, /\w{3}/);
  return faults.map(({ line, text }) => [line, text]);
}

function onlyFault(text: string): LineFault {
  const [fault, ...more] = parseEnvironmentsFile(text).faults;
  assert.ok(fault, `no fault in ${JSON.stringify(text)}`);
  assert.deepEqual(more, []);
  return fault;
}

describe('what an environments file may look like', () => {
  const expected = [
    [A, [31, 30], 1],
    [B, [13, 12, 9], 2],
    [C, [], 3],
  ];
  const lines = [`${A} 31 30`, `${B} 13 12 9`, `${C}`];
  const forms: Record<string, string> = {
    'line feeds': `${lines.join('\n')}\n`,
    'no line end at the end': lines.join('\n'),
    'Windows line ends': `${lines.join('\r\n')}\r\n`,
    'carriage returns alone': `${lines.join('\r')}\r`,
    'a byte-order mark': `\uFEFF${lines.join('\n')}\n`,
    'a byte-order mark and Windows line ends': `\uFEFF${lines.join('\r\n')}\r\n`,
    tabs: lines.map((line) => line.replaceAll(' ', '\t')).join('\n'),
    'blanks around and in between': lines.map((line) => ` \t${line.replaceAll(' ', ' \t  ')}\t `).join('\n'),
    'Unicode blanks': lines.map((line) => line.replaceAll(' ', '\u00a0\u3000\u2009')).join('\n'),
    'trailing comments': lines.map((line) => `${line} # since 2021`).join('\n'),
    'trailing comments right behind a word': lines.map((line) => `${line}# since 2021`).join('\n'),
    'comments with a # in them': lines.map((line) => `${line} # ticket #12 # 30`).join('\n'),
    'comments with a Unicode line separator': lines.map((line) => `${line} # a\u2028b\u2029c 5`).join('\n'),
  };
  for (const [name, text] of Object.entries(forms)) {
    it(name, () => assert.deepEqual(entriesOf(text), expected));
  }

  it('counts blank lines and whole-line comments as lines', () => {
    assert.deepEqual(entriesOf(`# heading\n\n  \t\n   # indented\n${A} 31\n#\n${B} 9\n\n`), [
      [A, [31], 5],
      [B, [9], 7],
    ]);
  });

  it('takes a commented-out environment for none', () => {
    assert.deepEqual(entriesOf(`#${A} 31\n# ${B} 9\n${C} 1`), [[C, [1], 3]]);
  });

  it('keeps the order of the revisions, each once', () => {
    assert.deepEqual(entriesOf(`${A} 9 31 9 30 31`), [[A, [9, 31, 30], 1]]);
  });

  it('reads how many of the newest stay, wherever on the line', () => {
    const { entries, faults } = parseEnvironmentsFile(
      `${A} latest:3\n${B} 9 latest:12 7 # latest:1\n${C} 3\n`,
    );
    assert.deepEqual(faults, []);
    assert.deepEqual(entries, [
      { id: A, retain: [], latest: 3, line: 1 },
      { id: B, retain: [9, 7], latest: 12, line: 2 },
      { id: C, retain: [3], line: 3 },
    ]);
  });

  it('takes the largest number that is exact', () => {
    assert.deepEqual(entriesOf(`${A} 999999999999999`), [[A, [999_999_999_999_999], 1]]);
  });

  for (const text of ['', '\n', '\r\n\r\n', '\uFEFF', ' \t ', '# only\n  # comments', '#\u2028'])
    it(`is empty: ${JSON.stringify(text)}`, () => {
      assert.deepEqual(parseEnvironmentsFile(text), { entries: [], faults: [] });
    });
});

describe('faults in an environments file', () => {
  const signsAndZeros = ['0', '-7', '+7', '007', '-', '"7"'];
  const fractionsAndLists = ['7.0', '7.5', '1e3', '0x1f', '1_000', '7,', '31,30', '7..9'];
  const letters = ['latest', 'NaN', '７', '٧', '7\u200b', '7\0'];
  const noRevisions = [
    ...signsAndZeros,
    ...fractionsAndLists,
    ...letters,
    '1000000000000000',
    '9'.repeat(400),
  ];
  for (const word of noRevisions)
    it(`no revision: ${JSON.stringify(word.slice(0, 20))}`, () => {
      const fault = onlyFault(`\n${A} 3 ${word} 4\n`);
      assert.deepEqual([fault.line, fault.text], [2, word]);
      assert.match(fault.problem, /positive whole number/);
    });

  for (const word of [
    'latest:0',
    'latest:x',
    'latest:',
    'latest:-1',
    'latest:03',
    'latest:3,',
    'Latest:3',
    'latest3',
  ])
    it(`no number of newest revisions: ${word}`, () => {
      const fault = onlyFault(`\n${A} 3 ${word} 4\n`);
      assert.deepEqual([fault.line, fault.text], [2, word]);
      assert.match(fault.problem, /as in latest:3/);
    });

  it('wants the number of the newest once, and reports it with all other faults', () => {
    assert.deepEqual(faultsOf(`${A} latest:3 latest:3\n${B} latest:2 030 latest:5 latest:x\nlatest:1 4`), [
      [1, 'latest:3'],
      [2, '030'],
      [2, 'latest:5'],
      [2, 'latest:x'],
      [3, 'latest:1'],
    ]);
  });

  it('says of a number that is too long what is wrong with it', () => {
    assert.match(onlyFault(`${A} 1234567890123456`).problem, /15 digits/);
  });

  for (const word of [
    A.slice(1),
    `${A}0`,
    `${A}-31`,
    `domino-${A}`,
    `g${A.slice(1)}`,
    `${A.slice(0, 12)}\0${A.slice(13)}`,
    `\u200b${A}`,
    'ENVIRONMENT',
    '31',
  ])
    it(`no environment ID: ${JSON.stringify(word)}`, () => {
      const fault = onlyFault(`${word} 31`);
      assert.deepEqual([fault.line, fault.text], [1, word]);
      assert.match(fault.problem, new RegExp(`24 lower-case hex digits.*${[...word].length} characters`));
    });

  it('says of an ID in capitals that it is the case', () => {
    const fault = onlyFault(`${A.toUpperCase()} 31`);
    assert.equal(fault.text, A.toUpperCase());
    assert.match(fault.problem, /lower-case hex digits only/);
  });

  it('names the first line of an environment given twice', () => {
    const { faults } = parseEnvironmentsFile(`${C}\n${A} 1\n${B} 2\n${A} 3\n\n${A} 4`);
    assert.deepEqual(
      faults.map(({ line, text }) => [line, text]),
      [
        [4, A],
        [6, A],
      ],
    );
    for (const { problem } of faults) assert.match(problem, /already given on line 2/);
  });

  it('takes half a UTF-16 file for no environment at all', () => {
    const text = Buffer.from(`${A} 31\n`, 'utf16le').toString('utf8');
    assert.notEqual(parseEnvironmentsFile(text).faults.length, 0);
  });

  it('reports all of them at once, in the order of the lines', () => {
    const text = [
      '\uFEFF# environments',
      `${A} 31 030 -1`,
      '',
      `${B.toUpperCase()} 9`,
      `${C} 1.5 # one and a half`,
      'not-an-id x 2',
      `${A}`,
    ].join('\r\n');
    assert.deepEqual(faultsOf(text), [
      [2, '030'],
      [2, '-1'],
      [4, B.toUpperCase()],
      [5, '1.5'],
      [6, 'x'],
      [6, 'not-an-id'],
      [7, A],
    ]);
  });
});
