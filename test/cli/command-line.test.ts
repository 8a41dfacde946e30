import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parse, wantsJson } from '../../src/cli/command-line.ts';
import { UsageError } from '../../src/domain/errors.ts';
import { definitionOf, type OptionName, optionNames } from '../../src/options/definitions.ts';
import { type Verb, verbs } from '../../src/options/verbs.ts';

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

  it('gives options as they were written', () => {
    assert.deepEqual(
      parse(['--yes', '--concurrency', '08', '--pod-label', 'a=1', '--pod-label=b=2', 'undo']),
      {
        verb: 'undo',
        flags: { yes: true, concurrency: '08', 'pod-label': ['a=1', 'b=2'] },
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

/** An option as it may be written. */
function written(name: OptionName): readonly string[] {
  const { type, choices } = definitionOf(name);
  return type === 'boolean' ? [`--${name}`] : [`--${name}`, choices?.[0] ?? 'some'];
}

describe('an option', () => {
  it('that is mistyped is told with what was probably meant', () => {
    assert.match(faultOf('--hlep'), /Did you mean --help\?/);
    assert.match(faultOf('scan', '--keep-lst', '3'), /Did you mean --keep-last\?/);
    assert.match(faultOf('--something-else'), /See --help\./);
  });

  for (const verb of verbs) {
    const goes = (name: OptionName) => definitionOf(name).goesWith.includes(verb);

    it(`is taken with ${verb}, where it goes with that`, () => {
      const names = optionNames.filter(goes);
      assert.deepEqual(Object.keys(parse([verb, ...names.flatMap(written)])?.flags ?? {}), names);
    });

    it(`is refused with ${verb}, where it does not and asks for something`, () => {
      for (const name of optionNames.filter((each) => !goes(each) && definitionOf(each).asks))
        assert.match(faultOf(verb, ...written(name)), new RegExp(`^--${name} goes with .*, not with `));
    });

    it(`is passed over with ${verb}, where it does not and asks for nothing`, () => {
      const names = optionNames.filter((each) => !goes(each) && !definitionOf(each).asks);
      assert.deepEqual(Object.keys(parse([verb, ...names.flatMap(written)])?.flags ?? {}), names);
    });
  }

  // Said once more: what a command looks at is not to be read off the definitions.
  const known: Partial<Record<Verb, readonly OptionName[]>> = {
    history: ['state-dir', 'output'],
    status: [
      ...(['state-dir', 'output', 'kubeconfig', 'context', 'namespace', 'registry'] as const),
      ...(['registry-workload', 'registry-container'] as const),
    ],
    recover: [
      ...(['state-dir', 'output', 'kubeconfig', 'context', 'namespace', 'registry'] as const),
      ...(['registry-workload', 'registry-container', 'rollout-timeout', 'restore-timeout'] as const),
    ],
    reclaim: [
      ...(['state-dir', 'output', 'kubeconfig', 'context', 'namespace', 'registry'] as const),
      ...(['registry-workload', 'registry-container', 'rollout-timeout', 'restore-timeout'] as const),
      ...(['yes', 'dry-run', 'allow-unseen-uploads', 'stop-after', 'via', 'local-skopeo'] as const),
    ],
  };
  for (const [verb, names] of Object.entries(known) as [Verb, readonly OptionName[]][])
    it(`goes with ${verb}, because that looks at it`, () =>
      assert.deepEqual(
        optionNames.filter((name) => definitionOf(name).goesWith.includes(verb)).sort(),
        names.toSorted(),
      ));

  it('of a run goes with no command that needs no plan', () => {
    for (const name of ['delete', 'resume', 'max-deletions', 'strategy', 'verify', 'environments'] as const)
      assert.deepEqual(definitionOf(name).goesWith, ['clean'], name);
  });

  it('of another command goes with no run, named or not', () => {
    for (const name of ['keep-last', 'max-age', 'write', 'dry-run', 'from'] as const)
      for (const argv of [written(name), ['clean', ...written(name)], [...written(name), 'clean']])
        assert.match(faultOf(...argv), /, not with a run\./);
  });

  it('that does not go with the command is told with those that it goes with, and what to do', () => {
    assert.equal(
      faultOf('scan', '--delete'),
      '--delete goes with a run, not with scan. Leave it out, or use it there: npm run clean -- --delete',
    );
    assert.equal(
      faultOf('--write', 'found'),
      '--write goes with scan, not with a run. Leave it out, or use it there: npm run clean -- scan --write …',
    );
    assert.equal(
      faultOf('status', '--only', 'new'),
      '--only goes with a run and undo, not with status. Leave it out. What goes with status: npm run clean -- status --help',
    );
    assert.match(faultOf('undo', '--max-deletions', '3'), /--max-deletions goes with a run, not with undo/);
  });

  it('that says where things are, and how they are done, may be written with every command', () => {
    const line = [
      '--kubeconfig',
      'k',
      '--environments',
      'e',
      '--via',
      'direct',
      '--yes',
      '--concurrency',
      '3',
    ];
    for (const verb of verbs) assert.equal(parse([...line, verb])?.verb, verb);
  });

  it('does not go with the command either when it is switched off', () =>
    assert.match(faultOf('scan', '--delete=false'), /not with scan/));

  it('takes no word for its value, wherever it does not go', () => {
    for (const argv of [
      ['--delete', 'scan'],
      ['undo', '--delete', '20261123T100001Z-000001'],
    ])
      assert.match(faultOf(...argv), /^--delete goes with/);
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
