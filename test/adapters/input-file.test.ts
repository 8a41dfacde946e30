import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { readEnvironmentsText } from '../../src/adapters/input-file.ts';
import { UsageError } from '../../src/domain/errors.ts';

function pathIn(test: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'input-test-'));
  test.after(() => rmSync(folder, { recursive: true }));
  return join(folder, 'environments');
}

async function faultOf(path: string): Promise<string> {
  try {
    await readEnvironmentsText(path);
  } catch (error) {
    assert.ok(error instanceof UsageError);
    assert.ok(error.message.includes(path));
    return `${error.message} ${error.next}`;
  }
  return assert.fail('it was read');
}

describe('the environments file', () => {
  it('is read as it is, also through a symbolic link: it is the user’s own', async (test) => {
    const path = pathIn(test);
    writeFileSync(path, '\uFEFFé\r\n');
    symlinkSync(path, `${path}.link`);
    assert.equal(await readEnvironmentsText(`${path}.link`), '\uFEFFé\r\n');
  });

  it('that is not there points to the example', async (test) => {
    assert.match(await faultOf(pathIn(test)), /does not exist.*environments-example/);
  });

  it('that is a folder is no file', async (test) => {
    assert.match(await faultOf(join(pathIn(test), '..')), /cannot be read \(EISDIR\)/);
  });

  it('is not read into memory when it is something else by its size', async (test) => {
    const path = pathIn(test);
    writeFileSync(path, '');
    truncateSync(path, 17 * 1024 * 1024);
    assert.match(await faultOf(path), /too big/);
  });
});
