import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { describe, it } from 'node:test';
import { createSkopeoRegistry } from '../../../src/adapters/skopeo/registry.ts';
import { sweep } from '../../../src/adapters/skopeo/sweep.ts';
import { RegistryError } from '../../../src/domain/errors.ts';
import type { Digest, Repository, Tag } from '../../../src/domain/names.ts';
import { type FakeSkopeo, fakeSkopeo, processesWith, until } from './fake-skopeo.ts';

const REPOSITORY = 'dominodatalab/environment' as Repository;
const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}` as Digest;
const MISSING = 'time="x" level=fatal msg="reading manifest 1 in r: manifest unknown"';
const LISTS = `*list-tags*) echo '{"Tags":["1"]}' ;;`;
/** Notes that it began, and goes on until the file `go` is there. */
const WAITS = 'note began; until [ -e "$FAKE/go" ]; do sleep 0.02; done; note ended';
const SOON = () => AbortSignal.timeout(120_000);

let runs = 0;
function connect(fake: FakeSkopeo, { concurrency = 4, run = `lanes-${process.pid}-${runs++}` } = {}) {
  const control = new AbortController();
  const registry = createSkopeoRegistry({
    shell: fake.shell,
    registry: 'docker-registry:5000',
    credentials: undefined,
    tls: false,
    ...{ concurrency, run },
    signal: control.signal,
  });
  return { registry, run, control };
}

const openHandles = () =>
  process.getActiveResourcesInfo().filter((kind) => kind === 'PipeWrap' || kind === 'ProcessWrap').length;
const isTemporary = (error: unknown) => error instanceof RegistryError && error.failure === 'temporary';

describe('lanes', () => {
  it('are opened one by one as they are needed, and never more than allowed', async () => {
    await using fake = await fakeSkopeo();
    await fake.behave('note began; sleep 0.05; note ended');
    const { registry } = connect(fake, { concurrency: 3 });
    await registry.deleteManifest(REPOSITORY, DIGEST);
    await registry.deleteManifest(REPOSITORY, DIGEST);
    assert.equal(fake.shell.lanes, 1);
    await Promise.all(Array.from({ length: 20 }, () => registry.deleteManifest(REPOSITORY, DIGEST)));
    assert.equal(fake.shell.lanes, 3);
    await registry.close();
    let running = 0;
    let most = 0;
    for (const note of await fake.notes()) {
      running += note === 'began' ? 1 : -1;
      most = Math.max(most, running);
    }
    assert.equal(most, 3);
  });

  it('look at the tags that wait together in one process', async () => {
    await using fake = await fakeSkopeo();
    await fake.behave(
      `case "$*" in *sync*) note sync ;; ${LISTS} *) note inspect; echo '${MISSING}' >&2; exit 1 ;; esac`,
    );
    const { registry } = connect(fake, { concurrency: 2 });
    const tags = Array.from({ length: 40 }, (_, number) => `${number}` as Tag);
    const resolutions = await Promise.all(tags.map((tag) => registry.resolve(REPOSITORY, tag)));
    await registry.close();
    const notes = await fake.notes();
    assert.ok(notes.filter((note) => note === 'sync').length < 10);
    // It found nothing, so each was asked for once more; the listing decided what that means.
    assert.equal(notes.filter((note) => note === 'inspect').length, 40);
    assert.deepEqual(resolutions[0], { state: 'gone' });
    assert.equal(resolutions[1]?.state, 'dangling');
  });

  it('share a listing among doubts, but not one that had begun before the question', async () => {
    await using fake = await fakeSkopeo();
    await fake.behave(`case "$*" in *list-tags*) ${WAITS}; echo '{"Tags":[]}' ;; esac`);
    const { registry } = connect(fake, { concurrency: 1 });
    const before = registry.listTags(REPOSITORY);
    await until('the first listing began', async () => (await fake.notes()).includes('began'));
    const later = [registry.listTags(REPOSITORY), registry.listTags(REPOSITORY)];
    await fake.touch('go');
    await Promise.all([before, ...later]);
    await registry.close();
    assert.equal((await fake.notes()).filter((note) => note === 'began').length, 2);
  });

  it('go on without a lane that broke while nothing was under way', async () => {
    await using fake = await fakeSkopeo();
    await fake.behave('exit 0');
    const { registry } = connect(fake);
    await registry.deleteManifest(REPOSITORY, DIGEST);
    fake.shell.cut();
    await until('the cut is known', () => new Promise((resolve) => setImmediate(() => resolve(true))));
    assert.equal(await registry.deleteManifest(REPOSITORY, DIGEST), 'deleted');
    await registry.close();
  });

  it('leave nothing behind: no process, no file, no open handle, after two thousand calls', async () => {
    await using fake = await fakeSkopeo();
    await fake.behave('exit 0');
    const before = openHandles();
    const { registry, run } = connect(fake);
    for (let round = 0; round < 20; round++) {
      await Promise.all(Array.from({ length: 100 }, () => registry.deleteManifest(REPOSITORY, DIGEST)));
      // Each lane is a process with three pipes.
      assert.ok(openHandles() <= before + 4 * 4);
    }
    await registry.close();
    await fake.shell.end();
    assert.deepEqual(
      readdirSync(fake.folder).filter((name) => name.includes(run)),
      [],
    );
    assert.deepEqual(processesWith(run), []);
    await until('all handles are closed', () => openHandles() === before);
  });
});

describe('after a dropped connection', () => {
  it('what ran on there has ended before the caller is told', async () => {
    await using fake = await fakeSkopeo();
    await fake.behave(WAITS);
    const { registry, run } = connect(fake);
    const call = registry.deleteManifest(REPOSITORY, DIGEST);
    await until('Skopeo runs', async () => (await fake.notes()).includes('began'));
    fake.shell.cut();
    await until('the search for it began', () =>
      fake.shell.opened.some((argv) => argv[3] === 'skopeo-sweep'),
    );
    assert.notDeepEqual(processesWith(run), [], 'it runs on without its connection');
    await fake.touch('go');
    await assert.rejects(call, isTemporary);
    assert.deepEqual(processesWith(run), []);
    assert.deepEqual(await fake.notes(), ['began', 'ended'], 'a command at work may finish');
    assert.equal(await registry.deleteManifest(REPOSITORY, DIGEST), 'deleted');
    await registry.close();
  });

  it('nothing more is begun for as long as that cannot be achieved', async () => {
    await using fake = await fakeSkopeo();
    await fake.behave(WAITS);
    const { registry, run } = connect(fake);
    const call = registry.deleteManifest(REPOSITORY, DIGEST);
    await until('Skopeo runs', async () => (await fake.notes()).includes('began'));
    fake.shell.refuse = 'skopeo-sweep';
    fake.shell.cut();
    await assert.rejects(call, (error) => isTemporary(error) && /cut.*cannot be reached/.test(String(error)));
    await assert.rejects(registry.deleteManifest(REPOSITORY, DIGEST), isTemporary);
    assert.equal(fake.shell.lanes, 1);
    fake.shell.refuse = undefined;
    await fake.touch('go');
    assert.equal(await registry.deleteManifest(REPOSITORY, DIGEST), 'deleted');
    assert.equal(processesWith(run).filter((argv) => argv.includes(' skopeo-lane ')).length, 1);
    await registry.close();
  });

  it('a command that does not end is killed', async () => {
    await using fake = await fakeSkopeo();
    await fake.behave(WAITS);
    const { registry, run } = connect(fake);
    const call = registry.deleteManifest(REPOSITORY, DIGEST);
    call.catch(() => undefined);
    await until('Skopeo runs', async () => (await fake.notes()).includes('began'));
    await sweep(fake.shell, { tokens: [`skopeo-${run}.`], signal: SOON(), graceSeconds: 0 });
    assert.deepEqual(processesWith(run), []);
    assert.deepEqual(await fake.notes(), ['began']);
    await assert.rejects(call, isTemporary);
  });
});

describe('quiesce', () => {
  it('ends what an earlier, killed instance of the run left, and nothing of another run', async () => {
    await using fake = await fakeSkopeo();
    await fake.behave(WAITS);
    const killed = connect(fake);
    const other = connect(fake);
    void killed.registry.deleteManifest(REPOSITORY, DIGEST).catch(() => undefined);
    const unrelated = other.registry.deleteManifest(REPOSITORY, DIGEST);
    await until('both run', async () => (await fake.notes()).length === 2);
    // All that is left of a killed instance are its processes; its connections are cut by its death.
    killed.control.abort(new Error('killed'));
    const resumed = connect(fake, { run: killed.run });
    const quiet = resumed.registry.quiesce(SOON());
    await until(
      'its loop is killed',
      () => !processesWith(killed.run).some((argv) => argv.includes(' skopeo-lane ')),
    );
    await fake.touch('go');
    await quiet;
    assert.deepEqual(processesWith(killed.run), []);
    assert.equal(await unrelated, 'deleted');
    assert.equal(await resumed.registry.deleteManifest(REPOSITORY, DIGEST), 'deleted');
    await resumed.registry.close();
    await other.registry.close();
  });

  it('works after the work was aborted', async () => {
    await using fake = await fakeSkopeo();
    await fake.behave(WAITS);
    const { registry, run, control } = connect(fake);
    const call = registry.deleteManifest(REPOSITORY, DIGEST);
    await until('Skopeo runs', async () => (await fake.notes()).includes('began'));
    const reason = new Error('Ctrl+C');
    control.abort(reason);
    await assert.rejects(call, reason);
    await fake.touch('go');
    await registry.quiesce(SOON());
    assert.deepEqual(processesWith(run), []);
  });
});
