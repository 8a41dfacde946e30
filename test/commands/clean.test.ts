import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { RefusedError, RegistryError, UnreachableError, UsageError } from '../../src/domain/errors.ts';
import { NEW_REPOSITORY } from '../../src/domain/names.ts';
import { VARIABLE } from '../../src/domain/setting-record.ts';
import { A, B, digest } from '../domain/builders.ts';
import { LEGACY_A, Scenario } from './scenario.ts';

let scene: Scenario;
let before: string[];
beforeEach(() => {
  scene = new Scenario();
  before = scene.tagsLeft();
});

describe('planning', () => {
  it('changes nothing, and leaves the lists for review', async () => {
    const { program, figures } = await scene.cleanly({});
    scene.assertUntouched(before);
    assert.equal(scene.record.stage, 'reviewed');
    assert.deepEqual(Object.fromEntries(scene.disk.latest.lists), {
      revisions_to_delete: `${A}-1\n${A}-2\n`,
      [`tags/${LEGACY_A}`]: '1\n2\n',
    });
    assert.deepEqual(figures, {
      planned: 4,
      deleted: 0,
      alreadyGone: 0,
      failed: 0,
      drifted: 0,
      retained: 2,
      protected: 2,
      unrecognised: 1,
      struck: 0,
      missingRepositories: [`domino-${B}`],
    });
    assert.deepEqual(program.person.shown.slice(-6), [
      'enable-delete: skipped (review the lists first, then: --resume --delete)',
      'delete: skipped (review the lists first, then: --resume --delete)',
      'move-done: skipped (review the lists first, then: --resume --delete)',
      'disable-delete: skipped (the registry was not changed by this run)',
      'verify: skipped (nothing was deleted)',
      'teardown: done',
    ]);
  });

  it('is replaced by another start as long as nobody has worked on its lists', async () => {
    await scene.cleanly({});
    await scene.cleanly({});
    assert.deepEqual(
      [...scene.disk.runs.values()].map(({ record }) => record.stage),
      ['given-up', 'reviewed'],
    );
  });

  for (const [edit, text] of Object.entries({ 'a struck line': `${A}-1\n`, 'a foreign line': `${A}-9\n` }))
    it(`is not thrown away after an edit: ${edit}`, async () => {
      await scene.cleanly({});
      scene.disk.latest.lists.set('revisions_to_delete', text);
      const { error } = await scene.clean({});
      assert.ok(error instanceof RefusedError);
      assert.match(error.next, /--resume.*--fresh/);
      assert.equal(scene.disk.runs.size, 1);
      await scene.cleanly({ fresh: true });
      assert.equal(scene.disk.runs.size, 2);
    });

  it('stops at a list that failed: that is never an empty list', async () => {
    scene.registry.before = ({ operation, repository }) => {
      if (operation === 'list' && repository === LEGACY_A)
        throw new RegistryError('500', { failure: 'other' });
    };
    const { error } = await scene.clean({ delete: true, yes: true });
    assert.ok(error instanceof RegistryError);
    scene.assertUntouched(before);
    assert.equal(scene.record.stage, 'listing');
  });

  it('refuses a registry that has none of the repositories', async () => {
    scene.environments = `${B}\n`;
    const { error } = await scene.clean({ delete: true, yes: true, only: 'legacy' });
    assert.ok(error instanceof RefusedError);
    assert.match(error.message, /does not have the repository/);
    assert.match(error.next, /--registry/);
    scene.assertUntouched(before);
  });
});

describe('a plan', () => {
  const refusals = {
    'more deletions than are allowed': [
      { 'max-deletions': '3' },
      /deletes 4 tags, more than --max-deletions 3/,
    ],
    'a larger share of a repository than is allowed': [
      { 'max-share': '50' },
      new RegExp(`more than 50 % .*\n {2}${LEGACY_A}: 2 of 2 tags`),
    ],
    'another plan than the one that was reviewed': [
      { plan: `sha256:${'0'.repeat(64)}` },
      /not the one that --plan names/,
    ],
  } as const;
  for (const [what, [flags, message]] of Object.entries(refusals))
    it(`is refused when it is ${what}`, async () => {
      const { error } = await scene.clean({ ...flags, delete: true, yes: true });
      assert.ok(error instanceof RefusedError, String(error));
      assert.match(error.message, message);
      scene.assertUntouched(before);
    });

  it('within the limits is carried out', async () => {
    await scene.cleanly({ delete: true, yes: true, 'max-deletions': '4', 'max-share': '100' });
    assert.deepEqual(scene.tagsLeft(), Scenario.kept);
  });

  it('that was reviewed elsewhere is carried out by its name', async () => {
    const { program } = await scene.cleanly({});
    const { planSha256 } = program.person.reviews[0]?.circumstances ?? {};
    await scene.cleanly({ resume: true, delete: true, yes: true, plan: `sha256:${planSha256}` });
    assert.deepEqual(scene.tagsLeft(), Scenario.kept);
  });
});

