import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, it } from 'node:test';
import { openRunStore } from '../../src/adapters/storage/run-store.ts';
import { InterruptedError, RefusedError, StorageError, UsageError } from '../../src/domain/errors.ts';
import { NEW_REPOSITORY } from '../../src/domain/names.ts';
import { A, B, C } from '../domain/builders.ts';
import { LEGACY_A, Scenario } from './scenario.ts';

const GO_ON = { resume: true, delete: true, yes: true };

let scene: Scenario;
let before: string[];
beforeEach(() => {
  scene = new Scenario();
  before = scene.tagsLeft();
});

/** A run that was ended by a signal while it was listing the older repositories. */
async function listingInterrupted(): Promise<void> {
  scene.registry.before = ({ operation, repository }) => {
    if (operation === 'list' && repository === LEGACY_A) throw new InterruptedError('SIGINT');
  };
  assert.ok((await scene.clean({})).error instanceof InterruptedError);
  assert.equal(scene.record.stage, 'listing');
  scene.registry.before = () => {};
}

/** A run that was ended by a signal in the middle of deleting, after so many deletions. */
async function interrupted(deletions = 1): Promise<void> {
  let deleted = 0;
  const { error } = await scene.clean({ delete: true, yes: true, concurrency: '1' }, (program) => {
    scene.registry.after = ({ operation }) => {
      if (operation !== 'delete') return;
      deleted += 1;
      if (deleted === deletions) program.interrupt(new InterruptedError('SIGTERM'));
    };
  });
  scene.registry.after = () => {};
  assert.ok(error instanceof InterruptedError);
  assert.equal(scene.record.stage, 'deleting');
}

/** A run that was killed at its first deletion: not even the safety net has run. */
async function killed(): Promise<void> {
  const reason = new Error('killed');
  scene.registry.before = ({ operation }) => {
    if (operation === 'delete') throw reason;
  };
  scene.workload.before = (call) => {
    if (call === 'patch' && scene.workload.patches.length > 0) throw reason;
  };
  scene.pod.before = (call) => {
    if (call === 'remove') throw reason;
  };
  await scene.clean({ delete: true, yes: true });
  scene.registry.before = () => {};
  scene.workload.before = () => {};
  scene.pod.before = () => {};
  assert.notDeepEqual(scene.workload.snapshot(), scene.pristine);
}

describe('resuming', () => {
  it('needs an unfinished run', async () => {
    assert.ok((await scene.clean({ resume: true })).error instanceof UsageError);
    await scene.cleanly({ delete: true, yes: true });
    assert.ok((await scene.clean({ resume: true })).error instanceof UsageError);
  });

  it('goes on with a run whose listing was interrupted, listing what is missing', async () => {
    await listingInterrupted();
    scene.registry.calls.length = 0;
    await scene.cleanly({ resume: true });
    assert.equal(scene.record.stage, 'reviewed');
    assert.equal(
      scene.registry.calls.some(
        ({ operation, repository }) => operation === 'list' && repository === NEW_REPOSITORY,
      ),
      false,
      'the new repository was listed before',
    );
    await scene.cleanly(GO_ON);
    assert.deepEqual(scene.tagsLeft(), Scenario.kept);
  });

  it('goes on with a reviewed run', async () => {
    await scene.cleanly({});
    const { figures, program } = await scene.cleanly(GO_ON);
    assert.deepEqual(scene.tagsLeft(), Scenario.kept);
    assert.equal(program.tally.resumed, true);
    scene.assertAddsUp(figures);
    scene.assertPutBack();
  });

  it('goes on with an interrupted deletion; the figures are those of the whole run', async () => {
    await interrupted();
    scene.assertPutBack();
    const { figures, program } = await scene.cleanly({ resume: true });
    assert.deepEqual([figures.planned, figures.deleted], [4, 4]);
    scene.assertAddsUp(figures);
    assert.ok((program.person.reviews[0]?.circumstances.done ?? 0) > 0);
    assert.deepEqual(scene.tagsLeft(), Scenario.kept);
    scene.assertPutBack();
  });

  it('is not done by itself: an unfinished deletion stops a new run', async () => {
    await interrupted();
    const { error } = await scene.clean({ delete: true, yes: true });
    assert.ok(error instanceof RefusedError);
    assert.match(error.next, /--resume.*--fresh/);
  });

  it('keeps to what the run was begun with', async () => {
    await scene.cleanly({ only: 'legacy' });
    assert.ok((await scene.clean({ ...GO_ON, only: 'new' })).error instanceof UsageError);
    await scene.cleanly(GO_ON);
    assert.deepEqual(
      scene.tagsLeft(),
      [...Scenario.kept, `${NEW_REPOSITORY}:${A}-1`, `${NEW_REPOSITORY}:${A}-2`].sort(),
    );
  });

  it('is refused when the plan is not the one that was made', async () => {
    await scene.cleanly({});
    scene.disk.latest.plan.pop();
    assert.ok((await scene.clean(GO_ON)).error instanceof RefusedError);
    scene.assertUntouched(before);
  });

  it('that cannot begin says that deletion may still be enabled', async () => {
    await interrupted();
    scene.clusterUid = 'cluster-2';
    const { program } = await scene.clean({ resume: true });
    assert.match(program.person.warnings.join('\n'), /may have left deletion enabled.*recover/);
  });

  for (const [what, prepare] of Object.entries({
    'the disk of this machine is full': () => {
      scene.disk.before = () => {
        throw new StorageError('The disk is full.');
      };
    },
    'the lease is not to be had': () => {
      scene.lease.before = (call) => {
        if (call === 'acquire') throw new InterruptedError('SIGINT');
      };
    },
  }))
    it(`after a start that was killed says so wherever it ends before the safety net is there: ${what}`, async () => {
      await killed();
      prepare();
      const { program, error } = await scene.clean(GO_ON);
      assert.ok(error instanceof StorageError || error instanceof InterruptedError);
      assert.match(program.person.warnings.join('\n'), /may have left deletion enabled.*recover/);
    });

  it('that cannot begin leaves the reviewed plan for another try', async () => {
    await scene.cleanly({});
    const { id } = scene.record;
    scene.missing = [{ verb: 'get', group: '', resource: 'pods', namespace: 'n', why: 'look' }];
    await scene.clean({});
    scene.missing = [];
    assert.equal(scene.record.id, id);
    assert.equal((await scene.cleanly(GO_ON)).figures.deleted > 0, true);
    assert.equal(scene.record.id, id);
  });

  it('without a pod of its own needs no permission to look for one', async () => {
    scene.pod.before = () => {
      throw new Error('nobody may look at pods');
    };
    await scene.cleanly({ 'local-skopeo': true });
  });

  it('is refused against another cluster', async () => {
    await scene.cleanly({});
    scene.clusterUid = 'cluster-2';
    const { error } = await scene.clean(GO_ON);
    assert.ok(error instanceof RefusedError);
    assert.match(error.message, /another cluster.*cluster-1.*cluster-2/);
    scene.assertUntouched(before);
  });

  for (const [what, flags] of Object.entries({
    registry: { registry: 'other:5000' },
    namespace: { namespace: 'other' },
    workload: { 'registry-workload': 'other' },
  }))
    it(`is refused against another ${what}`, async () => {
      await scene.cleanly({});
      const { error } = await scene.clean({ ...GO_ON, ...flags });
      assert.ok(error instanceof RefusedError);
      assert.match(error.message, new RegExp(`another ${what}`));
      scene.assertUntouched(before);
    });
});

