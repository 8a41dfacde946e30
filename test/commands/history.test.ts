/** The audit trail that runs leave, and `history`, which tells it. */
import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { history } from '../../src/commands/history.ts';
import { InterruptedError, StorageError, UsageError } from '../../src/domain/errors.ts';
import { legacyRepository, NEW_REPOSITORY } from '../../src/domain/names.ts';
import type { RawOptions } from '../../src/options/values.ts';
import { A, digest, tag } from '../domain/builders.ts';
import { Scenario } from './scenario.ts';

const DELETE = { delete: true, yes: true, concurrency: '1' };
const JSON_LINES = { output: 'json' } as const;

let scene: Scenario;
beforeEach(() => {
  scene = new Scenario();
});

/** What `history` says, by its lines and its events. */
async function told(run?: string, flags: RawOptions = {}): Promise<{ lines: string[]; events: object[] }> {
  const { world, person } = scene.start(flags);
  await history(world, run);
  return { lines: person.said.join('\n').split('\n'), events: person.events };
}

/** The names of what stands in a run's trail, outcomes of tags included. */
function trail(): string[] {
  return scene.disk.latest.trail.map((line) =>
    'event' in line ? line.event : `${line.outcome} ${line.tag}`,
  );
}

describe('the trail of a run', () => {
  it('tells who planned what', async () => {
    await scene.cleanly({});
    const { planSha256 } = scene.record;
    assert.partialDeepStrictEqual(scene.disk.latest.trail, [
      {
        event: 'start',
        by: 'ann@laptop',
        context: 'prod',
        registry: 'docker-registry:5000',
        deleting: false,
      },
      { event: 'review', plan: `sha256:${planSha256}`, planned: 4 },
      { event: 'end', stage: 'reviewed' },
    ]);
  });

  it('tells everything of one that deletes, each tag with its digest', async () => {
    await scene.cleanly(DELETE);
    assert.deepEqual(trail(), [
      ...['start', 'review', 'confirmed', 'setting'],
      ...[`deleted ${A}-1`, `deleted ${A}-2`, 'deleted 1', 'deleted 2'],
      ...['setting', 'verify', 'end'],
    ]);
    assert.partialDeepStrictEqual(scene.disk.latest.trail.filter((line) => !('event' in line))[0], {
      repository: NEW_REPOSITORY,
      tag: `${A}-1`,
      digest: digest('a1'),
      outcome: 'deleted',
    });
    assert.partialDeepStrictEqual(scene.disk.latest.trail.filter((line) => 'event' in line).slice(2), [
      { event: 'confirmed', how: 'beforehand' },
      { event: 'setting', state: 'enabled' },
      { event: 'setting', state: 'restored' },
      { event: 'verify', verify: 'sample', verified: 6, lost: 0 },
      { event: 'end', stage: 'finished' },
    ]);
  });

  it('has the confirmation on disk before anything is changed', async () => {
    scene.workload.before = (call) => {
      if (call === 'patch') throw new TypeError('killed');
    };
    scene.disk.before = (call) => {
      // What is not on disk by now never will be.
      if (call === 'flush' && trail().includes('confirmed')) throw new StorageError('full');
    };
    await scene.clean({ delete: true }, ({ person }) => {
      person.present = true;
      person.answer = 'prod';
    });
    assert.deepEqual(trail(), ['start', 'review', 'confirmed']);
  });

  it('tells manifests without a tag that go with an index', async () => {
    scene.registry.push(legacyRepository(A), '3', 'multi', ['amd64']);
    scene.registry.push(legacyRepository(A), '', 'amd64');
    await scene.cleanly(DELETE);
    assert.partialDeepStrictEqual(
      scene.disk.latest.trail.filter((line) => 'event' in line && line.event === 'manifest'),
      [{ repository: legacyRepository(A), digest: digest('amd64'), outcome: 'deleted' }],
    );
  });

  it('tells how each start has ended, and that another run has taken its place', async () => {
    await scene.clean(DELETE, (program) => {
      program.person.before = (step) => {
        if (step === 'delete') program.interrupt(new InterruptedError('SIGINT'));
      };
    });
    const first = scene.disk.latest;
    assert.partialDeepStrictEqual(first.trail.at(-1), {
      ...{ event: 'end', stage: 'deleting', reason: 'Interrupted by SIGINT.' },
    });
    await scene.cleanly({ fresh: true });
    await scene.disk.open().latest();
    assert.match(JSON.stringify(first.trail.at(-1)), /has taken its place/);
  });

  it('that cannot be written keeps nothing from being put back', async () => {
    scene.disk.before = (call) => {
      if (call === 'note' && scene.workload.patches.length > 0) throw new StorageError('disk full');
    };
    await scene.cleanly(DELETE);
    scene.assertPutBack();
  });
});

