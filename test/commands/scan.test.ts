import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { scan } from '../../src/commands/scan.ts';
import { parseEnvironmentsFile } from '../../src/domain/environments.ts';
import {
  InterruptedError,
  RefusedError,
  RegistryError,
  StorageError,
  UsageError,
} from '../../src/domain/errors.ts';
import { legacyRepository, NEW_REPOSITORY, type Repository } from '../../src/domain/names.ts';
import type { ScanReport } from '../../src/domain/scan.ts';
import type { RawOptions } from '../../src/options/values.ts';
import { A, B, digest, tag } from '../domain/builders.ts';
import { FakeWorld, type Program } from '../support/fakes/world.ts';

const LEGACY = legacyRepository(A);
const OTHER = 'somebody/else' as Repository;

let world: FakeWorld;
beforeEach(() => {
  world = new FakeWorld();
  const { registry } = world;
  registry.canList();
  registry.deletionEnabled = () => true;
  registry.layers.set('a1', { base: 1000, one: 10_000 });
  registry.layers.set('a2', { base: 1000, two: 20_000 });
  registry.layers.set('a3', { base: 1000, three: 40_000 });
  registry.layers.set('b7', { base: 1000, seven: 5_000, shared: 3_000_000 });
  registry.layers.set('else', { shared: 3_000_000 });
  registry.push(LEGACY, '1', 'a1');
  for (const revision of [2, 3]) registry.push(NEW_REPOSITORY, `${A}-${revision}`, `a${revision}`);
  registry.push(NEW_REPOSITORY, `${B}-7`, 'b7');
  registry.push(NEW_REPOSITORY, 'buildcache', 'cache');
  registry.push(OTHER, 'latest', 'else');
});

interface Ended {
  readonly program: Program;
  readonly error: unknown;
  readonly report: ScanReport | undefined;
}

async function scanned(
  flags: RawOptions = {},
  prepare: (program: Program) => void = () => {},
): Promise<Ended> {
  const program = world.start(flags);
  prepare(program);
  const error = await scan(program.world).then(
    () => undefined,
    (failure: unknown) => failure,
  );
  return { program, error, report: program.person.scans[0] };
}

async function report(flags: RawOptions = {}): Promise<ScanReport> {
  const { error, report: found } = await scanned(flags);
  if (error !== undefined) throw error;
  return found ?? assert.fail('nothing was told');
}

/** The part of a manifest that is not the manifest itself, whose size the test does not know. */
function without(manifests: readonly string[], bytes: number): number {
  const texts = manifests.map(
    (nickname) => world.manifests.contents.get(digest(nickname))?.size ?? assert.fail(),
  );
  return bytes - texts.reduce((sum, size) => sum + size + 1, 0);
}