describe('lists that were edited', () => {
  beforeEach(() => scene.cleanly({}));

  it('keep a tag whose line was struck, and what shares its manifest', async () => {
    scene = new Scenario();
    scene.registry.push(LEGACY_A, '3', 'old1');
    await scene.cleanly({});
    scene.disk.latest.lists.set(`tags/${LEGACY_A}`, ' 2 \r\n\r\n\t3\n');
    const { figures } = await scene.cleanly(GO_ON);
    assert.deepEqual(scene.tagsLeft(), [...Scenario.kept, `${LEGACY_A}:1`, `${LEGACY_A}:3`].sort());
    assert.deepEqual([figures.planned, figures.deleted, figures.struck, figures.protected], [3, 3, 1, 3]);
    scene.assertAddsUp(figures);
  });

  it('are refused with a line that the plan does not know, by file and line', async () => {
    scene.disk.latest.lists.set('revisions_to_delete', `${A}-1\n${A}-4\n\u001b[2Jgone\n`);
    const { error } = await scene.clean(GO_ON);
    assert.ok(error instanceof UsageError);
    assert.match(error.message, new RegExp(`revisions_to_delete, line 2: "${A}-4"`));
    assert.match(error.message, /line 3: "\[2Jgone"/, 'without control characters');
    scene.assertUntouched(before);
  });

  it('are refused when one is missing', async () => {
    scene.disk.latest.lists.delete(`tags/${LEGACY_A}`);
    const { error } = await scene.clean(GO_ON);
    assert.ok(error instanceof UsageError);
    assert.match(error.message, new RegExp(`${LEGACY_A} is missing`));
    scene.assertUntouched(before);
  });

  it('keep everything when they are empty', async () => {
    for (const list of ['revisions_to_delete', `tags/${LEGACY_A}`]) scene.disk.latest.lists.set(list, '');
    const { figures } = await scene.cleanly(GO_ON);
    assert.deepEqual([figures.planned, figures.struck], [0, 4]);
    scene.assertUntouched(before);
  });
});

