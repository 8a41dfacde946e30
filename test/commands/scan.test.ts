import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { clean } from '../../src/commands/clean.ts';
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
    const first = await report({ 'max-age': '0' });
    assert.equal(registry.count('read'), 0);
    registry.layers.set('a4', { base: 1000, four: 80_000 });
    registry.push(NEW_REPOSITORY, `${A}-4`, 'a4');
    registry.push(NEW_REPOSITORY, `${A}-3`, 'a4');
    await registry.deleteManifest(NEW_REPOSITORY, digest('b7'));
    registry.calls.length = 0;
    const second = await report({ 'keep-last': '1', 'max-age': '0' });
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
    const after = await report({ 'max-age': '0' });
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

describe('a scan soon after another', () => {
  const MINUTE_MS = 60_000;
  const REVISIONS = [
    `${LEGACY}:1`,
    ...[`${A}-2`, `${A}-3`, `${B}-7`].map((name) => `${NEW_REPOSITORY}:${name}`),
  ];
  const OTHERS = [`${NEW_REPOSITORY}:buildcache`, `${OTHER}:latest`];

  /** What is asked for of this registry by another scan, each once. */
  async function asked(flags: RawOptions = {}): Promise<readonly string[]> {
    world.registry.calls.length = 0;
    await report(flags);
    const calls = world.registry.calls.filter(({ operation }) => operation === 'resolve');
    return [...new Set(calls.map(({ repository, reference }) => `${repository}:${reference}`))].sort();
  }

  /** What its figures are about, and the same for a scan that asks for each tag. */
  function figures({ environments, manifests, bytes, gainBytes, unread }: ScanReport) {
    return { environments, manifests, bytes, gainBytes, unread };
  }

  it('does not ask for the same revisions again, but for everything else', async () => {
    const first = await report();
    assert.equal(first.remembered, undefined);
    world.clock.advance(5 * MINUTE_MS);
    assert.deepEqual(await asked(), OTHERS.sort());
    const second = await report();
    assert.deepEqual(figures(second), figures(first));
    assert.deepEqual(second.remembered, { tags: 4, oldestAt: first.at });
    const { remembered, ...third } = await report({ 'max-age': '0' });
    assert.equal(remembered, undefined);
    assert.deepEqual(figures(third), figures(first));
  });

  it('asks for each tag with --max-age 0, and is up to date from then on', async () => {
    await report();
    world.clock.advance(50 * MINUTE_MS);
    assert.deepEqual(await asked({ 'max-age': '0' }), [...REVISIONS, ...OTHERS].sort());
    world.clock.advance(50 * MINUTE_MS);
    assert.deepEqual(await asked(), OTHERS.sort());
  });

  it('asks for what was looked at longer ago, however often it was not asked for since', async () => {
    const first = await report();
    world.clock.advance(40 * MINUTE_MS);
    assert.deepEqual((await report()).remembered, { tags: 4, oldestAt: first.at });
    world.registry.push(NEW_REPOSITORY, `${A}-4`, 'a4');
    const { at } = await report();
    world.clock.advance(19 * MINUTE_MS);
    assert.equal((await report()).remembered?.tags, 5);
    world.clock.advance(MINUTE_MS);
    const last = await report();
    assert.deepEqual(last.remembered, { tags: 1, oldestAt: at });
    world.clock.advance(9_999);
    const newer = [`${NEW_REPOSITORY}:${A}-4`];
    assert.deepEqual(await asked({ 'max-age': '10s' }), [...newer, ...OTHERS].sort());
    world.clock.advance(10_000);
    assert.deepEqual(
      await asked({ 'max-age': '10s' }),
      [...REVISIONS, `${NEW_REPOSITORY}:${A}-4`, ...OTHERS].sort(),
    );
  });

  it('does not rely on a clock that was set back', async () => {
    world.clock.advance(10 * MINUTE_MS);
    await report();
    world.clock.advance(-MINUTE_MS);
    assert.deepEqual(await asked(), [...REVISIONS, ...OTHERS].sort());
  });

  it('sees what was pushed and deleted, and that a tag which is no revision has moved', async () => {
    await report();
    const { registry } = world;
    registry.layers.set('a4', { base: 1000, four: 80_000 });
    registry.push(NEW_REPOSITORY, `${A}-4`, 'a4');
    registry.push(NEW_REPOSITORY, 'buildcache', 'a4');
    await registry.deleteManifest(NEW_REPOSITORY, digest('b7'));
    const { environments, remembered } = await report({ 'keep-last': '1' });
    assert.deepEqual(
      environments.map(({ environment, revisions }) => [environment, revisions]),
      [[A, [4, 3, 2, 1]]],
    );
    assert.equal(remembered?.tags, 3);
    assert.equal(without(['a1', 'a2', 'a3'], environments[0]?.ownBytes ?? 0), 70_000);
  });

  it('asks for what it has no longer read', async () => {
    await report();
    world.manifests.contents.delete(digest('a2'));
    assert.deepEqual(await asked(), [`${NEW_REPOSITORY}:${A}-2`, ...OTHERS].sort());
  });

  it('does not take what was seen in another registry for what is in this one', async () => {
    await report();
    world.clusterUid = 'cluster-2';
    assert.deepEqual(await asked(), [...REVISIONS, ...OTHERS].sort());
    world.clusterUid = 'cluster-1';
    assert.deepEqual(await asked(), OTHERS.sort());
  });

  it('asks for what was seen to stand for nothing', async () => {
    const { registry } = world;
    await report();
    registry.breakManifest(NEW_REPOSITORY, 'a2');
    await report({ 'max-age': '0' });
    registry.push(NEW_REPOSITORY, '', 'a2');
    assert.deepEqual(await asked(), [`${NEW_REPOSITORY}:${A}-2`, ...OTHERS].sort());
    assert.deepEqual(await asked(), OTHERS.sort());
  });

  it('does not ask for what an index lists, if all of that was there', async () => {
    const { registry } = world;
    for (const nickname of ['child', 'grandchild', 'lonely']) registry.push(LEGACY, '', nickname);
    registry.push(LEGACY, '', 'nested', ['grandchild']);
    registry.push(LEGACY, '2', 'whole', ['child', 'nested']);
    registry.push(LEGACY, '3', 'sparse', ['lonely', 'never-pushed']);
    const first = await report();
    const names = [`${LEGACY}:3`, `${LEGACY}:${digest('lonely')}`];
    assert.deepEqual(await asked(), [...names, ...OTHERS].sort());
    assert.deepEqual(figures(await report()), figures(first));
  });

  it('asks for an index that has lost something of what it lists', async () => {
    const { registry } = world;
    registry.push(LEGACY, '', 'child');
    registry.push(LEGACY, '2', 'index', ['child']);
    const first = await report();
    await registry.deleteManifest(LEGACY, digest('child'));
    const second = await report({ 'max-age': '0' });
    assert.equal(first.manifests - second.manifests, 1);
    assert.ok((await asked()).includes(`${LEGACY}:2`));
    assert.deepEqual(figures(await report()), figures(second));
  });

  it('counts what planning has looked at, all that is new to it included', async () => {
    world.environments = `${A} 3\n${B} 7\n`;
    world.registry.push(LEGACY, '', 'child');
    world.registry.push(LEGACY, '4', 'index', ['child']);
    const program = world.start();
    const atMs = world.clock.now();
    await clean(program.world, program.tally);
    world.clock.advance(5 * MINUTE_MS);
    // Planning is not interested in whether all is there that an index lists.
    const index = [`${LEGACY}:4`, `${LEGACY}:${digest('child')}`];
    assert.deepEqual(await asked(), [...index, ...OTHERS].sort());
    world.clock.advance(5 * MINUTE_MS);
    await clean(world.start({ fresh: true }).world, program.tally);
    world.clock.advance(56 * MINUTE_MS);
    const { remembered } = await report();
    assert.equal(remembered?.tags, 4);
    assert.equal(remembered?.oldestAt, new Date(atMs + 10 * MINUTE_MS).toISOString());
  });

  it('has planning ask for every tag nevertheless, and see what it finds', async () => {
    const { registry } = world;
    world.environments = `${A} 3\n`;
    await report();
    registry.push(NEW_REPOSITORY, `${A}-2`, 'moved');
    registry.calls.length = 0;
    const program = world.start({ estimate: 'registry' });
    await clean(program.world, program.tally);
    const looked = registry.calls.filter(({ operation }) => operation === 'resolve');
    const names = new Set(looked.map(({ repository, reference }) => `${repository}:${reference}`));
    for (const name of [...REVISIONS, ...OTHERS]) assert.ok(names.has(name), name);
    const plan = world.disk.latest.plan.find(({ ref }) => ref.repository === NEW_REPOSITORY);
    assert.equal(plan?.tags.find((each) => each.tag === tag(`${A}-2`))?.digest, digest('moved'));
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

  it('says what was not asked for again', async () => {
    await report({ write: 'first' });
    assert.doesNotMatch(world.files.get('first') ?? '', /asked for/);
    world.clock.advance(90_000);
    await report({ write: 'second' });
    assert.match(world.files.get('second') ?? '', /^# 4 revisions were not asked for .* 1 min 30 s earlier/m);
    assert.deepEqual(parseEnvironmentsFile(world.files.get('second') ?? ''), { entries: [], faults: [] });
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
    assert.equal((await report()).remembered?.tags, 3);
    await registry.untagging?.untie(NEW_REPOSITORY, tag(`${A}-2`), ledger);
    const after = await report();
    const rows = ({ environments }: ScanReport) =>
      environments.map(({ environment, revisions, bytes }) => [environment, revisions, bytes]);
    assert.deepEqual(rows(after), rows(before));
    assert.equal(after.manifests, before.manifests + 1);
    // What stood under the tag for a while is not taken for the revision when that is back.
    registry.untag(NEW_REPOSITORY, ledger.marker);
    registry.push(NEW_REPOSITORY, `${A}-2`, 'a2');
    registry.calls.length = 0;
    const last = await report();
    assert.deepEqual(rows(last), rows(before));
    assert.equal(last.remembered?.tags, 3);
    assert.ok(registry.calls.some(({ reference }) => reference === `${A}-2`));
  });

  it('has each tag of its repository asked for when its ledger cannot be read', async () => {
    const { registry } = world;
    registry.canUntie('throw-away');
    await report();
    registry.push(NEW_REPOSITORY, 'registry-cleaner-20261123T090000Z-0000bb-1', 'unreadable');
    assert.equal((await report()).remembered?.tags, 1);
  });
});