describe('a scan', () => {
  it('tells of every environment what it takes, what is its own, and what keeping the newest would free', async () => {
    const { environments, ...found } = await report({ 'keep-last': '1' });
    assert.deepEqual(
      environments.map(({ environment, revisions }) => [environment, revisions]),
      [
        [A, [3, 2, 1]],
        [B, [7]],
      ],
    );
    const [a, b] = environments;
    assert.equal(without(['a1', 'a2', 'a3'], a?.bytes ?? 0), 71_000);
    assert.equal(without(['a1', 'a2', 'a3'], a?.ownBytes ?? 0), 70_000);
    assert.equal(without(['a1', 'a2'], a?.gainBytes ?? 0), 30_000);
    assert.equal(without(['b7'], b?.bytes ?? 0), 3_006_000);
    assert.equal(without(['b7'], b?.ownBytes ?? 0), 5_000);
    assert.equal(b?.gainBytes, 0);
    assert.equal(found.gainBytes, a?.gainBytes);
    assert.deepEqual(
      [found.repositories, found.foreign, found.manifests, found.unread, found.keepLast],
      [3, 1, 6, [], 1],
    );
    assert.equal(without(['a1', 'a2', 'a3', 'b7', 'cache', 'else'], found.bytes), 3_076_000);
  });

  it('changes nothing, takes no lease, makes no run, and leaves no pod', async () => {
    const before = world.registry.dump();
    const { program } = await scanned();
    assert.deepEqual(world.registry.dump(), before);
    assert.deepEqual(world.workload.patches, []);
    assert.equal(world.lease.record, undefined);
    assert.equal(world.disk.runs.size, 0);
    assert.equal(world.pod.created, 1);
    assert.equal(world.pod.owner, undefined);
    const asked = new Set(world.registry.calls.map(({ operation }) => operation));
    for (const change of ['delete', 'untie', 'sweep', 'writeLedger', 'removeDangling', 'probe'] as const)
      assert.equal(asked.has(change), false, change);
    assert.deepEqual(
      program.person.shown.map((line) => line.split(':')[0]),
      ['reach', 'scan', 'teardown'],
    );
  });

  it('needs no pod by a route without one', async () => {
    await report({ via: 'direct' });
    assert.equal(world.pod.created, 0);
  });

  it('needs a route that speaks HTTP', async () => {
    const { error } = await scanned({ via: 'skopeo' });
    assert.ok(error instanceof UsageError);
    assert.match(error.next, /HTTP/);
    assert.equal(world.registry.calls.length, 0);
  });

  it('leaves the pod of another run alone', async () => {
    world.pod.owner = '20261123T090000Z-0000bb';
    assert.ok((await scanned()).error instanceof RefusedError);
    assert.equal(world.pod.owner, '20261123T090000Z-0000bb');
  });

  it('does not wait for whoever has the state folder', async () => {
    world.openStore = () => Promise.reject(new RefusedError('Another run is at work.'));
    await report();
  });

  it('removes its pod when it is interrupted, and keeps what it has read', async () => {
    const { error } = await scanned({ concurrency: '1' }, (program) => {
      world.registry.after = ({ operation, reference }) => {
        if (operation === 'read' && reference === digest('else'))
          program.interrupt(new InterruptedError('SIGTERM'));
      };
    });
    assert.ok(error instanceof InterruptedError);
    assert.equal(world.pod.owner, undefined);
    assert.ok(world.manifests.contents.size > 0);
  });

  it('removes its pod when the registry fails', async () => {
    world.registry.before = ({ operation }) => {
      if (operation === 'catalog') throw new RegistryError('403', { failure: 'unauthorized' });
    };
    assert.ok((await scanned()).error instanceof RegistryError);
    assert.equal(world.pod.owner, undefined);
  });
});

describe('a second scan', () => {
  it('reads nothing again, and sees what was pushed, moved and deleted meanwhile', async () => {
    await report();
    const { registry } = world;
    registry.calls.length = 0;
    const first = await report();
    assert.equal(registry.count('read'), 0);
    registry.layers.set('a4', { base: 1000, four: 80_000 });
    registry.push(NEW_REPOSITORY, `${A}-4`, 'a4');
    registry.push(NEW_REPOSITORY, `${A}-3`, 'a4');
    await registry.deleteManifest(NEW_REPOSITORY, digest('b7'));
    registry.calls.length = 0;
    const second = await report({ 'keep-last': '1' });
    assert.equal(registry.count('read'), 1);
    assert.deepEqual(
      second.environments.map(({ environment, revisions }) => [environment, revisions]),
      [[A, [4, 3, 2, 1]]],
    );
    const [a] = second.environments;
    assert.equal(without(['a1', 'a2', 'a4'], a?.bytes ?? 0), 111_000);
    // Revision 3 is the same image as revision 4 now.
    assert.equal(without(['a1', 'a2'], a?.gainBytes ?? 0), 30_000);
    assert.equal(first.environments.length, 2);
  });

  it('does not count what an index lists that has gone', async () => {
    const { registry } = world;
    registry.push(LEGACY, '', 'child');
    registry.push(LEGACY, '2', 'index', ['child', 'never-pushed']);
    const before = await report();
    await registry.deleteManifest(LEGACY, digest('child'));
    const after = await report();
    assert.equal(before.manifests - after.manifests, 1);
    assert.equal(before.bytes - after.bytes, (world.manifests.contents.get(digest('child'))?.size ?? 0) + 1);
  });

  it('goes well where what was read cannot be kept, which is told', async () => {
    world.manifests.before = () => {
      throw new StorageError('Could not write manifests.cache (ENOSPC).');
    };
    const { error, program, report: found } = await scanned();
    assert.equal(error, undefined);
    assert.equal(found?.environments.length, 2);
    assert.match(program.person.warnings.join(), /ENOSPC/);
  });
});

