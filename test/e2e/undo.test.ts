/** What a run has deleted is put back; what the registry's garbage collector has taken is told. */
import assert from 'node:assert/strict';
import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { type Event, parseEvents } from './support/command.ts';
import { contentOf } from './support/oracle.ts';
import { runFolder, runRecord } from './support/run-folder.ts';
import { Site, summaryOf } from './support/site.ts';
import { copyImage } from './support/skopeo-copy.ts';

const DELETING = ['--delete', '--yes'];
const SAVED = 'deleted-manifests.jsonl.gz';

/** What an undo has told of each tag, by `repository:tag`. */
function toldOf(ended: { stdout: string }): Map<string, Event> {
  const told = parseEvents(ended.stdout).filter(isUndone);
  return new Map(told.map((event) => [`${event.repository}:${event.tag}`, event]));
}

function isUndone({ event }: Event): boolean {
  return event === 'undone';
}

function manifestOf(site: Site, image: string): { mediaType: string; text: string; digest: string } {
  const [repository = '', tag = ''] = image.split(':');
  const view = site.before.get(repository);
  const digest = view?.tags.get(tag) ?? '';
  const manifest = view?.manifests.get(digest) ?? assert.fail(`there was no ${image}`);
  return { mediaType: manifest.mediaType, text: manifest.text, digest };
}

/** The digests of config and layers. */
function blobsOf(text: string): string[] {
  const { config, layers = [] } = JSON.parse(text) as {
    config?: { digest: string };
    layers?: { digest: string }[];
  };
  return [config, ...layers].flatMap((each) => each?.digest ?? []);
}

/** Removes a blob as the garbage collector does, from a registry that has not looked at it since it started. */
function collect(site: Site, blob: string): void {
  const [algorithm = '', hex = ''] = blob.split(':');
  const folder = join(site.sandbox.storage, 'docker/registry/v2/blobs', algorithm, hex.slice(0, 2), hex);
  rmSync(folder, { recursive: true });
}

