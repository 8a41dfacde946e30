import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { copyReport, requireReportPlace, writeReport } from '../../../src/adapters/storage/report-file.ts';
import { UsageError } from '../../../src/domain/errors.ts';
import { modeOf, temporaryFolder } from './folder.ts';

describe('the report of a run', () => {
  it('is written piece by piece, for its owner alone, in place of an earlier one', async (test) => {
    const folder = temporaryFolder(test);
    assert.equal(await writeReport(folder, ['first']), join(folder, 'report.html'));
    const path = await writeReport(folder, ['one ', 'two']);
    assert.equal(readFileSync(path, 'utf8'), 'one two');
    assert.equal(modeOf(path), '600');
    assert.deepEqual(readdirSync(folder), ['report.html']);
  });

  it('that cannot be made leaves the earlier one, and nothing beside it', async (test) => {
    const folder = temporaryFolder(test);
    const path = await writeReport(folder, ['first']);
    function* broken() {
      yield 'half';
      throw new TypeError('a defect');
    }
    await assert.rejects(writeReport(folder, broken()), /^TypeError: a defect$/);
    assert.equal(readFileSync(path, 'utf8'), 'first');
    assert.deepEqual(readdirSync(folder), ['report.html']);
  });

  it('does not follow a symbolic link', async (test) => {
    const folder = temporaryFolder(test);
    writeFileSync(join(folder, 'elsewhere'), 'untouched');
    symlinkSync('elsewhere', join(folder, 'report.html'));
    await assert.rejects(writeReport(folder, ['x']), /symbolic link/);
    assert.equal(readFileSync(join(folder, 'elsewhere'), 'utf8'), 'untouched');
  });
});

describe('a copy of it', () => {
  it('is for its owner alone, also where a file was that others could read', async (test) => {
    const folder = temporaryFolder(test);
    const from = await writeReport(folder, ['x'.repeat(700_000)]);
    const to = join(folder, 'copy.html');
    writeFileSync(to, 'an earlier report', { mode: 0o644 });
    writeFileSync(`${to}.new`, 'somebody else’s');
    await copyReport(from, to);
    assert.equal(readFileSync(to, 'utf8'), readFileSync(from, 'utf8'));
    assert.equal(modeOf(to), '600');
    assert.deepEqual(readdirSync(folder).sort(), ['copy.html', 'copy.html.new', 'report.html']);
  });

  it('has a place that is judged beforehand', async (test) => {
    const folder = temporaryFolder(test);
    const inFolder = (name: string) => join(folder, name);
    mkdirSync(inFolder('sub'));
    writeFileSync(inFolder('file'), '');
    symlinkSync('file', inFolder('link'));
    await requireReportPlace(inFolder('new.html'));
    await requireReportPlace(inFolder('file'));
    for (const [path, problem] of [
      ['nowhere/report.html', /no folder/],
      ['file/report.html', /is no folder/],
      ['sub', /it is a folder/],
      ['link', /symbolic link/],
    ] as const)
      await assert.rejects(requireReportPlace(inFolder(path)), (error) => {
        assert.ok(error instanceof UsageError);
        assert.match(error.message, problem);
        assert.match(error.next, /Nothing was touched/);
        return true;
      });
    assert.deepEqual(readdirSync(folder).sort(), ['file', 'link', 'sub']);
  });
});
