import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, readlinkSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { Debian, SYSTEM_POLICY } from './debian.ts';
import { type Running, until } from './machine.ts';

test("the system's own policy is put back", async (t) => {
  await t.test('a file, to the byte, the mode and the time', async () => {
    using machine = new Debian();
    machine.setSystemPolicy();
    assert.equal((await machine.prepare().ended).status, 0);
    assert.ok(machine.acts().includes('policy answers 101'));
    machine.assertSystemPolicyIsBack();
  });

  await t.test('a symbolic link', async () => {
    using machine = new Debian();
    mkdirSync(path.dirname(machine.policy), { recursive: true });
    symlinkSync('/somewhere/else', machine.policy);
    assert.equal((await machine.prepare().ended).status, 0);
    assert.equal(readlinkSync(machine.policy), '/somewhere/else');
  });

  await t.test('after a failed installation', async () => {
    using machine = new Debian();
    machine.setSystemPolicy();
    machine.fakeApt({ status: 100 });
    const { status, stderr } = await machine.prepare().ended;
    assert.equal(status, 2);
    assert.match(stderr, /exit code 100.*apt-get install --no-install-recommends skopeo docker-registry/s);
    machine.assertSystemPolicyIsBack();
  });

  for (const [signal, status] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    await t.test(`after ${signal}, when apt has ended and the service is disabled`, async () => {
      using machine = new Debian();
      machine.setSystemPolicy();
      machine.fakeApt({ whileInstalling: machine.waitFor('go') });
      const running = machine.prepare();
      await until(() => machine.acts().includes('noninteractive'), 'apt installs');
      process.kill(running.pid, signal);
      assert.notEqual(readFileSync(machine.policy, 'utf8'), SYSTEM_POLICY, 'not before apt has ended');
      machine.release('go');
      assert.equal((await running.ended).status, status);
      assert.ok(machine.acts().includes('update-rc.d docker-registry disable'));
      machine.assertSystemPolicyIsBack();
    });
  }
});

/** Kills an installation while apt is at work, and gives it back; apt goes on. */
async function killInstallation(machine: Debian): Promise<Running> {
  machine.fakeApt({ whileInstalling: `note "installer $PPID"; ${machine.waitFor('go')}` });
  const running = machine.prepare();
  await until(() => machine.acts().some((call) => call.startsWith('installer')), 'apt installs');
  await machine.lockedByBoth('root/run/docker-registry-cleaner-setup.lock');
  const installer = Number(machine.acts().at(-1)?.split(' ')[1]);
  process.kill(installer, 'SIGKILL');
  return running;
}

test('what kill -9 left undone, the next preparation does', async (t) => {
  await t.test('but not before apt has ended', async () => {
    using machine = new Debian();
    machine.setSystemPolicy();
    const killed = await killInstallation(machine);
    const next = machine.prepare();
    await until(() => next.stderr().includes('Waiting for another'), 'apt is still at work');
    machine.release('go');
    assert.equal((await next.ended).status, 0);
    assert.equal((await killed.ended).status, 2);
    machine.assertSystemPolicyIsBack();
  });

  await t.test('even if apt has installed everything meanwhile', async () => {
    using machine = new Debian();
    machine.setSystemPolicy();
    const killed = await killInstallation(machine);
    machine.release('go');
    await killed.ended;
    machine.forgetCalls();
    assert.equal((await machine.prepare().ended).status, 0);
    assert.deepEqual(machine.acts(), [
      'deb-systemd-helper disable docker-registry.service',
      'update-rc.d docker-registry disable',
    ]);
    machine.assertSystemPolicyIsBack();
  });
});

test('two clones at the same moment take turns, and the policy comes back', async () => {
  using machine = new Debian();
  machine.setSystemPolicy();
  machine.fakeApt({ whileInstalling: machine.waitFor('go') });
  const both = [machine.prepare(), machine.prepare({ clone: 'clone2' })];
  await until(() => both.some((one) => one.stderr().includes('Waiting for another')), 'one waits');
  machine.release('go');
  for (const { ended } of both) assert.equal((await ended).status, 0);
  assert.deepEqual(
    machine.acts().filter((call) => call.startsWith('policy')),
    ['policy answers 101', 'policy answers 101'],
  );
  machine.assertSystemPolicyIsBack();
});

test('a left policy that cannot be removed for want of root is told, and does not stop who can go on', async () => {
  using machine = new Debian();
  const killed = await killInstallation(machine);
  machine.release('go');
  await killed.ended;
  machine.fake('id', 'echo 1000');
  const { status, stderr } = await machine.prepare().ended;
  assert.equal(status, 0);
  assert.match(stderr, /policy.*as root/s);
});