describe('history', () => {
  it('lists the runs, the newest first', async () => {
    await scene.cleanly({});
    await scene.cleanly(DELETE);
    const { lines } = await told();
    assert.deepEqual(lines[0]?.split(/ {2,}/), [
      ...['RUN', 'BEGUN', 'BY', 'CONTEXT', 'REGISTRY', 'STAGE', 'PLANNED', 'DELETED', 'FAILED', 'VERIFIED'],
    ]);
    assert.match(
      lines[1] ?? '',
      /^\S+02 +2026-11-23 \S+Z +ann@laptop +prod +\S+:5000 +finished +4 +4 +0 +6 kept$/,
    );
    assert.match(lines[2] ?? '', /^\S+01 .* given-up +4 +0 +0 +–$/);
    assert.equal(lines.length, 3);
  });

  it('tells a run that was killed from one that is at work', async () => {
    await scene.clean(DELETE, (program) => {
      program.person.before = (step) => {
        if (step === 'disable-delete') scene.disk.before = () => assert.fail('killed');
      };
    });
    scene.disk.before = () => {};
    scene.disk.latest.journal.push({
      at: '',
      repository: NEW_REPOSITORY,
      tag: tag(`${A}-1`),
      outcome: 'deleted',
    });
    assert.match((await told()).lines[1] ?? '', / deleting: killed +4 +[1-4] +0 +–$/);
    scene.disk.holder = 4711;
    assert.match((await told()).lines[1] ?? '', / deleting: process 4711 is at work +4 /);
  });

  it('says that there is none', async () => {
    assert.deepEqual((await told()).lines, ['There are no runs in the state folder.']);
  });

  it('prints the trail of a run, a line each', async () => {
    await scene.cleanly(DELETE);
    const { lines } = await told(scene.record.id);
    assert.match(
      lines[0] ?? '',
      /^2026-11-23T\S+Z {2}begun by ann@laptop, context prod, registry \S+, to delete$/,
    );
    assert.ok(lines.some((line) => line.endsWith(`deleted ${NEW_REPOSITORY}:${A}-1@${digest('a1')}`)));
    assert.match(lines.at(-2) ?? '', /verify \(sample\): 6 kept$/);
    assert.match(lines.at(-1) ?? '', /ended: finished$/);
  });

  it('as JSON says in each line of whom it is', async () => {
    await scene.cleanly(DELETE);
    const runs = await told(undefined, JSON_LINES);
    assert.deepEqual(runs.lines, ['']);
    assert.partialDeepStrictEqual(runs.events, [
      { event: 'run', run: scene.record.id, by: 'ann@laptop', stage: 'finished', planned: 4, verified: 6 },
    ]);
    const { events } = await told(scene.record.id, JSON_LINES);
    assert.equal(events.length, scene.disk.latest.trail.length);
    for (const event of events)
      assert.partialDeepStrictEqual(event, { run: scene.record.id, by: 'ann@laptop', context: 'prod' });
  });

  it('knows no run of another name, and does not repeat what may be the password', async () => {
    await assert.rejects(told('hunter2'), (error) => {
      assert.ok(error instanceof UsageError);
      assert.doesNotMatch(error.message + error.next, /hunter2/);
      return true;
    });
  });
});
