/** Garbage collection by the real registry, in the real registry's pod. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { CollectorWatch } from './support/collector-watch.ts';
import { killReclaiming } from './support/reclaim-ordeal.ts';
import { runRecord } from './support/run-folder.ts';
import { Site, summaryOf } from './support/site.ts';

const run = promisify(execFile);
const seed = Number(process.env.ORDEAL_SEED ?? Date.now() % 1_000_000);
const NEW = 'dominodatalab/environment';
const DELETING = ['--delete', '--yes', '--reclaim'];
const UNSEEN = ['--allow-unseen-uploads'];

/** Copies an image by Skopeo; a folder is given as an absolute path. */
async function copy(site: Site, from: string, to: string): Promise<void> {
  const { registry, username, password } = site.sandbox;
  const place = (name: string) => (name.startsWith('/') ? `dir:${name}` : `docker://${registry}/${name}`);
  await run(
    'skopeo',
    [
      ...['copy', '--quiet', '--all', '--src-tls-verify=false', '--dest-tls-verify=false'],
      ...['--src-creds', `${username}:${password}`, '--dest-creds', `${username}:${password}`],
      ...[place(from), place(to)],
    ].filter((word, index, all) => !belongsToFolder(word, { index, all, from, to })),
  );
}

/** Skopeo refuses credentials for a folder. */
function belongsToFolder(
  word: string,
  { index, all, from, to }: { index: number; all: readonly string[]; from: string; to: string },
): boolean {
  const option = word.startsWith('--') ? word : (all[index - 1] ?? '');
  return (
    (from.startsWith('/') && option.startsWith('--src-')) ||
    (to.startsWith('/') && option.startsWith('--dest-'))
  );
}

function sha256(content: string): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}

/** A push that is under way: its layer is begun. `finish` pushes the rest, and the manifest. */
async function beginPush(site: Site, tag: string) {
  const [layer, config] = [
    `layer of ${tag}`,
    '{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}',
  ];
  const locate = (answer: Response) => {
    const { pathname, search } = new URL(answer.headers.get('location') ?? '', 'http://registry');
    return `${pathname.slice('/v2/'.length)}${search}`;
  };
  const begin = async () => locate(await site.registry.ask(`${NEW}/blobs/uploads/`, { method: 'POST' }));
  const append = async (path: string, body: string) =>
    locate(
      await site.registry.ask(path, {
        method: 'PATCH',
        headers: { 'content-type': 'application/octet-stream' },
        body,
      }),
    );
  const end = async (path: string, content: string) => {
    const { status } = await site.registry.ask(`${path}&digest=${sha256(content)}`, { method: 'PUT' });
    assert.equal(status, 201);
  };
  const open = await append(await begin(), layer);
  return {
    async finishLayer() {
      await end(open, layer);
    },
    async finish() {
      await end(await append(await begin(), config), config);
      const descriptor = (mediaType: string, content: string) => ({
        mediaType: `application/vnd.oci.image.${mediaType}`,
        digest: sha256(content),
        size: content.length,
      });
      const mediaType = 'application/vnd.oci.image.manifest.v1+json';
      const text = JSON.stringify({
        ...{ schemaVersion: 2, mediaType, config: descriptor('config.v1+json', config) },
        layers: [descriptor('layer.v1.tar', layer)],
      });
      await site.registry.push(NEW, tag, { mediaType, text });
    },
  };
}

/** Files of the blobs that a manifest needs, and what it lists. */
async function blobsOf(site: Site, repository: string, reference: string): Promise<string[]> {
  const answer = await site.registry.ask(`${repository}/manifests/${reference}`);
  const {
    config,
    layers = [],
    manifests = [],
  } = (await answer.json()) as Record<'layers' | 'manifests', { digest: string }[] | undefined> & {
    config?: { digest: string };
  };
  const files = [...(config ? [config] : []), ...layers].map(({ digest }) => {
    const hex = digest.slice('sha256:'.length);
    return join(site.sandbox.storage, 'docker/registry/v2/blobs/sha256', hex.slice(0, 2), hex, 'data');
  });
  const listed = await Promise.all(manifests.map(({ digest }) => blobsOf(site, repository, digest)));
  return [...files, ...listed.flat()];
}

/** `repository:tag` of the oracle's lines. */
function nameOf(line: string): { repository: string; tag: string } {
  const [repository = '', tag = ''] = (line.split(' ')[0] ?? '').split(':');
  return { repository, tag };
}

/** A doomed revision, and the files of blobs that nothing needs that stays. */
async function doomedImage(site: Site): Promise<{ tag: string; files: readonly string[] }> {
  const { left, doomed } = site.judge();
  const needed = new Set<string>();
  for (const { repository, tag } of left.map(nameOf))
    for (const file of await blobsOf(site, repository, tag)) needed.add(file);
  for (const { repository, tag } of doomed.map(nameOf)) {
    if (repository !== NEW) continue;
    const files = (await blobsOf(site, repository, tag)).filter((file) => !needed.has(file));
    if (files.length > 0) return { tag, files };
  }
  throw new Error('every doomed image shares all of its blobs');
}

