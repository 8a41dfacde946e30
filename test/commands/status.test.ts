import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { status } from '../../src/commands/status.ts';
import { InterruptedError, RefusedError, RegistryError, UnreachableError } from '../../src/domain/errors.ts';
import { ANNOTATION, VARIABLE } from '../../src/domain/setting-record.ts';
import { leaseRecord } from '../domain/leases.ts';
import type { Program } from '../support/fakes/world.ts';
import { Scenario } from './scenario.ts';

let scene: Scenario;
beforeEach(() => {
  scene = new Scenario();
});

/** The lines that a start prints, without their first words, and why something could not be read. */
async function told(prepare: (program: Program) => void = () => {}) {
  const program = scene.start();
  prepare(program);
  const unread = await status(program.world);
  const [text = ''] = program.person.said;
  const lines = Object.fromEntries(text.split('\n').map((line) => line.split(/: +(.*)/, 2)));
  return { ...lines, unread } as Record<string, string> & { unread: unknown };
}

/** A run dies in the middle of deleting: nothing of the program runs any more. */
async function die(): Promise<void> {
  const dead = () => {
    throw new Error('killed');
  };
  let deletions = 0;
  scene.registry.after = ({ operation }) => {
    if (operation === 'delete') deletions += 1;
    if (deletions < 2) return;
    scene.registry.before = scene.workload.before = scene.pod.before = scene.disk.before = dead;
  };
  await scene.clean({ delete: true, yes: true, concurrency: '1' });
  scene.registry.after = scene.registry.before = scene.workload.before = () => {};
  scene.pod.before = scene.disk.before = () => {};
}

describe('the status', () => {
  it('of a registry that nobody has touched', async () => {
    assert.deepEqual(await told(), {
      Run: 'none is unfinished in the state folder.',
      Registry:
        'StatefulSet docker-registry in namespace domino-platform: deletion is not enabled by its template; its rollout is over.',
      Pod: 'there is none.',
      Lease: 'nobody holds it.',
      Uploads: 'none is open.',
      unread: undefined,
    });
    scene.assertUntouched(scene.tagsLeft());
  });

  it('of a plan that waits for its review', async () => {
    await scene.cleanly({});
    const { Run } = await told();
    assert.match(
      Run ?? '',
      /^20261123T100001Z-000001, begun 2026-11-23T10:00:00.000Z by ann@laptop, has made its plan, and changed nothing: 0 of 4 tags deleted; nobody is at work on it\.$/,
    );
  });

  it('while a run is at work: changes nothing, and waits for nobody', async () => {
    let during: Awaited<ReturnType<typeof told>> | undefined;
    scene.openUploads = () => 3;
    await scene.cleanly({ delete: true, yes: true }, ({ person }) => {
      const { steps } = person;
      person.steps = async (views) => {
        if (views.some(({ key }) => key === 'disable-delete')) {
          scene.disk.holder = 4711;
          scene.clock.advance(60_000);
          const { length } = scene.workload.patches;
          during = await told();
          assert.equal(scene.workload.patches.length, length);
        }
        await steps.call(person, views);
      };
    });
    assert.match(during?.Run ?? '', /has begun to delete: 4 of 4 tags deleted; process 4711 is at work\.$/);
    assert.match(
      during?.Registry ?? '',
      /deletion is enabled by run 20261123T100001Z-000001 of ann@laptop, since 2026-\S+; its rollout is over\.$/,
    );
    assert.match(during?.Pod ?? '', /of run 20261123T100001Z-000001: Running, 1 min \d\d s old\.$/);
    assert.equal(during?.Uploads, '3 open, or given up by their clients.');
  });

  it('after a run that died: what it has left, and what puts it right', async () => {
    await die();
    const left = await told();
    assert.match(left.Run ?? '', /of 4 tags deleted; nobody is at work on it/);
    assert.match(left.Registry ?? '', /deletion is enabled by run/);
    assert.match(Object.keys(left).join('\n') + Object.values(left).join('\n'), /npm run clean -- recover/);
    assert.equal(left.unread, undefined);
  });

  it('of a setting that is somebody else’s, or was changed back', async () => {
    const enabled = new Scenario([{ name: VARIABLE, value: 'true' }]);
    await die();
    scene.workload.setVariable('false');
    assert.match((await told()).Registry ?? '', /not enabled, although it was by run \S+ of ann@laptop/);
    scene = enabled;
    assert.match((await told()).Registry ?? '', /is enabled by its template, not by this program/);
  });

  it('of a lease that somebody holds', async () => {
    scene.lease.record = leaseRecord();
    assert.equal(
      (await told()).Lease,
      'held by run run-1 of ann@laptop (process 4711 on laptop), since 2026-11-23T10:00:00.000Z; last renewed 2026-11-23T10:00:30.000Z, by the clock there.',
    );
    scene.lease.before = () => {
      throw new UnreachableError('get leases: forbidden (403)', { forbidden: true });
    };
    assert.equal((await told()).Lease, 'cannot be known: get leases: forbidden (403)');
  });

  it('of a rollout that is under way', async () => {
    scene.workload.edit(({ spec }) => {
      const [registry] = spec.template.spec.containers;
      if (registry) registry.image = 'registry:2.8.3';
    });
    assert.match((await told()).Registry ?? '', /its rollout waits for /);
  });

  it('tells it also in one object for a machine', async () => {
    let events: readonly object[] = [];
    await die();
    await told(({ person }) => {
      ({ events } = person);
    });
    assert.equal(events.length, 1);
    const [object] = events as { event: string; local: { run: object }; pod: { there: object } }[];
    assert.equal(object?.event, 'status');
    assert.partialDeepStrictEqual(object?.local.run, { stage: 'deleting', planned: 4, by: 'ann@laptop' });
    assert.partialDeepStrictEqual(object?.pod.there, { phase: 'Running', terminating: false });
  });
});

