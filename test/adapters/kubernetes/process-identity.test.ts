import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { describe, test } from 'node:test';
import { hasEnded, identifyThisProcess } from '../../../src/adapters/kubernetes/process-identity.ts';

describe('a process', { skip: existsSync('/proc/self/stat') ? false : 'the system has no /proc' }, () => {
  test('that lives has not ended', async () => {
    const self = await identifyThisProcess();
    assert.equal(self.pid, process.pid);
    assert.equal(await hasEnded(self), false);
  });

  test('has ended when there is no process of its number, or a later one', async () => {
    const self = await identifyThisProcess();
    const child = spawn(process.execPath, ['--eval', '']);
    await once(child, 'exit');
    assert.ok(child.pid);
    assert.equal(await hasEnded({ ...self, pid: child.pid }), true);
    assert.equal(await hasEnded({ ...self, started: `${self.started}0` }), true);
  });

  test('of another machine, or of an unknown one, is not known to have ended', async () => {
    const self = { ...(await identifyThisProcess()), started: '1' };
    assert.equal(await hasEnded({ ...self, machine: `${self.machine}0` }), false);
    assert.equal(await hasEnded({ ...self, machine: '' }), false);
    assert.equal(await hasEnded({ ...self, started: '' }), false);
  });
});