/** In plain processes a pod sees everything that runs on this machine. */
function skipsUnlessIsolated(context: TestContext, { sandbox }: Site): boolean {
  if (!sandbox.isolated) context.skip('needs Linux namespaces');
  return !sandbox.isolated;
}

describe('collecting garbage', { concurrency: true }, () => {
  test('a push under way stops it; later what was deleted is freed, and everything else is whole', async (context) => {
    await using site = await Site.open();
    if (skipsUnlessIsolated(context, site)) return;
    using watch = new CollectorWatch(site.sandbox);
    const kept = site
      .judge()
      .left.map(nameOf)
      .filter(({ repository, tag }) => repository === NEW && /^[0-9a-f]{24}-\d+$/.test(tag))
      .map(({ tag }) => tag);
    const { tag: doomed, files } = await doomedImage(site);
    const saved = join(site.folder, 'saved');
    await copy(site, `${NEW}:${doomed}`, saved);

    const push = await beginPush(site, 'pushed');
    const refused = await site.runs(4, DELETING);
    assert.match(refused.stderr, /Somebody is pushing to the registry: 1 upload/);
    await site.assertTidy();
    await push.finishLayer();
    const unfinished = await site.runs(4, ['--resume']);
    assert.match(unfinished.stderr, /1 blob came to the registry within the last 10 minutes/);
    await site.assertTidy();
    await push.finish();
    assert.deepEqual(
      files.map((file) => existsSync(file)),
      files.map(() => true),
    );

    const command = site.start(['--resume']);
    await command.event('read-only', ({ step, state }) => step === 'make-read-only' && state === 'done');
    const { status, body } = await site.registry.pushNothing();
    assert.equal(status, 405);
    assert.match(body, /method not allowed/i, "the registry's own words");
    const ended = await command.ended;
    assert.equal(ended.code, 0, ended.stderr);
    assert.match(ended.stderr, /can no longer be taken back/);
    const summary = summaryOf(ended);
    assert.ok(Number(summary.reclaimedBytes) > 0, ended.stdout);
    assert.match(String(runRecord(site.stateDir).reclaimedAt), /^20/);
    assert.deepEqual(
      files.filter((file) => existsSync(file)),
      [],
    );
    await site.assertTidy();
    assert.equal(await site.registry.takesPushes(), true);
    await site.assertNothingLost();
    assert.deepEqual([watch.violations, watch.most], [[], 1]);

    for (const tag of [...kept.slice(0, 3), 'pushed'])
      await copy(site, `${NEW}:${tag}`, join(site.folder, `pulled-${tag}`));
    await copy(site, saved, `${NEW}:${doomed}`);
    await copy(site, `${NEW}:${doomed}`, join(site.folder, 'pulled-again'));
    assert.equal(
      readFileSync(join(site.folder, 'pulled-again', 'manifest.json'), 'utf8'),
      readFileSync(join(saved, 'manifest.json'), 'utf8'),
    );
  });

  test('on an object store: only when it is allowed; and a socket that breaks ends no collector', async (context) => {
    await using site = await Site.open({ objectStore: { readDelayMs: 4 }, workloadKind: 'Deployment' });
    if (skipsUnlessIsolated(context, site)) return;
    using watch = new CollectorWatch(site.sandbox);
    const refused = await site.runs(4, ['reclaim', '--yes']);
    assert.match(refused.stderr, /--allow-unseen-uploads/);
    await site.assertUntouched();
    const looked = await site.runs(0, ['reclaim', '--dry-run']);
    const found = looked.stdout.split('\n').find((line) => line.includes('"reclaimable"')) ?? '{}';
    assert.equal(JSON.parse(found).how, 'unknown');
    await site.assertUntouched();

    const command = site.start(['reclaim', '--yes', ...UNSEEN]);
    await command.until('a collector', () => watch.look().collectors.length > 0);
    await site.sandbox.faults.inject({ fault: 'dropExec', podPrefix: 'docker-registry-' });
    const ended = await command.ended;
    assert.equal(ended.code, 0, ended.stderr);
    assert.deepEqual([watch.violations, watch.most, watch.collectors.size], [[], 1, 2]);
    await site.assertTidy();
    await site.assertNothingLost();
  });

  test('killed again and again, recovered elsewhere: never writable while a collector lives', async (context) => {
    context.diagnostic(`to repeat it: ORDEAL_SEED=${seed}`);
    await using site = await Site.open({ objectStore: { readDelayMs: 4 }, workloadKind: 'Deployment' });
    if (skipsUnlessIsolated(context, site)) return;
    await killReclaiming(site, { kills: 2, seed, args: UNSEEN });
    await site.assertTidy();
  });
});
