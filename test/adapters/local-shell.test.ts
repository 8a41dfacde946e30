import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { createLocalShell } from '../../src/adapters/local-shell.ts';
import type { ShellSession } from '../../src/ports.ts';
import { until } from './skopeo/fake-skopeo.ts';

const NEVER = new AbortController().signal;

async function outputOf(session: ShellSession): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of session.output) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('the local shell', () => {
  it('runs a command with exact arguments, and passes its bytes and its status on', async () => {
    await using shell = createLocalShell();
    const strange = [`'`, '"', '$HOME', '`id`', '\\', 'a\nb', 'é', '', '*', '; exit 3'];
    const session = await shell.open(['sh', '-c', `printf '%s\\0' "$@"; exit 7`, 'name', ...strange], NEVER);
    assert.equal((await outputOf(session)).toString(), strange.map((text) => `${text}\0`).join(''));
    assert.equal(await session.exit, 7);
  });

  it('passes large input and output on unchanged', async () => {
    await using shell = createLocalShell();
    const session = await shell.open(['head', '-c', '3000000'], NEVER);
    const data = 'abcdefghi\n'.repeat(300_000);
    const [output] = await Promise.all([outputOf(session), session.write(data)]);
    assert.equal(output.toString(), data);
  });

  it('keeps the end of what a command complains of', async () => {
    await using shell = createLocalShell();
    const session = await shell.open(
      ['sh', '-c', 'yes | head -n 9000 >&2; echo the end >&2; kill -TERM $$'],
      NEVER,
    );
    assert.equal(await session.exit, 128 + 15);
    assert.match(session.errors(), /the end\n$/);
    assert.ok(session.errors().length <= 4096);
  });

  it('tells a command that does not exist by its status', async () => {
    await using shell = createLocalShell();
    const session = await shell.open(['no-such-command'], NEVER);
    assert.equal(await session.exit, 127);
  });

  it('gives commands a private folder, which goes with it, and never the password', async () => {
    process.env.SKOPEO_PASSWORD = 's3cret';
    const shell = createLocalShell();
    try {
      const script = 'echo "$TMPDIR"; echo "$REGISTRY_AUTH_FILE"; env | grep -c s3cret';
      const session = await shell.open(['sh', '-c', script], NEVER);
      const [folder = '', authFile = '', found] = (await outputOf(session)).toString().split('\n');
      assert.equal(session.place, folder);
      assert.equal((await stat(folder)).mode & 0o777, 0o700);
      assert.equal(dirname(authFile), folder);
      assert.equal(found, '0');
      await shell[Symbol.asyncDispose]();
      assert.equal(existsSync(folder), false);
    } finally {
      delete process.env.SKOPEO_PASSWORD;
      await shell[Symbol.asyncDispose]();
    }
  });

  for (const how of ['close', 'abort'] as const) {
    it(`ends a command and what it started: ${how}`, async () => {
      await using shell = createLocalShell();
      const control = new AbortController();
      const session = await shell.open(['sh', '-c', 'sleep 1000 & echo $!; wait'], control.signal);
      const { value } = await session.output[Symbol.asyncIterator]().next();
      const pid = Number(String(value));
      assert.ok(isAlive(pid));
      if (how === 'close') session.close();
      else control.abort();
      assert.equal(await session.exit, 128 + 9);
      await until('it ended', () => !isAlive(pid));
    });
  }

  it('opens nothing after an abort', async () => {
    await using shell = createLocalShell();
    const reason = new Error('interrupted');
    await assert.rejects(shell.open(['true'], AbortSignal.abort(reason)), reason);
  });

  it('prints nothing of its own', async () => {
    const module = new URL('../../src/adapters/local-shell.ts', import.meta.url);
    const program = `
      const { createLocalShell } = await import(${JSON.stringify(module.href)});
      await using shell = createLocalShell();
      const session = await shell.open(['sh', '-c', 'echo out; echo err >&2; exit 1'], new AbortController().signal);
      for await (const chunk of session.output) void chunk;
      await session.exit;`;
    const printed = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program]);
    assert.deepEqual(printed, { stdout: '', stderr: '' });
  });
});