describe('a retained revision that exists nowhere', () => {
  beforeEach(() => {
    scene.environments = `${A} 4\n\n${B} 2 13\n`;
  });

  it('is refused with its line, before anything is changed', async () => {
    const { error } = await scene.clean({ delete: true, yes: true });
    assert.ok(error instanceof RefusedError);
    assert.match(error.message, new RegExp(`1 revision to retain exists nowhere.*\n {2}line 3: ${B} 13`));
    assert.match(error.next, /--allow-absent/);
    scene.assertUntouched(before);
  });

  it('is allowed with --allow-absent, also when the run is resumed', async () => {
    await scene.cleanly({ 'allow-absent': true });
    await scene.cleanly({ resume: true, delete: true, yes: true });
    assert.deepEqual(scene.tagsLeft(), Scenario.kept);
  });

  it('may be in the repositories that --only passes over', async () => {
    scene.environments = `${A} 4 2\n${B} 2\n`;
    await scene.cleanly({ only: 'legacy' });
    await scene.cleanly({ only: 'new' });
    scene.environments = `${A} 4 13\n${B} 2\n`;
    for (const only of ['legacy', 'new'])
      assert.ok((await scene.clean({ only })).error instanceof RefusedError);
  });
});

describe('deleting', () => {
  it('does the whole mission, and leaves everything else as it was', async () => {
    const { figures, failed, program } = await scene.cleanly({ delete: true, yes: true });
    assert.equal(failed, 0);
    assert.deepEqual(scene.tagsLeft(), Scenario.kept);
    assert.equal(scene.registry.has(NEW_REPOSITORY, 'a3'), true, 'the child of a kept index');
    scene.assertPutBack();
    scene.assertAddsUp(figures);
    assert.equal(figures.deleted, 4);
    assert.equal(scene.record.stage, 'finished');
    assert.deepEqual(
      [...scene.disk.latest.lists.keys()].sort(),
      ['tags/done/revisions_to_delete', `tags/done/${LEGACY_A}`].sort(),
    );
    assert.equal(program.person.reviews[0]?.circumstances.restarts, 2);
    assert.deepEqual(program.person.warnings, []);
  });

  for (const [only, left] of [
    ['new', [`${LEGACY_A}:1`, `${LEGACY_A}:2`]],
    ['legacy', [`${NEW_REPOSITORY}:${A}-1`, `${NEW_REPOSITORY}:${A}-2`]],
  ] as const)
    it(`keeps to --only ${only}`, async () => {
      const { program } = await scene.cleanly({ delete: true, yes: true, only });
      assert.deepEqual(scene.tagsLeft(), [...Scenario.kept, ...left].sort());
      assert.match(program.person.shown.join('\n'), new RegExp(`skipped \\(--only ${only}\\)`));
      scene.assertPutBack();
    });

  it('does not restart the registry when there is nothing to delete', async () => {
    scene.environments = `${A} 1 2 3 4\n`;
    const { figures, program } = await scene.cleanly({ delete: true, yes: true });
    assert.equal(figures.planned, 0);
    scene.assertUntouched(before);
    assert.equal(scene.record.stage, 'finished');
    assert.match(program.person.shown.join('\n'), /enable-delete: skipped \(nothing to delete\)/);
  });

  it('changes and restores nothing where deletion was enabled before', async () => {
    scene = new Scenario([{ name: VARIABLE, value: 'true' }]);
    const { program } = await scene.cleanly({ delete: true, yes: true });
    assert.deepEqual(scene.tagsLeft(), Scenario.kept);
    assert.deepEqual(scene.workload.patches, []);
    assert.equal(program.person.reviews[0]?.circumstances.restarts, 0);
    scene.assertPutBack();
  });

  it('ends with what could not be deleted, and a resume tries that again', async () => {
    scene.registry.before = ({ operation, reference }) => {
      if (operation === 'delete' && reference === digest('a1'))
        throw new RegistryError('no', { failure: 'other' });
    };
    const first = await scene.cleanly({ delete: true, yes: true });
    assert.equal(first.failed, 1);
    scene.assertAddsUp(first.figures);
    assert.equal(scene.record.stage, 'incomplete');
    scene.assertPutBack();
    scene.registry.before = () => {};
    const second = await scene.cleanly({ resume: true });
    assert.deepEqual([second.figures.planned, second.figures.deleted, second.figures.failed], [4, 4, 0]);
    assert.equal(second.program.tally.resumed, true);
    assert.equal(scene.record.stage, 'finished');
    assert.deepEqual(scene.tagsLeft(), Scenario.kept);
    scene.assertPutBack();
  });

  it('counts what moved, or was gone', async () => {
    await scene.cleanly({});
    scene.registry.push(NEW_REPOSITORY, `${A}-1`, 'rebuilt');
    scene.registry.untag(LEGACY_A, '1');
    const { figures } = await scene.cleanly({ resume: true, delete: true, yes: true });
    assert.deepEqual(
      [figures.planned, figures.deleted, figures.alreadyGone, figures.failed, figures.drifted],
      [4, 2, 1, 0, 1],
    );
    assert.deepEqual(scene.tagsLeft(), [...Scenario.kept, `${NEW_REPOSITORY}:${A}-1`].sort());
  });
});

