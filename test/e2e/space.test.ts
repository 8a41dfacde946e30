/** The bytes that are foretold, and those that the registry's own garbage collector frees. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type Layer, storeImage } from '../../scripts/sandbox/registry/images.ts';
import { type Event, parseEvents } from './support/command.ts';
import { blobsOnDisk, collectGarbage, fill, sizeOf } from './support/disk-space.ts';
import { Site } from './support/site.ts';

const MIB = 1024 * 1024;
const ENVIRONMENT = '62798b9bee0eb12322fc97e8';
const REVISIONS = 8;

let site: Site;
before(async () => {
  site = await Site.open({ via: 'direct' });
  fill(site.sandbox, (writer) => {
    // More than 40 MiB: a base that all have, what two neighbours share, and four of each revision's own; the first ones are legacy.
    const base = incompressible('base');
    for (let revision = 1; revision <= REVISIONS; revision += 1) {
      const own = [0, 1, 2, 3].map((n) => incompressible(`${revision} ${n}`));
      const shared = [revision, revision + 1].map((n) => incompressible(`shared ${Math.floor(n / 2)}`));
      const image = storeImage(writer, { family: 'oci', layers: [base, ...new Set(shared), ...own] });
      if (revision <= 3) writer.tag(`domino-${ENVIRONMENT}`, `${revision}`, image);
      if (revision >= 3) writer.tag('dominodatalab/environment', `${ENVIRONMENT}-${revision}`, image);
    }
    // Somebody else's image has layers of revisions 1 and 4.
    const foreign = storeImage(writer, {
      family: 'docker',
      layers: ['1 0', '4 0', '4 1', 'else 0', 'else 1', 'else 2', 'else 3', 'else 4', 'else 5'].map(
        incompressible,
      ),
    });
    writer.tag('somebody/else', 'latest', foreign);
  });
  collectGarbage(site.sandbox, site.folder);
});
after(() => site[Symbol.asyncDispose]());

/** A mebibyte that is always the same for a name. */
function incompressible(name: string): Layer {
  const content = createHash('shake256', { outputLength: MIB }).update(name).digest();
  return { content, diffId: `sha256:${createHash('sha256').update(name).digest('hex')}` };
}

/**
 * Runs the collector: by how much there is less than before the run, and how much the run itself had written that went as
 * well. Deleting alone takes nothing away.
 */
function collected(before: ReadonlyMap<string, number>): { bytes: number; ownBytes: number } {
  const deleted = blobsOnDisk(site.sandbox);
  for (const hex of before.keys()) assert.ok(deleted.has(hex), `${hex} went before it was collected`);
  collectGarbage(site.sandbox, site.folder);
  const left = blobsOnDisk(site.sandbox);
  const ownBytes = sizeOf(new Map([...deleted].filter(([hex]) => !before.has(hex))));
  const bytes = sizeOf(before) - sizeOf(left);
  assert.equal(sizeOf(deleted) - sizeOf(left), bytes + ownBytes, 'nothing of its own is left');
  assert.ok(ownBytes < 10_000, `${ownBytes} bytes of its own`);
  return { bytes, ownBytes };
}

/** What a run says that it will free. */
function foretold(stdout: string): { scope: string; bytes: number; unread: number } {
  const review = parseEvents(stdout).find(({ event }) => event === 'review') as Event & { estimate: never };
  return review.estimate;
}

test('what is foretold by the whole registry is what the garbage collector frees, to the byte', async () => {
  const { sandbox } = site;
  const before = blobsOnDisk(sandbox);
  assert.ok(sizeOf(before) > 40 * MIB, `${sizeOf(before)} bytes`);

  const content = await site.registry.view();
  const found = join(site.folder, 'found');
  const scanned = await site.runs(0, ['scan', '--write', found, '--keep-last', '2']);
  const [report] = parseEvents(scanned.stdout).filter(({ event }) => event === 'scan');
  assert.deepEqual(report?.unread, []);
  assert.equal(report?.bytes, sizeOf(before), 'what was collected beforehand is all that there is');
  const soon = await site.runs(0, ['scan', '--keep-last', '2']);
  const [second] = parseEvents(soon.stdout).filter(({ event }) => event === 'scan');
  const { at: _, file: ___, ...figures } = report ?? assert.fail('nothing was told');
  const { at: __, remembered, ...sameFigures } = second ?? assert.fail('nothing was told');
  assert.deepEqual(sameFigures, figures, 'without asking for each revision again');
  assert.ok((remembered as { tags: number }).tags > REVISIONS);
  assert.match(soon.stderr, /revisions were not asked for again/);
  assert.deepEqual(await site.registry.view(), content);
  await site.assertTidy();
  const twice = await site.runs(4, ['scan', '--write', found]);
  assert.match(twice.stderr, /already/);

  const environments = site.file(
    'uncommented',
    readFileSync(found, 'utf8').replaceAll(/^# (?=[0-9a-f]{24} )/gm, ''),
  );
  const bound = foretold((await site.runs(0, ['--environments', environments])).stdout);
  const options = ['--environments', environments, '--estimate', 'registry', '--strategy', 'by-digest'];
  const exact = foretold((await site.runs(0, [...options, '--delete', '--yes'])).stdout);
  assert.deepEqual([bound.scope, exact.scope, bound.unread, exact.unread], ['touched', 'registry', 0, 0]);
  assert.equal(exact.bytes, report?.gainBytes, 'as the scan has said');
  // The other repository keeps three layers and knows nothing of the plan.
  assert.equal(bound.bytes - exact.bytes, 3 * MIB);

  const freed = collected(before);
  assert.equal(freed.bytes, exact.bytes);
  assert.ok(exact.bytes > 15 * MIB, `${exact.bytes} bytes`);
});

test('it is that also with a strategy that writes manifests of its own, which the collector takes as well', async () => {
  const before = blobsOnDisk(site.sandbox);
  const environments = site.file('fewer', `${ENVIRONMENT} latest:1\n`);
  const options = ['--environments', environments, '--estimate', 'registry', '--strategy', 'untag-first'];
  const { bytes } = foretold((await site.runs(0, [...options, '--delete', '--yes'])).stdout);
  const freed = collected(before);
  assert.ok(freed.ownBytes > 0, 'a ledger, and a throw-away manifest');
  assert.equal(freed.bytes, bytes);
  assert.ok(bytes > 3 * MIB, `${bytes} bytes`);
});