describe('what cannot be read', () => {
  const forbidden = new UnreachableError('get pods: forbidden (403)', { forbidden: true });

  it('is said in its line, and the rest is told: the pod', async () => {
    scene.pod.before = () => {
      throw forbidden;
    };
    const { Pod, Registry, Run, unread } = await told();
    assert.equal(Pod, 'cannot be known: get pods: forbidden (403)');
    assert.match(`${Run}${Registry}`, /none is unfinished.*rollout is over/);
    assert.equal(unread, undefined, 'by a route without a pod one need not be allowed to see it');
  });

  it('is said in its line, and is a failure unless it is forbidden: the pod', async () => {
    const down = new UnreachableError('get pods: 500');
    scene.pod.before = () => {
      throw down;
    };
    assert.equal((await told()).unread, down);
  });

  it('is said in its line, and the rest is told: the rollout', async () => {
    scene.workload.before = (call) => {
      if (call === 'pods') throw forbidden;
    };
    const { Registry, unread } = await told();
    assert.match(Registry ?? '', /is not enabled by its template; its rollout cannot be known: get pods/);
    assert.equal(unread, forbidden);
  });

  it('is the whole cluster: what is on this machine is told', async () => {
    await scene.cleanly({});
    const down = new UnreachableError('connection refused');
    scene.workload.before = scene.pod.before = () => {
      throw down;
    };
    const { Run, Registry, Pod, unread } = await told();
    assert.match(Run ?? '', /has made its plan/);
    assert.deepEqual(
      [Registry, Pod],
      ['cannot be known: connection refused', 'cannot be known: connection refused'],
    );
    assert.equal(unread, down);
  });

  it('is an annotation that is not ours', async () => {
    scene.workload.annotate(ANNOTATION, '{"run":"x"}');
    const { Registry, unread } = await told();
    assert.match(Registry ?? '', /annotation .* cannot be understood/);
    assert.ok(unread instanceof RefusedError);
  });

  it('may be the uploads: that is no failure', async () => {
    scene.openUploads = () => {
      throw new RegistryError('there are no such files', { failure: 'other' });
    };
    const { Uploads, unread } = await told();
    assert.equal(Uploads, 'cannot be known: there are no such files');
    assert.equal(unread, undefined);
  });

  it('is no excuse for a defect, nor does a signal pass unnoticed', async () => {
    scene.pod.before = () => {
      throw new TypeError('a defect');
    };
    await assert.rejects(told(), TypeError);
    scene.pod.before = () => {};
    const reason = new InterruptedError('SIGINT');
    await assert.rejects(
      told((program) => program.interrupt(reason)),
      reason,
    );
  });
});