describe('the confirmation', () => {
  it('has to be given beforehand where nobody can be asked', async () => {
    const { error } = await scene.clean({ delete: true });
    assert.ok(error instanceof UsageError);
    assert.match(error.next, /--yes/);
    assert.equal(scene.disk.runs.size, 0);
    scene.assertUntouched(before);
  });

  it('is typed at a terminal, and names the context', async () => {
    const { program } = await scene.cleanly({ delete: true }, ({ person }) => {
      person.present = true;
      person.answer = 'prod';
    });
    assert.match(program.person.questions.join(), /delete 4 tags .*\(prod\)/);
    assert.equal(program.person.reviews.length, 1);
    assert.deepEqual(scene.tagsLeft(), Scenario.kept);
  });

  it('that is not given leaves a reviewed run, which can be resumed', async () => {
    const { error } = await scene.clean({ delete: true }, ({ person }) => {
      person.present = true;
      person.answer = 'no';
    });
    assert.ok(error instanceof RefusedError);
    scene.assertUntouched(before);
    assert.equal(scene.record.stage, 'reviewed');
    assert.equal(scene.record.confirmed, false);
    const again = await scene.clean({ resume: true });
    assert.ok(again.error instanceof UsageError, 'it is still to be confirmed');
    await scene.cleanly({ resume: true, delete: true, yes: true });
    assert.deepEqual(scene.tagsLeft(), Scenario.kept);
  });

  it('is asked for once a run', async () => {
    scene.registry.before = ({ operation }) => {
      if (operation === 'delete') throw new RegistryError('no', { failure: 'other' });
    };
    await scene.cleanly({ delete: true }, ({ person }) => {
      person.present = true;
      person.answer = 'prod';
    });
    scene.registry.before = () => {};
    await scene.cleanly({ resume: true });
    assert.deepEqual(scene.tagsLeft(), Scenario.kept);
  });

  it('after a long wait is no leave to delete what has changed meanwhile', async () => {
    await scene.cleanly({ delete: true }, ({ person }) => {
      person.present = true;
      person.answer = 'prod';
      const { confirm } = person;
      person.confirm = (question, expected) => {
        scene.clock.advance(60 * 60_000);
        scene.registry.push(LEGACY_A, 'release', 'old1');
        return confirm.call(person, question, expected);
      };
    });
    assert.deepEqual(scene.tagsLeft(), [...Scenario.kept, `${LEGACY_A}:1`, `${LEGACY_A}:release`].sort());
  });
});

describe('what is judged before anything is created', () => {
  it('is what one may do', async () => {
    scene.missing = [
      { verb: 'patch', group: 'apps', resource: 'statefulsets', namespace: 'domino-platform', why: 'x' },
    ];
    const { error } = await scene.clean({ delete: true, yes: true });
    assert.ok(error instanceof UnreachableError);
    assert.match(error.message, /patch statefulsets\.apps in namespace domino-platform \(to x\)/);
    assert.match(error.next, /resources: \["statefulsets"\]/);
    assert.equal(scene.pod.created, 0);
  });

  it('is a workload that would not roll out', async () => {
    scene.workload.differing = { updateStrategy: 'OnDelete' };
    const { error } = await scene.clean({ delete: true, yes: true });
    assert.ok(error instanceof RefusedError);
    assert.equal(scene.pod.created, 0);
    assert.equal((await scene.clean({})).error, undefined, 'a plan needs no rollout');
  });

  it('is a pod of somebody else', async () => {
    scene.pod.owner = '20260101T000000Z-ffffff';
    const { error } = await scene.clean({ delete: true, yes: true });
    assert.ok(error instanceof RefusedError);
    assert.equal(scene.pod.owner, '20260101T000000Z-ffffff');
    assert.deepEqual(scene.workload.patches, []);
  });
});
