import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { openRunArchive } from '../../../src/adapters/storage/run-archive.ts';
import { openRunStore } from '../../../src/adapters/storage/run-store.ts';
import type { Repository } from '../../../src/domain/names.ts';
import { tag } from '../../domain/builders.ts';
import { record, temporaryFolder } from './folder.ts';

/** A state folder with three runs that another program still holds. */
async function heldFolder(test: TestContext) {
  const root = join(temporaryFolder(test), 'state');
  const store = await openRunStore(root);
  test.after(() => store.close());
  for (const number of [2, 1, 3]) await store.create(record(number));
  return { root, store };
}

describe('a look at a state folder', () => {
  it('shows the newest runs while another program holds it, and that it does', async (test) => {
    const { root } = await heldFolder(test);
    const archive = openRunArchive(root);
    const ids = (await archive.recent(2)).map((run) => run.record.id);
    assert.deepEqual(ids, [record(3).id, record(2).id]);
    assert.equal(await archive.holder(), process.pid);
  });

  it('shows what has become of the tags so far', async (test) => {
    const { root, store } = await heldFolder(test);
    const run = await store.latest();
    const repository = 'dominodatalab/environment' as Repository;
    run?.journal.append({ at: '', repository, tag: tag('7'), outcome: 'deleted' });
    await run?.journal.flush();
    const [glimpse] = await openRunArchive(root).recent(1);
    const { outcomes, plans } = (await glimpse?.read()) ?? assert.fail('there is no run');
    assert.equal(outcomes.isGone(repository, tag('7')), true);
    assert.deepEqual(plans, []);
  });

  it('finds one run by its ID, with its trail, and none by anything else', async (test) => {
    const { root, store } = await heldFolder(test);
    const run = await store.latest();
    run?.journal.note({ at: '', event: 'confirmed', how: 'typed' });
    await run?.journal.flush();
    const archive = openRunArchive(root);
    const glimpse = await archive.find(record(3).id);
    assert.equal(glimpse?.record.id, record(3).id);
    for await (const lines of glimpse.trail())
      assert.deepEqual(lines, [{ at: '', event: 'confirmed', how: 'typed' }]);
    for (const other of ['20291123T100000Z-000009', 'hunter2', '../state', '.', ''])
      assert.equal(await archive.find(other), undefined, other);
  });

  it('makes nothing where there is nothing', async (test) => {
    const folder = temporaryFolder(test);
    const archive = openRunArchive(join(folder, 'state'));
    assert.deepEqual(await archive.recent(9), []);
    assert.equal(await archive.holder(), undefined);
    assert.equal(await archive.find(record(1).id), undefined);
    assert.deepEqual(readdirSync(folder), []);
  });

  it('leaves a damaged record where it is, and passes it and symbolic links over', async (test) => {
    const { root } = await heldFolder(test);
    const damaged = join(root, '20291123T100000Z-000001');
    mkdirSync(damaged);
    writeFileSync(join(damaged, 'run.json'), '{');
    symlinkSync(join(root, record(1).id), join(root, '20291123T100000Z-000002'));
    const [newest] = await openRunArchive(root).recent(1);
    assert.equal(newest?.record.id, record(3).id);
    assert.deepEqual(readdirSync(damaged), ['run.json']);
  });
});