// Each with a sandbox of its own, at the same time.
describe('undo', { concurrency: true }, () => {
  test('after untagging first, through the pod: every image is back, byte for byte', async () => {
    await using site = await Site.open();
    const [signed = ''] = site.judge().doomed;
    const { digest, text, mediaType } = manifestOf(site, signed);
    const signature = `${digest.replace(':', '-')}.sig`;
    await site.registry.push(signed.split(':')[0] ?? '', signature, { mediaType, text: `${text} ` });
    const before = contentOf(await site.registry.view());
    const { doomed } = site.judge();

    const deleting = await site.runs(0, [...DELETING, '--strategy', 'untag-first']);
    const { saved, deleted } = summaryOf(deleting) as Event & { saved?: { file: string; bytes: number } };
    const file = join(runFolder(site.stateDir), SAVED);
    assert.deepEqual(saved, { file, bytes: statSync(file).size });
    assert.equal((statSync(file).mode & 0o777).toString(8), '600');
    assert.ok(deleting.stderr.includes(file) && / KiB\)/.test(deleting.stderr), deleting.stderr);

    const refused = await site.runs(2, ['undo']);
    assert.match(refused.stderr, /--yes/);
    const undone = await site.runs(0, ['undo', '--yes']);
    const { tags, restored } = summaryOf(undone);
    assert.deepEqual([tags, restored], [deleted, deleted]);
    assert.equal(toldOf(undone).size, doomed.length + 1);
    assert.deepEqual(contentOf(await site.registry.view()), before);
    await site.assertTidy();
    for (const image of doomed.slice(0, 3))
      assert.equal(await copyImage(site.sandbox, image, site.folder), manifestOf(site, image).text, image);

    const again = summaryOf(await site.runs(0, ['undo', '--yes', runRecord(site.stateDir).id]));
    assert.deepEqual([again.restored, again.there], [0, deleted]);
  });

  test('after deleting by digest, directly: a tag that was pushed since, and a collected layer', async () => {
    await using site = await Site.open({ via: 'direct' });
    const { doomed } = site.judge();
    await site.runs(0, [...DELETING, '--strategy', 'by-digest']);
    const after = await site.registry.view();

    const [pushed = '', ...others] = doomed.filter((image) => image.startsWith('dominodatalab/'));
    const [repository = '', tag = ''] = pushed.split(':');
    const [kept] = after.get(repository)?.manifests.values() ?? [];
    await site.registry.push(repository, tag, kept ?? assert.fail());
    const needed = new Set(
      [...after.values()].flatMap(({ manifests }) =>
        [...manifests.values()].flatMap(({ text }) => blobsOf(text)),
      ),
    );
    const [victim = ''] = others
      .flatMap((image) => blobsOf(manifestOf(site, image).text))
      .filter((blob) => !needed.has(blob));
    collect(site, victim);

    const undone = await site.runs(3, ['undo', '--yes']);
    const told = toldOf(undone);
    const uses = (image: string): boolean => {
      const [name = ''] = image.split(':');
      const listed = [manifestOf(site, image)];
      for (const { text } of listed)
        for (const { digest: child } of (JSON.parse(text).manifests ?? []) as { digest: string }[])
          listed.push({
            ...(site.before.get(name)?.manifests.get(child) ?? assert.fail(child)),
            digest: child,
          });
      return listed.some(({ text }) => text.includes(victim));
    };
    for (const image of doomed) {
      const outcome = image === pushed ? 'pushedSince' : uses(image) ? 'incomplete' : 'restored';
      assert.equal(told.get(image)?.outcome, outcome, image);
      if (outcome === 'incomplete') assert.deepEqual(told.get(image)?.missing, [victim]);
    }
    const gone = doomed.filter((image) => told.get(image)?.outcome === 'incomplete');
    assert.ok(gone.length > 0);
    assert.ok(undone.stderr.includes(victim) && gone.every((image) => undone.stderr.includes(image)));
    const now = contentOf(await site.registry.view());
    const expected = contentOf(site.before).filter(
      (line) => !gone.some((image) => line.startsWith(`${image} `)) && !line.startsWith(`${pushed} `),
    );
    assert.deepEqual(
      now.filter((line) => !line.startsWith(`${pushed} `)),
      expected,
    );
    const [whole = ''] = doomed.filter((image) => told.get(image)?.outcome === 'restored');
    await copyImage(site.sandbox, whole, site.folder);
    await site.assertTidy();
  });

  test('killed by kill -9: recover elsewhere leaves nothing behind, and the next undo finishes it', async () => {
    await using site = await Site.open();
    await site.runs(0, DELETING);
    await site.sandbox.faults.inject({ fault: 'registrySlow', delayMs: 20 });
    const undoing = site.start(['undo', '--yes', '--concurrency', '2']);
    await undoing.until('a few tags', () => undoing.events.filter(isUndone).length >= 3);
    undoing.kill('SIGKILL');
    await undoing.ended;
    assert.equal(site.otherPods.length, 1);
    await site.runs(0, ['recover', '--state-dir', join(site.folder, 'elsewhere')]);
    await site.assertTidy();
    await site.assertNothingLost();
    await site.sandbox.faults.clear();
    const { tags, restored, there } = summaryOf(await site.runs(0, ['undo', '--yes']));
    assert.ok(Number(there) >= 3 && Number(restored) > 0);
    assert.equal(Number(there) + Number(restored), tags);
    await site.assertUntouched();
  });

  test('of a run that was ended in the midst of untying, and of one environment only', async () => {
    await using site = await Site.open();
    await site.sandbox.faults.inject({ fault: 'registrySlow', delayMs: 20 });
    const args = ['--strategy', 'untag-first', '--concurrency', '2'];
    const deleting = site.start([...DELETING, ...args]);
    await deleting.event('untied tags', ({ event, text, done }) => {
      return event === 'progress' && text === 'tags untied' && Number(done) > 2;
    });
    deleting.kill('SIGTERM');
    assert.equal((await deleting.ended).code, 143);
    await site.sandbox.faults.clear();
    const undone = await site.runs(0, ['undo', '--yes']);
    assert.equal(runRecord(site.stateDir).stage, 'given-up');
    assert.ok(Number(summaryOf(undone).restored) > 2);
    const now = contentOf(await site.registry.view());
    assert.deepEqual(
      now.filter((line) => !line.includes(':registry-cleaner-')),
      contentOf(site.before),
    );

    // The next run takes away what that one has left, and is undone for one environment.
    await site.runs(0, [...DELETING, ...args]);
    await site.assertCleaned();
    const [id = ''] = /\b[0-9a-f]{24}\b/.exec(site.environmentsText) ?? [];
    await site.runs(0, ['undo', '--yes', '--only', 'new', id]);
    const back = site.judge().doomed.filter((image) => image.includes(`environment:${id}-`));
    const after = new Set(contentOf(await site.registry.view()).map((line) => line.split(' ')[0]));
    const isBack = site.judge().doomed.filter((image) => after.has(image));
    assert.deepEqual(isBack, back);
    await site.assertTidy();
  });
});
