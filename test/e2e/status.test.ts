/** `status` while a run is at work, after it was killed, and where not everything may be read. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Ended, parseEvents } from './support/command.ts';
import { midDelete } from './support/interrupt.ts';
import { runRecord } from './support/run-folder.ts';
import { Site } from './support/site.ts';

interface Told {
  readonly local: {
    readonly run?: { readonly id: string; readonly deleted: number };
    readonly process?: number;
  };
  readonly registry: { readonly changedBy?: { readonly run: string }; readonly unknown?: string };
  readonly pod: { readonly there?: { readonly run: string; readonly phase: string } };
  readonly openUploads: { readonly count?: number; readonly unknown?: string };
}

/** The one object on standard output. */
function objectOf({ stdout }: Ended): Told {
  const [object, ...more] = parseEvents(stdout);
  assert.equal(object?.event, 'status');
  assert.deepEqual(more, []);
  return object as unknown as Told;
}

describe('status', () => {
  let site: Site;
  before(async () => {
    site = await Site.open();
  });
  after(() => site[Symbol.asyncDispose]());

  test('tells of a run at work, and of what it leaves when it is killed; changes nothing', async () => {
    const command = site.start(['--delete', '--yes', '--concurrency', '1']);
    await command.step('enable-delete');
    await site.sandbox.faults.inject({ fault: 'registrySlow', delayMs: 40 });
    await midDelete(site, command, 1);
    // It does not get any further.
    await site.sandbox.faults.inject({ fault: 'registryHold' });
    const { id } = runRecord(site.stateDir);
    const during = objectOf(await site.runs(0, ['status']));
    assert.equal(command.hasEnded, false, 'the run went on');
    assert.equal(during.local.process, command.pid);
    command.kill('SIGKILL');
    await command.ended;
    site.sandbox.faults.clear();
    const upload = await site.registry.ask('dominodatalab/environment/blobs/uploads/', { method: 'POST' });
    assert.equal(upload.status, 202);

    const dead = await site.runs(0, ['status']);
    const left = objectOf(dead);
    assert.match(dead.stderr, new RegExp(`Pod: .*of run ${id}: Running`));
    for (const told of [during, left])
      assert.deepEqual(
        [told.local.run?.id, told.registry.changedBy?.run, told.pod.there?.run, told.pod.there?.phase],
        [id, id, id, 'Running'],
      );
    assert.equal(left.local.process, undefined);
    assert.ok(Number(during.openUploads.count) >= 0, during.openUploads.unknown);
    assert.ok(Number(left.openUploads.count) >= 1, left.openUploads.unknown);

    await site.sandbox.faults.inject({
      fault: 'deny',
      denials: [
        { verb: '*', resource: 'pods/exec', name: 'docker-registry-0' },
        { verb: 'get', resource: 'statefulsets', group: 'apps' },
        { verb: 'get', resource: 'deployments', group: 'apps' },
      ],
    });
    const denied = objectOf(await site.runs(5, ['status']));
    assert.match(denied.registry.unknown ?? '', /403|forbidden|cannot get/i);
    assert.equal(denied.pod.there?.run, id);
    assert.notEqual(denied.openUploads.unknown, undefined);

    site.sandbox.faults.clear();
    await site.runs(0, ['--resume']);
    const finished = objectOf(await site.runs(0, ['status']));
    assert.deepEqual([finished.local, finished.pod], [{}, {}]);
    assert.equal(finished.registry.changedBy, undefined);
  });
});
