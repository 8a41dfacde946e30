import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { openNewFile } from '../../src/adapters/output-file.ts';
import { RefusedError, StorageError } from '../../src/domain/errors.ts';
import { temporaryFolder } from './storage/folder.ts';

describe('a file for the user', () => {
  it('is written as a whole, with nothing beside it', async (test) => {
    const folder = temporaryFolder(test);
    const file = await openNewFile(join(folder, 'found'));
    assert.deepEqual(readdirSync(folder), []);
    await file.write('one\ntwo\n');
    assert.deepEqual(readdirSync(folder), ['found']);
    assert.equal(readFileSync(join(folder, 'found'), 'utf8'), 'one\ntwo\n');
  });

  it('never takes the place of another, not even of one that came meanwhile', async (test) => {
    const folder = temporaryFolder(test);
    const path = join(folder, 'found');
    const file = await openNewFile(path);
    writeFileSync(path, 'mine');
    await assert.rejects(file.write('other'), RefusedError);
    await assert.rejects(openNewFile(path), RefusedError);
    assert.equal(readFileSync(path, 'utf8'), 'mine');
    assert.deepEqual(readdirSync(folder), ['found']);
  });

  it('is not written through a symbolic link, wherever that leads', async (test) => {
    const folder = temporaryFolder(test);
    symlinkSync(join(folder, 'nowhere'), join(folder, 'found'));
    await assert.rejects(openNewFile(join(folder, 'found')), RefusedError);
    assert.deepEqual(readdirSync(folder), ['found']);
  });

  it('says what is wrong with where it is to be', async (test) => {
    const folder = temporaryFolder(test);
    writeFileSync(join(folder, 'file'), '');
    await assert.rejects(openNewFile(join(folder, 'file', 'found')), StorageError);
    const missing = await openNewFile(join(folder, 'missing', 'found'));
    await assert.rejects(missing.write(''), StorageError);
    mkdirSync(join(folder, 'found'));
    await assert.rejects(openNewFile(join(folder, 'found')), RefusedError);
  });
});
