import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { Debian, DOWNLOAD, INSTALL, OPTIONS } from './debian.ts';
import { until } from './machine.ts';

test('downloads, forbids services, installs, disables the service; then has nothing to do', async () => {
  using machine = new Debian();
  const first = await machine.prepare().ended;
  assert.equal(first.status, 0, first.stderr);
  assert.equal(first.stdout, '');
  assert.deepEqual(machine.acts(), [
    DOWNLOAD,
    INSTALL,
    'policy answers 101',
    'noninteractive',
    'deb-systemd-helper disable docker-registry.service',
    'update-rc.d docker-registry disable',
  ]);
  assert.ok(!existsSync(machine.policy), 'there was no policy before');

  machine.forgetCalls();
  const second = await machine.prepare().ended;
  assert.deepEqual(second, { status: 0, stdout: '', stderr: '' });
  assert.deepEqual(machine.calls(), []);
});

test('a signal ends a download at once, before the policy is touched', async () => {
  using machine = new Debian();
  machine.fakeApt({ whileDownloading: machine.waitFor('never') });
  const running = machine.prepare();
  await until(() => machine.acts().includes(DOWNLOAD), 'apt downloads');
  process.kill(running.pid, 'SIGTERM');
  assert.equal((await running.ended).status, 143);
  assert.deepEqual(machine.acts(), [DOWNLOAD]);
  assert.ok(!existsSync(machine.policy));
});

test('the service is disabled through systemd where that runs', async () => {
  using machine = new Debian();
  mkdirSync(path.join(machine.root, 'run/systemd/system'), { recursive: true });
  assert.equal((await machine.prepare().ended).status, 0);
  assert.equal(machine.acts().at(-1), 'systemctl disable --now docker-registry.service');
});

test('a service that cannot be disabled, or was started nevertheless, is a failure', async (t) => {
  await t.test('cannot be disabled', async () => {
    using machine = new Debian();
    machine.fake('deb-systemd-helper', 'exit 3');
    const { status, stderr } = await machine.prepare().ended;
    assert.equal(status, 2);
    assert.match(stderr, /docker-registry could not be disabled.*exit code 3/);
    assert.ok(!existsSync(machine.policy));
  });

  await t.test('was started', async () => {
    using machine = new Debian();
    machine.fakeApt({
      whileInstalling: `/bin/mkdir -p '${machine.root}/run'; echo 1 > '${machine.root}/run/docker-registry.pid'`,
    });
    const { status, stderr } = await machine.prepare().ended;
    assert.equal(status, 2);
    assert.match(stderr, /service docker-registry stop/);
  });
});

test('the service of a package that was installed before is the administrator’s affair', async () => {
  using machine = new Debian();
  machine.write('installed-docker-registry', '');
  assert.equal((await machine.prepare().ended).status, 0);
  assert.deepEqual(
    machine.acts().filter((call) => call.includes('disable')),
    [],
  );
});

test('package lists are fetched when there are none, or when they are too old', async (t) => {
  await t.test('none', async () => {
    using machine = new Debian();
    rmSync(path.join(machine.root, 'var'), { recursive: true });
    assert.equal((await machine.prepare().ended).status, 0);
    assert.deepEqual(machine.acts().slice(0, 3), ['apt-get update -q', DOWNLOAD, INSTALL]);
  });

  await t.test('too old', async () => {
    using machine = new Debian();
    machine.fakeApt({
      whileDownloading: `[ -e '${machine.dir}/tried' ] && exit 0; echo > '${machine.dir}/tried'; exit 100`,
    });
    assert.equal((await machine.prepare().ended).status, 0);
    assert.deepEqual(machine.acts().slice(0, 4), [DOWNLOAD, 'apt-get update -q', DOWNLOAD, INSTALL]);
  });
});

test('only what is missing is installed; either name of the registry will do', async () => {
  using machine = new Debian();
  for (const name of ['registry', 'chromium']) machine.write(`root/usr/bin/${name}`, '');
  machine.fakeApt({ whileDownloading: 'exit 1' });
  const running = machine.prepare();
  await until(() => machine.acts().length > 0, 'apt downloads');
  process.kill(running.pid, 'SIGTERM');
  await running.ended;
  assert.equal(machine.acts()[0], `apt-get install ${OPTIONS} --download-only skopeo`);
});

