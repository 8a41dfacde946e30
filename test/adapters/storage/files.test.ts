import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import {
  attempt,
  ensureFolder,
  isFile,
  moveFile,
  openAppend,
  readText,
  replaceText,
} from '../../../src/adapters/storage/files.ts';
import { StorageError } from '../../../src/domain/errors.ts';
import { modeOf, temporaryFolder } from './folder.ts';

/** Runs a test under a umask that takes nothing away. */
async function withoutUmask(operation: () => Promise<void>): Promise<void> {
  const before = process.umask(0);
  try {
    await operation();
  } finally {
    process.umask(before);
  }
}

describe('a file of a run', () => {
  it('is replaced as a whole, and nothing is left beside it', async (test) => {
    const path = join(temporaryFolder(test), 'run.json');
    await replaceText(path, 'old and longer');
    await replaceText(path, 'new');
    assert.equal(readFileSync(path, 'utf8'), 'new');
    assert.deepEqual(readdirSync(join(path, '..')), ['run.json']);
  });

  it('is replaced although an earlier attempt was cut short', async (test) => {
    const path = join(temporaryFolder(test), 'run.json');
    writeFileSync(`${path}.new`, 'half of i');
    await replaceText(path, 'whole');
    assert.equal(readFileSync(path, 'utf8'), 'whole');
  });

  it('keeps its old text until the new one is complete', async (test) => {
    const path = join(temporaryFolder(test), 'run.json');
    await replaceText(path, 'old');
    // A folder in the way of the temporary file: writing fails before anything is replaced.
    mkdirSync(`${path}.new`);
    await assert.rejects(replaceText(path, 'new'), StorageError);
    assert.equal(readFileSync(path, 'utf8'), 'old');
  });

  it('is for its owner only, whatever the umask says', async (test) => {
    const folder = temporaryFolder(test);
    await withoutUmask(async () => {
      await ensureFolder(join(folder, 'a', 'b'));
      await replaceText(join(folder, 'text'), '');
      await (await openAppend(join(folder, 'log'))).close();
    });
    assert.deepEqual(
      ['a', join('a', 'b'), 'text', 'log'].map((name) => modeOf(join(folder, name))),
      ['700', '700', '600', '600'],
    );
  });

  it('that is not there has no text', async (test) => {
    const folder = temporaryFolder(test);
    assert.equal(await readText(join(folder, 'none')), undefined);
    assert.equal(await isFile(join(folder, 'none')), false);
    assert.equal(await isFile(folder), false);
  });
});

describe('a symbolic link', () => {
  /** A link `name` to something real beside it. */
  function linked(test: TestContext): { link: string; target: string } {
    const folder = temporaryFolder(test);
    const [link, target] = [join(folder, 'link'), join(folder, 'target')];
    writeFileSync(target, 'precious');
    symlinkSync(target, link);
    return { link, target };
  }

  const operations: Record<string, (link: string, folder: string) => Promise<unknown>> = {
    reading: (link) => readText(link),
    replacing: (link) => replaceText(link, 'gone'),
    appending: (link) => openAppend(link),
    'looking at': (link) => isFile(link),
    moving: (link, folder) => moveFile(link, join(folder, 'moved')),
    'making a folder of': (link) => ensureFolder(link),
  };
  for (const [what, operation] of Object.entries(operations))
    it(`is refused: ${what}`, async (test) => {
      const { link, target } = linked(test);
      await assert.rejects(operation(link, join(link, '..')), (error: unknown) => {
        assert.ok(error instanceof StorageError);
        assert.ok(error.message.includes(link));
        return true;
      });
      assert.equal(readFileSync(target, 'utf8'), 'precious');
    });

  it('to a folder is refused', async (test) => {
    const folder = temporaryFolder(test);
    mkdirSync(join(folder, 'real'));
    symlinkSync(join(folder, 'real'), join(folder, 'link'));
    await assert.rejects(ensureFolder(join(folder, 'link')), /is a symbolic link/);
  });

  it('that leads nowhere is refused in the place of a folder, too', async (test) => {
    const link = join(temporaryFolder(test), 'link');
    symlinkSync(join(link, '..', 'nowhere'), link);
    await assert.rejects(ensureFolder(link), /is a symbolic link/);
  });

  it('in the place of the temporary file is not followed', async (test) => {
    const { link, target } = linked(test);
    symlinkSync(target, `${link}2.new`);
    await replaceText(`${link}2`, 'new');
    assert.equal(readFileSync(target, 'utf8'), 'precious');
    assert.equal(readFileSync(`${link}2`, 'utf8'), 'new');
  });
});

describe('a failure', () => {
  it('names the file and the reason, and keeps its cause', async (test) => {
    const path = join(temporaryFolder(test), 'none', 'run.json');
    await assert.rejects(replaceText(path, ''), (error: unknown) => {
      assert.ok(error instanceof StorageError);
      assert.match(error.message, /ENOENT/);
      assert.ok(error.message.includes(path));
      assert.ok(error.cause instanceof Error);
      return true;
    });
  });

  it('to make a folder says what is in its place, or that another can be named', async (test) => {
    const file = join(temporaryFolder(test), 'file');
    writeFileSync(file, '');
    await assert.rejects(ensureFolder(file), /file is no folder/);
    await assert.rejects(ensureFolder(join(file, 'state')), (error: unknown) => {
      assert.ok(error instanceof StorageError);
      assert.match(`${error.message} ${error.next}`, /make the folder .*ENOTDIR.* --state-dir/);
      return true;
    });
  });

  it('for want of room says what to do', async () => {
    const full = () => Promise.reject(Object.assign(new Error('no space left'), { code: 'ENOSPC' }));
    await assert.rejects(attempt('write', '/state/run.json', full), (error: unknown) => {
      assert.ok(error instanceof StorageError);
      assert.match(error.next, /disk is full.*--resume/);
      return true;
    });
  });
});