describe('an environments file that was changed since', () => {
  beforeEach(() => scene.cleanly({}));

  it('is honoured where it newly retains a revision', async () => {
    scene.environments = `${A} 4 1\n${B} 2\n`;
    const { figures } = await scene.cleanly(GO_ON);
    assert.deepEqual(
      scene.tagsLeft(),
      [...Scenario.kept, `${LEGACY_A}:1`, `${NEW_REPOSITORY}:${A}-1`].sort(),
    );
    assert.deepEqual([figures.planned, figures.retained], [2, 4]);
  });

  it('leaves an environment alone that it no longer names', async () => {
    scene.environments = `${B} 2\n`;
    await scene.cleanly(GO_ON);
    scene.assertUntouched(before);
  });

  it('dooms nothing that was not doomed', async () => {
    scene.environments = `${A}\n${B}\n${C}\n`;
    await scene.cleanly(GO_ON);
    assert.deepEqual(scene.tagsLeft(), Scenario.kept);
  });

  it('may retain a revision that was built since', async () => {
    scene.registry.push(NEW_REPOSITORY, `${A}-5`, 'a5');
    scene.environments = `${A} 4 5\n${B} 2\n`;
    await scene.cleanly(GO_ON);
    assert.deepEqual(scene.tagsLeft(), [...Scenario.kept, `${NEW_REPOSITORY}:${A}-5`].sort());
  });

  it('may retain revisions of an environment that the plan does not have', async () => {
    scene.registry.push(`domino-${C}` as typeof LEGACY_A, '7', 'c7');
    scene.environments = `${A} 4\n${B} 2\n${C} 7\n`;
    await scene.cleanly(GO_ON);
    assert.deepEqual(scene.tagsLeft(), [...Scenario.kept, `domino-${C}:7`].sort());
  });

  it('is still refused where it retains what exists nowhere', async () => {
    scene.environments = `${A} 4 44\n${B} 2\n`;
    assert.ok((await scene.clean(GO_ON)).error instanceof RefusedError);
    scene.assertUntouched(before);
  });
});

describe('an environments file that was changed while the run was still listing', () => {
  beforeEach(listingInterrupted);

  it('is honoured where it newly retains a revision', async () => {
    scene.environments = `${A} 4 1\n${B} 2\n`;
    const { figures } = await scene.cleanly(GO_ON);
    assert.deepEqual(
      scene.tagsLeft(),
      [...Scenario.kept, `${LEGACY_A}:1`, `${NEW_REPOSITORY}:${A}-1`].sort(),
    );
    assert.deepEqual([figures.planned, figures.retained], [2, 4]);
  });

  it('leaves an environment alone that it no longer names, and the review counts none of its tags', async () => {
    scene.environments = `${B} 2\n`;
    const { program, figures } = await scene.cleanly({ resume: true });
    assert.equal(program.person.reviews[0]?.review.totals.toDelete, 0);
    assert.equal(figures.planned, 0);
    await scene.cleanly(GO_ON);
    scene.assertUntouched(before);
  });

  it('dooms nothing of an environment that it did not name when the run began', async () => {
    scene.environments = `${A} 4\n${B} 2\n${C}\n`;
    await scene.cleanly(GO_ON);
    assert.deepEqual(scene.tagsLeft(), Scenario.kept);
  });
});

describe('giving a run up', () => {
  it('that was killed first puts the registry back', async () => {
    await killed();
    const { program } = await scene.cleanly({ fresh: true });
    scene.assertPutBack();
    assert.deepEqual(scene.tagsLeft(), before);
    assert.deepEqual(
      [...scene.disk.runs.values()].map(({ record }) => record.stage),
      ['given-up', 'reviewed'],
    );
    assert.match(program.person.said.join('\n'), /as before/);
  });

  it('is possible although its plan is damaged', async () => {
    await interrupted();
    const { open } = scene.disk;
    scene.disk.open = () => {
      const store = open.call(scene.disk);
      return {
        ...store,
        latest: async () => {
          const run = await store.latest();
          const read = () => Promise.reject(new StorageError('The plan is damaged.'));
          return run && { ...run, record: run.record, plan: { ...run.plan, read } };
        },
      };
    };
    assert.ok((await scene.clean({ resume: true })).error instanceof StorageError);
    await scene.cleanly({ fresh: true });
    assert.equal(scene.record.stage, 'reviewed');
  });

  it('and resuming it contradict each other', async () => {
    assert.ok((await scene.clean({ resume: true, fresh: true })).error instanceof UsageError);
  });
});

describe('a finished run', () => {
  it('does not stand in the way, whatever has become of its files', async () => {
    await scene.cleanly({ delete: true, yes: true });
    scene.disk.latest.plan.length = 0;
    scene.disk.latest.lists.clear();
    await scene.cleanly({});
    assert.equal(scene.record.stage, 'reviewed');
  });
});

describe('two programs', () => {
  it('do not work in the same state folder', async (test) => {
    const folder = mkdtempSync(join(tmpdir(), 'clean-test-'));
    test.after(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, 'notes'), '');
    const first = await openRunStore(folder);
    scene.openStore = () => openRunStore(folder);
    const { error } = await scene.clean({});
    await first.close();
    assert.ok(error instanceof RefusedError);
    assert.match(error.message, /at work in/);
    scene.assertUntouched(before);
  });
});
