import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { openRunStore } from '../../../src/adapters/storage/run-store.ts';
import { StorageError } from '../../../src/domain/errors.ts';
import { moveTo, type RunRecord } from '../../../src/domain/run.ts';
import type { RunStore } from '../../../src/ports.ts';
import { modeOf, record, temporaryFolder } from './folder.ts';

/** Opens a state folder, which is closed with the test unless it was before. */
async function opened(test: TestContext, root: string): Promise<RunStore> {
  const store = await openRunStore(root);
  test.after(() => store.close().catch(() => {}));
  return store;
}

function rootOf(test: TestContext): string {
  return join(temporaryFolder(test), 'state');
}

/** A state folder in which a run was begun and the program has ended. */
async function withRun(
  test: TestContext,
  run: RunRecord = record(),
): Promise<{ root: string; folder: string }> {
  const root = rootOf(test);
  const store = await openRunStore(root);
  const { folder } = await store.create(run);
  await store.close();
  return { root, folder };
}

describe('the state folder', () => {
  it('is made, for its owner only', async (test) => {
    const root = rootOf(test);
    const store = await opened(test, root);
    assert.equal(await store.latest(), undefined);
    const { folder } = await store.create(record());
    assert.deepEqual([root, folder, join(folder, 'run.json')].map(modeOf), ['700', '700', '600']);
  });

  it('gives back the newest run, as it was', async (test) => {
    const root = rootOf(test);
    const first = await openRunStore(root);
    for (const number of [2, 3, 1]) await first.create(record(number));
    await first.close();
    const latest = await (await opened(test, root)).latest();
    assert.deepEqual(latest?.record, record(3));
  });

  it('passes over what is no run: other folders, and runs that a crash kept from beginning', async (test) => {
    const { root } = await withRun(test);
    mkdirSync(join(root, record(9).id));
    mkdirSync(join(root, 'notes'));
    writeFileSync(join(root, '20271123T100001Z-000001'), '');
    const latest = await (await opened(test, root)).latest();
    assert.equal(latest?.record.id, record(1).id);
  });

  it('knows the runs that it holds', async (test) => {
    const { root } = await withRun(test);
    const store = await opened(test, root);
    assert.equal(await store.knows(record().id), true);
    for (const id of [record(2).id, '', '..', '../state', `../state/${record().id}`])
      assert.equal(await store.knows(id), false);
  });
});

describe('the record of a run', () => {
  it('is on disk before a change returns; changes come one after the other', async (test) => {
    const store = await opened(test, rootOf(test));
    const run = await store.create(record());
    await Promise.all(
      ['a', 'b', 'c'].map((note) =>
        run.update((before) => ({
          ...before,
          steps: {
            delete: {
              state: 'running',
              startedAt: '',
              note: `${before.steps.delete?.note ?? ''}${note}`,
            },
          },
        })),
      ),
    );
    assert.equal(run.record.steps.delete?.note, 'abc');
    assert.deepEqual(JSON.parse(readFileSync(join(run.folder, 'run.json'), 'utf8')), run.record);
  });

  it('stays as it is on disk when a change cannot be written', async (test) => {
    const store = await opened(test, rootOf(test));
    const run = await store.create(record());
    mkdirSync(join(run.folder, 'run.json.new'));
    await assert.rejects(
      run.update((before) => moveTo(before, 'reviewed')),
      StorageError,
    );
    assert.equal(run.record.stage, 'listing');
  });

  it('goes on after a change that was a defect', async (test) => {
    const store = await opened(test, rootOf(test));
    const run = await store.create(record());
    await assert.rejects(run.update((before) => moveTo(before, 'finished')));
    await run.update((before) => moveTo(before, 'reviewed'));
    assert.equal(run.record.stage, 'reviewed');
  });

  for (const [what, text] of Object.entries({
    'cut short': '{"schema": 1, "id": ',
    empty: '',
    'of another kind': '[]',
    'of a later version': JSON.stringify({ ...record(), schema: 2 }),
    'in an unknown stage': JSON.stringify({ ...record(), stage: 'sleeping' }),
    'without steps': JSON.stringify({ ...record(), steps: null }),
  }))
    it(`is set aside and reported when it is damaged: ${what}`, async (test) => {
      const { root, folder } = await withRun(test);
      writeFileSync(join(folder, 'run.json'), text);
      const store = await openRunStore(root);
      await assert.rejects(store.latest(), (error: unknown) => {
        assert.ok(error instanceof StorageError);
        assert.ok(error.message.includes(`${join(folder, 'run.json')}.damaged`));
        assert.match(error.next, /recover/);
        return true;
      });
      await store.close();
      assert.equal(readFileSync(join(folder, 'run.json.damaged'), 'utf8'), text);
      const next = await opened(test, root);
      assert.equal(await next.latest(), undefined);
      assert.equal((await next.create(record(2))).record.id, record(2).id);
      assert.equal(await next.knows(record().id), true, 'a pod of the damaged run is still ours');
    });
});

describe('a symbolic link in the state', () => {
  it('is refused as the state folder itself', async (test) => {
    const root = rootOf(test);
    mkdirSync(`${root}.real`);
    symlinkSync(`${root}.real`, root);
    await assert.rejects(openRunStore(root), StorageError);
    assert.deepEqual(readdirSync(`${root}.real`), []);
  });

  it('is refused as the folder of a run', async (test) => {
    const { root, folder } = await withRun(test);
    const newer = join(root, record(2).id);
    symlinkSync(folder, newer);
    const store = await opened(test, root);
    await assert.rejects(store.latest(), /is a symbolic link/);
    await assert.rejects(store.create(record(2)), /is a symbolic link/);
  });

  for (const name of ['run.json', 'plan.jsonl', 'journal.jsonl'])
    it(`is refused as ${name}`, async (test) => {
      const { root, folder } = await withRun(test);
      const elsewhere = join(root, '..', 'elsewhere');
      writeFileSync(elsewhere, JSON.stringify(record()));
      const path = join(folder, name);
      rmSync(path, { force: true });
      symlinkSync(elsewhere, path);
      const store = await opened(test, root);
      const read = async () => {
        const run = await store.latest();
        await run?.plan.read();
        await run?.journal.read();
      };
      await assert.rejects(read(), /symbolic link/);
    });

  it('is refused as the lock, and as the ticket for it', async (test) => {
    for (const name of ['lock', `lock.${process.pid}`]) {
      const root = join(temporaryFolder(test), 'state');
      mkdirSync(root);
      const elsewhere = join(root, '..', 'elsewhere');
      writeFileSync(elsewhere, 'precious');
      symlinkSync(elsewhere, join(root, name));
      await assert.rejects(openRunStore(root), /symbolic link/);
      assert.equal(readFileSync(elsewhere, 'utf8'), 'precious');
    }
  });
});