test('the browser is only installed for the tests, and only where there is none', async (t) => {
  await t.test('not for the sandbox', async () => {
    using machine = new Debian();
    machine.fakeApt({ whileDownloading: 'exit 1' });
    const running = machine.prepare({ what: 'sandbox' });
    await until(() => machine.acts().length > 0, 'apt downloads');
    process.kill(running.pid, 'SIGTERM');
    await running.ended;
    assert.equal(machine.acts()[0], `apt-get install ${OPTIONS} --download-only skopeo docker-registry`);
  });

  await t.test('not beside another one', async () => {
    using machine = new Debian();
    for (const name of ['skopeo', 'docker-registry', 'google-chrome'])
      machine.write(`root/usr/bin/${name}`, '');
    assert.deepEqual(await machine.prepare().ended, { status: 0, stdout: '', stderr: '' });
    assert.deepEqual(machine.acts(), []);
  });
});

test('on Ubuntu, which has no package of Chromium, all else is installed, and it is asked for', async () => {
  using machine = new Debian();
  machine.write('root/etc/os-release', 'NAME="Ubuntu"\nID=ubuntu\nID_LIKE=debian\n');
  const { status, stderr } = await machine.prepare().ended;
  assert.equal(status, 2);
  assert.equal(machine.acts()[0], `apt-get install ${OPTIONS} --download-only skopeo docker-registry`);
  assert.match(stderr, /Google Chrome's own package.*repeat the command/);

  machine.forgetCalls();
  const again = await machine.prepare().ended;
  assert.equal(again.status, 2);
  assert.deepEqual(machine.acts(), []);
  assert.equal((await machine.prepare({ what: 'sandbox' }).ended).status, 0);
});

test('sudo is used where it asks nothing', async () => {
  using machine = new Debian();
  machine.fake('id', 'echo 1000');
  machine.fake('sudo', '[ "$1" = -n ] && shift; [ "$1" = true ] && exit 0; exec "$@"');
  const { status, stdout, stderr } = await machine.prepare().ended;
  assert.equal(status, 0, stderr);
  assert.equal(stdout, '');
  assert.match(machine.acts()[0] ?? '', /^sudo -n .*debian\.mjs/);
  assert.ok(machine.acts().includes(INSTALL));
});

test('without root and sudo, or on another system, it says what to install', async (t) => {
  const changes: Record<string, (machine: Debian) => void> = {
    'no sudo': (machine) => machine.fake('id', 'echo 1000'),
    'sudo wants a password and there is no terminal': (machine) => {
      machine.fake('id', 'echo 1000');
      machine.fake('sudo', 'exit 1');
    },
    'no apt-get': (machine) =>
      machine.write('bin/apt-get', '') && chmodSync(path.join(machine.dir, 'bin/apt-get'), 0o644),
  };
  for (const [title, change] of Object.entries(changes)) {
    await t.test(title, async () => {
      using machine = new Debian();
      change(machine);
      const { status, stdout, stderr } = await machine.prepare().ended;
      assert.equal(status, 2);
      assert.equal(stdout, '');
      for (const advice of [
        'apt-get install --no-install-recommends skopeo docker-registry chromium',
        'Google Chrome (a program chromium',
        'systemctl disable --now docker-registry',
        'dnf install skopeo',
        'brew install skopeo',
        'Docker Distribution 2.8 or 3.x',
      ]) {
        assert.ok(stderr.includes(advice), `${advice} in: ${stderr}`);
      }
      assert.deepEqual(machine.acts(), []);
      assert.ok(!existsSync(machine.policy));
    });
  }
});

test('no program that is started sees the password', async () => {
  using machine = new Debian();
  assert.equal((await machine.prepare({ env: { SKOPEO_PASSWORD: 'hunter2' } }).ended).status, 0);
  assert.deepEqual(
    machine.calls().filter((call) => call.includes('password')),
    [],
  );
});
