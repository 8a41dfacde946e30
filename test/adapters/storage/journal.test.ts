import assert from 'node:assert/strict';
import { appendFileSync, existsSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { openJournal, readTrail } from '../../../src/adapters/storage/journal.ts';
import { StorageError } from '../../../src/domain/errors.ts';
import { legacyRepository } from '../../../src/domain/names.ts';
import type { JournalEntry, Outcome } from '../../../src/domain/outcome.ts';
import type { TrailLine } from '../../../src/domain/trail.ts';
import { A, tag } from '../../domain/builders.ts';
import { temporaryFolder } from './folder.ts';

const REPOSITORY = legacyRepository(A);

function journalIn(test: TestContext) {
  const path = join(temporaryFolder(test), 'journal.jsonl');
  const journal = openJournal(path);
  test.after(() => journal.close().catch(() => {}));
  return { path, journal };
}

function entry(name: string, outcome: Outcome = 'deleted'): JournalEntry {
  return { at: '2026-11-23T10:00:00.000Z', repository: REPOSITORY, tag: tag(name), outcome };
}

describe('the journal', () => {
  it('gives back what was noted; the latest outcome of a tag counts', async (test) => {
    const { path, journal } = journalIn(test);
    journal.append(entry('1', 'failed'));
    journal.append(entry('2', 'drifted'));
    journal.append(entry('1', 'deleted'));
    await journal.flush();
    const { outcomes, damagedLines } = await openJournal(path).read();
    assert.equal(outcomes.of(REPOSITORY, tag('1'))?.outcome, 'deleted');
    assert.equal(outcomes.of(REPOSITORY, tag('2'))?.outcome, 'drifted');
    assert.equal(damagedLines, 0);
  });

  it('that does not exist is empty, and reading does not make it', async (test) => {
    const { path, journal } = journalIn(test);
    assert.deepEqual((await journal.read()).outcomes.with('deleted'), []);
    assert.equal(existsSync(path), false);
  });

  it('has an outcome on disk within a quarter of a second, unasked', async (test) => {
    const { path, journal } = journalIn(test);
    journal.append(entry('0'));
    await journal.flush();
    const sizeBefore = statSync(path).size;
    // Half of the time is for the write itself: how long that takes is the machine's affair.
    test.mock.timers.enable({ apis: ['setTimeout'] });
    journal.append(entry('1'));
    test.mock.timers.tick(125);
    test.mock.timers.reset();
    await new Promise<void>((resolve) => {
      const watch = setInterval(() => {
        if (statSync(path).size === sizeBefore) return;
        clearInterval(watch);
        resolve();
      }, 2);
    });
  });

  it('only ever grows, by the same at the end as at the beginning', async (test) => {
    const { path, journal } = journalIn(test);
    const inode = () => statSync(path).ino;
    const sizes: number[] = [0];
    const batchMs: number[] = [];
    let firstInode = 0;
    for (let batch = 0; batch < 50; batch += 1) {
      const startedMs = performance.now();
      for (let n = 0; n < 1000; n += 1) journal.append(entry(String(100_000 + batch * 1000 + n)));
      await journal.flush();
      batchMs.push(performance.now() - startedMs);
      if (batch === 0) firstInode = inode();
      sizes.push(statSync(path).size);
    }
    const growth = sizes.slice(1).map((size, index) => size - (sizes[index] ?? 0));
    assert.equal(new Set(growth).size, 1, 'each batch writes as much as any other');
    assert.equal(inode(), firstInode, 'it is the same file');
    assert.equal((await journal.read()).outcomes.with('deleted').length, 50_000);
    const sum = (times: readonly number[]) => times.reduce((total, ms) => total + ms, 0);
    const [early, late] = [sum(batchMs.slice(0, 10)), sum(batchMs.slice(-10))];
    test.diagnostic(`10,000 entries: ${early.toFixed(0)} ms at first, ${late.toFixed(0)} ms at last`);
  });

  it('survives a last line that was cut short, which is looked at again', async (test) => {
    const { path, journal } = journalIn(test);
    journal.append(entry('1'));
    await journal.close();
    appendFileSync(path, JSON.stringify(entry('2')).slice(0, 40));
    const next = openJournal(path);
    assert.equal((await next.read()).damagedLines, 1);
    next.append(entry('3'));
    await next.close();
    const { outcomes, damagedLines } = await openJournal(path).read();
    assert.deepEqual(
      outcomes.with('deleted').map((each) => each.tag),
      ['1', '3'],
    );
    assert.equal(damagedLines, 1);
  });

  it('survives lines that are no entries', async (test) => {
    const { path, journal } = journalIn(test);
    const nonsense = [
      'null',
      '7',
      '[]',
      '{"tag":"1"}',
      '\u0000\u0000',
      JSON.stringify(entry('1', 'lost' as Outcome)),
    ];
    writeFileSync(path, `${nonsense.join('\n')}\n${JSON.stringify(entry('2'))}\n`);
    const { outcomes, damagedLines } = await journal.read();
    assert.equal(damagedLines, nonsense.length);
    assert.equal(outcomes.isGone(REPOSITORY, tag('2')), true);
  });

  it('is the audit trail: what is no outcome stands between the outcomes, and counts as none', async (test) => {
    const { path, journal } = journalIn(test);
    const event = { at: '2026-11-23T10:00:00.000Z', event: 'confirmed', how: 'typed' } as const;
    journal.note(event);
    journal.append(entry('1'));
    await journal.close();
    assert.equal(statSync(path).mode & 0o777, 0o600);
    appendFileSync(path, 'damaged\n{"event":"unheard of","at":""}\n');
    const { outcomes, damagedLines } = await openJournal(path).read();
    assert.equal(outcomes.with('deleted').length, 1);
    assert.equal(damagedLines, 2);
    const lines: TrailLine[] = [];
    for await (const some of readTrail(path)) lines.push(...some);
    assert.deepEqual(lines, [event, entry('1')]);
  });

  it('gives the trail in pieces, whatever its length', async (test) => {
    const { path, journal } = journalIn(test);
    for (let n = 0; n < 5000; n += 1) journal.append({ ...entry(String(n)), reason: 'ä€𝄞'.repeat(n % 40) });
    await journal.close();
    const tags: string[] = [];
    let pieces = 0;
    for await (const lines of readTrail(path)) {
      pieces += 1;
      tags.push(...lines.flatMap((line) => ('tag' in line ? line.tag : [])));
    }
    assert.ok(pieces > 2, `${pieces} pieces`);
    assert.deepEqual(
      tags,
      Array.from({ length: 5000 }, (_, n) => String(n)),
    );
  });

  it('refuses to be a symbolic link', async (test) => {
    const { path, journal } = journalIn(test);
    writeFileSync(`${path}.real`, '');
    symlinkSync(`${path}.real`, path);
    await assert.rejects(journal.read(), StorageError);
    journal.append(entry('1'));
    await assert.rejects(journal.flush(), StorageError);
    assert.equal(readFileSync(`${path}.real`, 'utf8'), '');
  });
});

describe('a journal that cannot be written', () => {
  const noDevice = existsSync('/dev/full') ? false : 'this system has no /dev/full';

  it('takes no more outcomes, and says why at every call', { skip: noDevice }, async () => {
    const journal = openJournal('/dev/full');
    journal.append(entry('1'));
    const isFull = (error: unknown) => {
      assert.ok(error instanceof StorageError);
      assert.match(error.message, /ENOSPC/);
      return true;
    };
    await assert.rejects(journal.flush(), isFull);
    assert.throws(() => journal.append(entry('2')), isFull);
    await assert.rejects(journal.flush(), isFull);
    await assert.rejects(journal.close(), isFull);
  });

  it('says so as well when nobody waited for the write', async (test) => {
    const journal = openJournal(join(temporaryFolder(test), 'none', 'journal.jsonl'));
    journal.append(entry('1'));
    const failed = Promise.withResolvers<unknown>();
    const watch = setInterval(() => {
      try {
        journal.append(entry('2'));
      } catch (error) {
        failed.resolve(error);
      }
    }, 5);
    const error = await failed.promise;
    clearInterval(watch);
    assert.ok(error instanceof StorageError);
  });
});
