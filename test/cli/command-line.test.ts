import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parse, wantsJson } from '../../src/cli/command-line.ts';
import { UsageError } from '../../src/domain/errors.ts';

function faultOf(...argv: string[]): string {
  try {
    parse(argv);
  } catch (error) {
    assert.ok(error instanceof UsageError, String(error));
    return `${error.message} ${error.next}`;
  }
  return assert.fail('it was accepted');
}

describe('the command line', () => {
  it('without a word plans', () => {
    assert.deepEqual(parse([]), { verb: 'clean', flags: {}, password: undefined, words: [] });
  });

  it('keeps what belongs to one command from another', () => {
    const scan = parse(['scan', '--write', 'found', '--keep-last', '5']);
    assert.deepEqual([scan?.verb, scan?.flags], ['scan', { write: 'found', 'keep-last': '5' }]);
    assert.match(faultOf('--write', 'found'), /--write belongs to scan/);
    assert.match(faultOf('recover', '--keep-last', '5'), /--keep-last belongs to scan/);
    assert.deepEqual(parse(['scan', '--max-age', '0'])?.flags, { 'max-age': '0' });
    assert.match(faultOf('--max-age', '5m'), /--max-age belongs to scan/);
  });

  it('gives options as they were written', () => {
    assert.deepEqual(
      parse(['--delete', '--concurrency', '08', '--pod-label', 'a=1', '--pod-label=b=2', 'recover']),
      {
        verb: 'recover',
        flags: { delete: true, concurrency: '08', 'pod-label': ['a=1', 'b=2'] },
        password: undefined,
        words: [],
      },
    );
  });

  it('gives the words behind a verb that takes words', () => {
    const words = ['20261123T100001Z-000001', '62798b9bee0eb12322fc97e8'];
    const command = parse(['undo', '--only', 'new', ...words]);
    assert.deepEqual(command, { verb: 'undo', flags: { only: 'new' }, password: undefined, words });
  });

  it('refuses an option that goes with another verb', () => {
    assert.match(faultOf('--delete', '--from', 'x'), /--from belongs to undo/);
    assert.equal(parse(['undo', '--from', 'x'])?.flags.from, 'x');
  });

  for (const password of ['007', '0x10', '1e3', '1.50', '12345678901234567890', 'null', 'p@ß', 'a b', '$(x)'])
    it(`takes a password as it is: ${password}`, () => {
      assert.equal(parse([password])?.password, password);
      assert.equal(parse(['clean', password])?.password, password);
      assert.equal(parse(['--delete', password])?.password, password);
      assert.equal(parse([password, '--delete'])?.password, password);
    });

  it('suggests the option that was probably meant', () => {
    assert.match(faultOf('--concurency', '3'), /no option --concurency.*--concurrency\?/);
    assert.match(faultOf('--stateDir', 'x'), /--state-dir\?/);
    assert.match(faultOf('--delte'), /--delete\?/);
    assert.match(faultOf('--frobnicate'), /See --help/);
  });

  it('does not offer to do what somebody wants not to be done', () => {
    assert.doesNotMatch(faultOf('--no-delete'), /mean --delete/);
  });

  it('refuses an option without its value', () => {
    assert.match(faultOf('--output'), /output/);
    assert.match(faultOf('--context', '--delete'), /context/);
  });

  it('refuses a value that is no choice', () => {
    assert.match(faultOf('--output', 'xml'), /output.*text.*json/s);
  });

  it('takes a mistyped verb for neither a verb nor a password', () => {
    for (const word of ['recove', 'recovr', 'claen', 'recover!', 'undoo'])
      assert.match(faultOf(word), /looks like a mistyped.*SKOPEO_PASSWORD/);
  });

  it('takes an option without its dashes for no password', () => {
    for (const words of [['resume'], ['delete'], ['clean', 'fresh']])
      assert.match(faultOf(...words), new RegExp(`did you mean --${words.at(-1)}\\?.*SKOPEO_PASSWORD`));
  });

  it('refuses an empty password, as a variable that is not set makes one', () => {
    assert.match(faultOf(''), /password .* is empty/);
    assert.match(faultOf('clean', ''), /password .* is empty/);
  });

  it('refuses more words than a password, without repeating them', () => {
    for (const words of [
      ['hunter2', 'more'],
      ['recover', 'hunter2'],
      ['clean', 'hunter2', 'more'],
    ]) {
      const fault = faultOf(...words);
      assert.match(fault, /too many words/);
      assert.doesNotMatch(fault, /hunter2/);
    }
  });

  it('takes as many words behind a verb as that knows', () => {
    assert.deepEqual(parse(['history'])?.words, []);
    const { verb, words, password } = parse(['--output', 'json', 'history', '20261123T100000Z-0000aa']) ?? {};
    assert.deepEqual([verb, words, password], ['history', ['20261123T100000Z-0000aa'], undefined]);
    assert.match(faultOf('history', 'one', 'two'), /too many words/);
    assert.match(faultOf('status', 'one'), /too many words/);
  });

  it('takes a boolean with a value by its word', () => {
    assert.equal(parse(['--delete=false'])?.flags.delete, false);
    assert.equal(parse(['--delete=true'])?.flags.delete, true);
    for (const text of ['maybe', 'no', '0']) assert.notEqual(parse([`--delete=${text}`])?.flags.delete, true);
  });
});

describe('the wish for JSON', () => {
  for (const [argv, environment, expected] of [
    [['--output', 'json'], {}, true],
    [['--output=json', '--wrong'], {}, true],
    [['--output', 'text'], { REGISTRY_CLEANER_OUTPUT: 'json' }, false],
    [[], { REGISTRY_CLEANER_OUTPUT: 'json' }, true],
    [['--output'], {}, false],
    [['json'], {}, false],
    [[], {}, false],
  ] as [string[], Record<string, string>, boolean][])
    it(`${expected ? 'is seen' : 'is not seen'}: ${argv.join(' ')} ${JSON.stringify(environment)}`, () =>
      assert.equal(wantsJson(argv, environment), expected));
});
