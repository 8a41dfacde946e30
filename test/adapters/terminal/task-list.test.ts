import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';

const PROGRAM = fileURLToPath(import.meta.resolve('./terminal-program.ts'));
/** Gives a program a terminal; the one of util-linux, which passes the exit code on. */
const noScript =
  spawnSync('script', ['--version'], { encoding: 'utf8' }).stdout?.includes('util-linux') === true
    ? false
    : 'there is no script(1) of util-linux';

async function atTerminal(
  environment: Record<string, string>,
  columns = 100,
): Promise<{ code: number; output: string }> {
  const command = `stty cols ${columns} rows 40 && exec '${process.execPath}' '${PROGRAM}'`;
  const { NO_COLOR: _no, FORCE_COLOR: _force, CI: _ci, ...inherited } = process.env;
  const terminal = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
    env: { ...inherited, TERM: 'xterm-256color', ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [output, [code]] = await Promise.all([text(terminal.stdout), once(terminal, 'close')]);
  return { code, output };
}

/** Whether it has a sequence that sets a colour (SGR, ECMA-48 8.3.117). */
function isColoured(output: string): boolean {
  return output.includes('\u001b[3') || output.includes('\u001b[9');
}

describe('the list in a terminal', { skip: noScript }, () => {
  it('shows the steps, the reason of a skip and what a step has found, and gives out its error', async () => {
    const { code, output } = await atTerminal({});
    const shown = stripVTControlCharacters(output);
    assert.match(shown, /list new-repo tags: --only legacy/);
    assert.match(shown, /delete \(3 tags\)/);
    assert.match(shown, /teardown/);
    assert.doesNotMatch(shown, /⚠/, 'a skipped step is no reason to worry');
    assert.equal(code, 3);
  });

  it('says at once what cannot wait for its end', async () => {
    const shown = stripVTControlCharacters((await atTerminal({})).output);
    assert.match(shown, /delete: please wait.*delete \(3 tags\).*it is over/s);
    assert.doesNotMatch(shown, /^please wait/m);
  });

  for (const [terminal, environment, columns] of [
    ['does not know its size', {}, 0],
    ['cannot move its cursor', { TERM: 'dumb' }, 100],
  ] as const)
    it(`gives way to plain lines where the terminal ${terminal}`, async () => {
      const { output } = await atTerminal(environment, columns);
      assert.match(output, /- list new-repo tags: skipped \(--only legacy\)\r\n- delete …\r\nplease wait/);
    });

  it('is coloured, but not with NO_COLOR', async () => {
    assert.equal(isColoured((await atTerminal({})).output), true);
    assert.equal(isColoured((await atTerminal({ NO_COLOR: '1' })).output), false);
  });
});
