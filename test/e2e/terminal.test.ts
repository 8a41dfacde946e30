/** In a terminal: the list of steps, the question before deleting, Ctrl+C. */
import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { PROJECT } from './support/command.ts';
import { runRecord } from './support/run-folder.ts';
import { Site } from './support/site.ts';
import { noTerminal, Terminal } from './support/terminal.ts';

const CTRL_C = '\x03';
const QUESTION = /type the context's name \(docker-registry-cleaner-sandbox\)/;

describe('in a terminal', { skip: noTerminal }, () => {
  let site: Site;
  before(async () => {
    site = await Site.open();
  });
  after(() => site[Symbol.asyncDispose]());
  beforeEach(() => site.reset());

  function start(args: readonly string[]): Terminal {
    return new Terminal([process.execPath, resolve(PROJECT, 'src/cli.ts'), ...args], {
      ...{ HOME: site.home, ...site.where },
      REGISTRY_CLEANER_OUTPUT: 'text',
    });
  }

  test('the context is typed: what the review has shown is deleted', async () => {
    await using terminal = start(['--delete']);
    await terminal.reads(QUESTION);
    assert.match(terminal.text, /ENVIRONMENT[\s\S]*only as tags/);
    await site.assertRegistryUntouched();
    terminal.types(`${site.sandbox.context}\n`);
    assert.equal(await terminal.ended, 0, terminal.text);
    assert.match(terminal.text, /✔ delete\b/);
    await site.assertCleaned();
  });

  test('something else is typed: nothing is deleted', async () => {
    await using terminal = start(['--delete']);
    await terminal.reads(QUESTION);
    terminal.types('yes\n');
    assert.equal(await terminal.ended, 4, terminal.text);
    await site.assertUntouched();
    assert.equal(runRecord(site.stateDir).stage, 'reviewed');
  });

  test('Ctrl+C at the question, and in mid-delete: everything is put back', async () => {
    await site.sandbox.faults.inject({ fault: 'registrySlow', delayMs: 30 });
    await using first = start(['--delete']);
    await first.reads(QUESTION);
    first.types(CTRL_C);
    assert.equal(await first.ended, 130, first.text);
    await site.assertUntouched();

    await using second = start(['--resume', '--delete', '--yes']);
    await second.reads(/\d+ of \d+ tags/);
    second.types(CTRL_C);
    assert.equal(await second.ended, 130, second.text);
    assert.match(second.text, /--resume/);
    await site.assertNothingLost();
    await site.assertTidy();
    await site.runs(0, ['--resume']);
    await site.assertCleaned();
  });
});
