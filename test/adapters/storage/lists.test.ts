import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { openLists } from '../../../src/adapters/storage/lists.ts';
import { StorageError } from '../../../src/domain/errors.ts';
import {
  legacyRef,
  NEW_REPOSITORY_REF,
  planRepository,
  type RepositoryRef,
} from '../../../src/domain/plan.ts';
import { A, contentOf, entry } from '../../domain/builders.ts';
import { modeOf, temporaryFolder } from './folder.ts';

const LEGACY = legacyRef(A);

function planned(ref: RepositoryRef, ...retain: number[]) {
  const lines = ref.scheme === 'new' ? [`${A}-1 one`, `${A}-2 two`] : ['1 one', '2 two'];
  return planRepository(contentOf(ref, lines), [entry(A, ...retain)]);
}

async function prepared(test: TestContext) {
  const folder = join(temporaryFolder(test), 'run');
  const lists = openLists(folder);
  await lists.prepare();
  return { folder, lists };
}

describe('the lists for review', () => {
  it('are files with one doomed tag a line, for their owner only', async (test) => {
    const { folder, lists } = await prepared(test);
    await lists.write(planned(NEW_REPOSITORY_REF, 2));
    await lists.write(planned(LEGACY));
    assert.equal(readFileSync(join(folder, 'revisions_to_delete'), 'utf8'), `${A}-1\n`);
    assert.equal(readFileSync(join(folder, 'tags', `domino-${A}`), 'utf8'), '1\n2\n');
    assert.deepEqual(
      ['.', 'tags', join('tags', 'done'), 'revisions_to_delete'].map((name) => modeOf(join(folder, name))),
      ['700', '700', '700', '600'],
    );
  });

  it('are not made where nothing is doomed', async (test) => {
    const { lists } = await prepared(test);
    await lists.write(planned(LEGACY, 1, 2));
    assert.equal(await lists.read(LEGACY), undefined);
  });

  it('move to tags/done once, and are read there', async (test) => {
    const { folder, lists } = await prepared(test);
    for (const ref of [NEW_REPOSITORY_REF, LEGACY]) {
      await lists.write(planned(ref));
      assert.equal(await lists.isFinished(ref), false);
      await lists.finish(ref);
      await lists.finish(ref);
      assert.equal(await lists.isFinished(ref), true);
      assert.match((await lists.read(ref)) ?? '', /2\n$/);
    }
    assert.equal(existsSync(join(folder, 'tags', 'done', `domino-${A}`)), true);
    assert.equal(existsSync(join(folder, 'tags', 'done', 'revisions_to_delete')), true);
    assert.equal(existsSync(lists.place(LEGACY)), false);
  });

  for (const name of ['tags', join('tags', 'done')])
    it(`are not kept behind a symbolic link: ${name}`, async (test) => {
      const folder = join(temporaryFolder(test), 'run');
      const elsewhere = join(folder, '..', 'elsewhere');
      mkdirSync(join(folder, name, '..'), { recursive: true });
      mkdirSync(elsewhere);
      symlinkSync(elsewhere, join(folder, name));
      await assert.rejects(openLists(folder).prepare(), /is a symbolic link/);
    });

  it('refuse to be symbolic links themselves', async (test) => {
    const { folder, lists } = await prepared(test);
    const elsewhere = join(folder, '..', 'elsewhere');
    writeFileSync(elsewhere, 'precious');
    symlinkSync(elsewhere, lists.place(LEGACY));
    await assert.rejects(lists.read(LEGACY), StorageError);
    await assert.rejects(lists.write(planned(LEGACY)), StorageError);
    await assert.rejects(lists.finish(LEGACY), StorageError);
    assert.equal(readFileSync(elsewhere, 'utf8'), 'precious');
  });
});
