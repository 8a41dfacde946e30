import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { isOnPath } from './commands.mjs';
import { policyWasLeftBehind } from './policy.mjs';
import { SetupProblem, say } from './problem.mjs';

/**
 * The programs that the sandbox runs, and the tests' browser. One of `binaries` is enough. `service` is what the Debian
 * package would start by itself, and must not.
 */
const PROGRAMS = [
  { title: 'Skopeo', binaries: ['skopeo'], debian: 'skopeo', elsewhere: 'skopeo' },
  {
    title: 'Docker Distribution 2.8 or 3.x (a program docker-registry or registry on the PATH)',
    binaries: ['docker-registry', 'registry'],
    debian: 'docker-registry',
    service: 'docker-registry',
  },
  {
    title: 'Chromium or Google Chrome (a program chromium or google-chrome on the PATH)',
    // As scripts/browser/index.ts knows them.
    binaries: ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'],
    debian: 'chromium',
    isBrowser: true,
  },
];

const UBUNTU_BROWSER =
  "Ubuntu has Chromium only as a snap, which cannot open the tests' files: install Google Chrome's own package.";

const PROGRAM_FOLDERS = ['usr/local/sbin', 'usr/local/bin', 'usr/sbin', 'usr/bin', 'sbin', 'bin'];

/**
 * Installs the programs that are missing, where that is possible.
 *
 * @param {{ root: string, commands: import('./commands.mjs').Commands, withBrowser: boolean }} options `root`: where
 *   the system's files are, normally /
 * @throws {SetupProblem} that names the packages, where they have to be installed by hand
 */
export async function ensurePrograms({ root, commands, withBrowser }) {
  const folders = [...commands.searchPath, ...PROGRAM_FOLDERS.map((folder) => path.join(root, folder))];
  const needed = PROGRAMS.filter(({ isBrowser }) => withBrowser || !isBrowser);
  const lacking = missingPrograms(needed, folders);
  // What apt can install; the browser of Ubuntu, which it cannot, is asked for when all else is there.
  const missing = isUbuntu(root) ? lacking.filter(({ isBrowser }) => !isBrowser) : lacking;
  const isUnfinished = policyWasLeftBehind(root);
  if (missing.length === 0 && !isUnfinished) return requireBrowser(lacking);
  if (!isOnPath('apt-get', folders)) throw new SetupProblem(byHand(missing, 'This is not Debian or Ubuntu.'));
  const asRoot = becomeRoot(commands);
  if (asRoot === undefined && missing.length > 0)
    throw new SetupProblem(byHand(missing, 'That needs root, or sudo.'));
  if (isUnfinished)
    say('An installation was killed and has left a policy that keeps Debian from starting services.');
  if (asRoot === undefined) return say('Repeat the command as root to put that right.');
  if (missing.length > 0) say(`Installing Debian packages (${namesOf(missing)}; no service is started) …`);
  const status = await runInstaller({ root, commands, asRoot, missing });
  commands.throwIfInterrupted();
  const stillMissing = missingPrograms(missing, folders);
  if (status !== 0 || stillMissing.length > 0) {
    throw new SetupProblem(byHand(stillMissing, 'The installation failed; the reason is above.'));
  }
  requireBrowser(missingPrograms(lacking, folders));
}

/** @param {typeof PROGRAMS} lacking what is not there, after everything that could be installed was */
function requireBrowser(lacking) {
  const [browser] = lacking.filter(({ isBrowser }) => isBrowser);
  if (browser)
    throw new SetupProblem(`${browser.title} is needed. ${UBUNTU_BROWSER} Then repeat the command.`);
}

function isUbuntu(root) {
  try {
    return /^ID="?ubuntu"?$/m.test(readFileSync(path.join(root, 'etc/os-release'), 'utf8'));
  } catch {
    return false;
  }
}

function missingPrograms(programs, folders) {
  return programs.filter(({ binaries }) => !binaries.some((binary) => isOnPath(binary, folders)));
}

function namesOf(programs) {
  return programs.map(({ debian }) => debian).join(' ');
}

/** @returns {string[] | undefined} what to put before a command so that root runs it */
function becomeRoot(commands) {
  if (commands.ask('id', ['-u']) === '0') return [];
  if (commands.ask('sudo', ['-n', 'true']) !== undefined) return ['sudo', '-n'];
  // sudo asks for a password at the terminal itself, wherever standard input comes from.
  if (process.stderr.isTTY && isOnPath('sudo', commands.searchPath)) return ['sudo'];
  return undefined;
}

function runInstaller({ root, commands, asRoot, missing }) {
  const installer = fileURLToPath(new URL('./debian.mjs', import.meta.url));
  const packages = missing.map(({ debian, service }) => (service ? `${debian}=${service}` : debian));
  const [file, ...args] = [...asRoot, process.execPath, installer, root, ...packages];
  return commands.run(file, args, { signalsReach: 'process' });
}

/** What to install, for the person who has to do it. */
function byHand(missing, reason) {
  if (missing.length === 0) return reason;
  const lines = [`These programs are needed: ${missing.map(({ title }) => title).join('; ')}.`, reason];
  const elsewhere = missing.flatMap((program) => program.elsewhere ?? []).join(' ');
  lines.push('Install them, then repeat the command:');
  lines.push(`  Debian, Ubuntu  apt-get install --no-install-recommends ${namesOf(missing)}`);
  if (missing.some(({ service }) => service)) {
    lines.push(
      '                  which starts a registry on all addresses, with deletion enabled. Stop it at once:',
      '                  systemctl disable --now docker-registry',
    );
  }
  if (elsewhere)
    lines.push(`  Fedora, RHEL    dnf install ${elsewhere}`, `  macOS           brew install ${elsewhere}`);
  const others = missing.filter((program) => !program.elsewhere);
  if (others.length > 0) lines.push(`  elsewhere also  ${others.map(({ title }) => title).join('; ')}`);
  return lines.join('\n');
}
