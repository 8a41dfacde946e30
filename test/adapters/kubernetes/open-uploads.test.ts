/** The script that runs in the registry's pod, on folders of this machine. Over a real exec: test/e2e/status.test.ts. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';

const SCRIPT = join(import.meta.dirname, '../../../src/adapters/kubernetes/open-uploads.sh');

function rootFolder(test: TestContext): string {
  const root = mkdtempSync(join(tmpdir(), 'open-uploads-'));
  test.after(() => rmSync(root, { recursive: true, force: true }));
  return root;
}

function folders(root: string, paths: readonly string[]): void {
  for (const path of paths)
    mkdirSync(join(root, 'docker/registry/v2/repositories', path), { recursive: true });
}

function run(root: string) {
  const env = { PATH: process.env.PATH, REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: root };
  const { stdout, status } = spawnSync('sh', [SCRIPT], { env, encoding: 'utf8' });
  return { count: stdout.trim(), status };
}

describe("counting the open uploads in a registry's files", () => {
  it('counts each once, in every repository, whatever it holds', (test) => {
    const root = rootFolder(test);
    folders(root, [
      'one/_uploads/a/hashstates/sha256',
      'one/_uploads/b',
      'group/two/_uploads/c',
      'group/three/_uploads',
      'one/_manifests/tags/_uploads/x',
      'one/_layers/sha256/_uploads/y',
    ]);
    writeFileSync(join(root, 'docker/registry/v2/repositories/one/_uploads/a/data'), 'x');
    assert.deepEqual(run(root), { count: '3', status: 0 });
  });

  it('finds none where there is none', (test) => {
    const root = rootFolder(test);
    folders(root, ['one/_manifests', 'two/_uploads']);
    assert.deepEqual(run(root), { count: '0', status: 0 });
  });

  it('says where there are no such files', (test) => {
    assert.deepEqual(run(rootFolder(test)), { count: '', status: 3 });
    assert.equal(run('').status, 3);
  });
});