describe('what a scan cannot read', () => {
  it('makes it incomplete, and is named', async () => {
    world.registry.garble(NEW_REPOSITORY, 'a2');
    const { unread, environments } = await report();
    assert.deepEqual(unread, [`${NEW_REPOSITORY}:${A}-2`]);
    assert.deepEqual(environments.find(({ environment }) => environment === A)?.revisions, [3, 1]);
  });

  it('is tried again only for a while', async () => {
    world.registry.before = ({ operation, reference }) => {
      if (operation === 'read' && reference === digest('a2'))
        throw new RegistryError('500', { failure: 'temporary' });
    };
    const { unread } = await report();
    assert.deepEqual(unread, [`${NEW_REPOSITORY}@${digest('a2')}`]);
  });

  it('ends the scan when it is the registry that does not answer', async () => {
    world.registry.before = ({ operation }) => {
      if (operation === 'read') world.registry.isUp = () => false;
    };
    assert.ok((await scanned()).error instanceof RegistryError);
  });

  it('is not a tag without a manifest, which takes nothing', async () => {
    world.registry.breakManifest(NEW_REPOSITORY, 'a2');
    const { unread, environments } = await report();
    assert.deepEqual(unread, []);
    assert.deepEqual(environments.find(({ environment }) => environment === A)?.revisions, [3, 1]);
  });
});

describe('the file of a scan', () => {
  it('is an environments file of which nothing counts until it is uncommented', async () => {
    const found = await report({ write: 'found', 'keep-last': '2' });
    assert.equal(found.file, 'found');
    const text = world.files.get('found') ?? assert.fail();
    assert.ok(text.endsWith('\n'));
    assert.doesNotMatch(text, /\r/);
    assert.deepEqual(parseEnvironmentsFile(text), { entries: [], faults: [] });
    const uncommented = text.replaceAll(/^# (?=[0-9a-f]{24} )/gm, '');
    const { entries, faults } = parseEnvironmentsFile(uncommented);
    assert.deepEqual(faults, []);
    assert.deepEqual(
      entries.map(({ id, retain, latest }) => [id, retain, latest]),
      [
        [A, [], 2],
        [B, [], 2],
      ],
    );
    assert.match(text, new RegExp(`^# ${A} latest:2 {2}# frees .* of .*; keeps 3 2 of 3 revisions$`, 'm'));
  });

  it('says when the scan was incomplete', async () => {
    world.registry.garble(NEW_REPOSITORY, 'a2');
    await report({ write: 'found' });
    assert.match(world.files.get('found') ?? '', /^# INCOMPLETE: 1 manifest /m);
  });

  it('is not written over another, which is found out before anything else', async () => {
    world.files.set('mine', '# mine');
    assert.ok((await scanned({ write: 'mine' })).error instanceof RefusedError);
    assert.equal(world.files.get('mine'), '# mine');
    assert.equal(world.pod.created, 0);
  });

  it('is not written by a scan that failed', async () => {
    world.registry.before = ({ operation }) => {
      if (operation === 'list') throw new RegistryError('no', { failure: 'other' });
    };
    await scanned({ write: 'found' });
    assert.equal(world.files.size, 0);
  });
});

describe('an unfinished run', () => {
  it('does not hide what its ledger names', async () => {
    const { registry } = world;
    registry.canUntie('throw-away');
    const ledger = {
      marker: tag('registry-cleaner-20261123T090000Z-0000bb-1'),
      ...{ run: '20261123T090000Z-0000bb', by: 'ann@laptop', since: '2026-11-23T09:00:00Z' },
      tags: new Map([[tag(`${A}-2`), digest('a2')]]),
    };
    const before = await report();
    await registry.untagging?.writeLedger(NEW_REPOSITORY, ledger);
    await registry.untagging?.untie(NEW_REPOSITORY, tag(`${A}-2`), ledger);
    const after = await report();
    const rows = ({ environments }: ScanReport) =>
      environments.map(({ environment, revisions, bytes }) => [environment, revisions, bytes]);
    assert.deepEqual(rows(after), rows(before));
    assert.equal(after.manifests, before.manifests + 1);
    // What stood under the tag for a while is not taken for the revision when that is back.
    registry.untag(NEW_REPOSITORY, ledger.marker);
    registry.push(NEW_REPOSITORY, `${A}-2`, 'a2');
    assert.deepEqual(rows(await report()), rows(before));
  });
});
