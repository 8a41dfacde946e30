// Installs Debian packages without letting any of them start a service. Runs as root, in a process of its
// own: sudo keeps nothing of the caller's environment, so everything comes as arguments.
//
//   node debian.mjs ROOT [PACKAGE[=SERVICE] …]

import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { Commands } from './commands.mjs';
import { withLock } from './lock.mjs';
import { removeLeftPolicy, withServicesHeldBack } from './policy.mjs';
import { exitCodeOf, SetupProblem, say, wordsFor } from './problem.mjs';

const INSTALL = ['install', '-y', '-q', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=120'];
/** Keeps a configuration file that is already there, instead of asking. */
const KEEP_OLD_FILES = ['-o', 'Dpkg::Options::=--force-confdef', '-o', 'Dpkg::Options::=--force-confold'];
const DOWNLOAD_ATTEMPTS = 4;
const RETRY_MS = 10_000;
const LOCK_TIMEOUT_MS = 10 * 60 * 1000;

/** `DEBIAN-PACKAGE` or `DEBIAN-PACKAGE=SERVICE`, the service being what the package would start. */
function parsePackage(text) {
  const [name, service] = text.split('=');
  return { name, service, text };
}

async function main([root, ...packages]) {
  const commands = new Commands({
    ...process.env,
    DEBIAN_FRONTEND: 'noninteractive',
    // needrestart, where it is installed, would restart services of the machine after the installation.
    NEEDRESTART_SUSPEND: '1',
    // dpkg refuses to work without these folders, which `su` leaves out.
    PATH: [
      process.env.PATH,
      ...['usr/local/sbin', 'usr/sbin', 'sbin'].map((dir) => path.join(root, dir)),
    ].join(':'),
  });
  const wanted = packages.map(parsePackage);
  if (wanted.length > 0) await download({ root, commands, names: wanted.map(({ name }) => name) });
  const run = path.join(root, 'run');
  mkdirSync(run, { recursive: true });
  // One for the whole machine: the policy is the machine's, too.
  const file = path.join(run, 'docker-registry-cleaner-setup.lock');
  await withLock({ file, timeoutMs: LOCK_TIMEOUT_MS, commands }, async (lock) => {
    await install({ root, commands, wanted, onStart: lock.addHolder });
  });
  commands.throwIfInterrupted();
}

async function install({ root, commands, wanted, onStart }) {
  const unfinished = removeLeftPolicy(root).map(parsePackage);
  const ours = [...unfinished, ...wanted.filter(({ name }) => !isInstalled(commands, name))];
  await withServicesHeldBack({ root, packages: ours.map(({ text }) => text) }, async () => {
    const status = wanted.length === 0 ? 0 : await runInstallation({ commands, wanted, onStart });
    for (const { name, service } of ours) {
      if (service && isInstalled(commands, name)) await keepOff({ root, commands, name, service });
    }
    if (status !== 0) throw new SetupProblem(`apt-get install ended with exit code ${status}.`);
  });
}

/** From its start to its end apt is left alone: a package half configured is worse than a few seconds' delay. */
function runInstallation({ commands, wanted, onStart }) {
  const names = wanted.map(({ name }) => name);
  return commands.run('apt-get', [...INSTALL, ...KEEP_OLD_FILES, ...names], {
    signalsReach: 'nobody',
    onStart,
  });
}

/** Fetches the packages first: this part takes long, and can be interrupted at any moment. */
async function download({ root, commands, names }) {
  if (!hasPackageLists(root)) await commands.run('apt-get', ['update', '-q']);
  for (let attempt = 1; ; attempt += 1) {
    commands.throwIfInterrupted();
    const status = await commands.run('apt-get', [...INSTALL, '--download-only', ...names]);
    commands.throwIfInterrupted();
    if (status === 0) return;
    if (attempt === DOWNLOAD_ATTEMPTS) {
      throw new SetupProblem(`apt-get could not fetch ${names.join(' ')} (exit code ${status}).`);
    }
    // Old lists name packages that are gone. But the reason may also be another apt, as after boot: these
    // two commands do not wait for its locks, in spite of DPkg::Lock::Timeout (apt 2.6).
    if (attempt > 1) await commands.pause(RETRY_MS);
    await commands.run('apt-get', ['update', '-q']);
  }
}

function hasPackageLists(root) {
  const folder = path.join(root, 'var/lib/apt/lists');
  return existsSync(folder) && readdirSync(folder).some((name) => name.includes('_Packages'));
}

function isInstalled(commands, name) {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query fills this in, not JavaScript
  return commands.ask('dpkg-query', ['-W', '-f', '${db:Status-Status}', name]) === 'installed';
}

/** Sees to it that a service which came with our package does not run, not even after the next boot. */
async function keepOff({ root, commands, name, service }) {
  const isSystemdRunning = existsSync(path.join(root, 'run/systemd/system'));
  const steps = isSystemdRunning
    ? [['systemctl', 'disable', '--now', `${service}.service`]]
    : [
        ['deb-systemd-helper', 'disable', `${service}.service`],
        ['update-rc.d', service, 'disable'],
      ];
  for (const [file, ...args] of steps) {
    // deb-systemd-helper, made for packages' own scripts, wants to know for which package it works.
    const env = { DPKG_MAINTSCRIPT_PACKAGE: name };
    const status = await commands.run(file, args, { env, signalsReach: 'nobody' });
    if (status !== 0) {
      throw new SetupProblem(
        `The service ${service} could not be disabled: "${[file, ...args].join(' ')}" ended with exit code ${status}. ` +
          'Disable it by hand: it would serve on all addresses after the next boot.',
      );
    }
  }
  if (existsSync(path.join(root, 'run', `${service}.pid`))) {
    throw new SetupProblem(
      `The service ${service} was started nevertheless. Stop it: service ${service} stop`,
    );
  }
}

main(process.argv.slice(2)).catch((error) => {
  say(wordsFor(error));
  process.exitCode = exitCodeOf(error);
});
