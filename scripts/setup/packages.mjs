import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { isOnPath } from './commands.mjs';
import { withLock } from './lock.mjs';
import { SetupProblem, say } from './problem.mjs';

const LOCK_TIMEOUT_MS = 10 * 60 * 1000;

/**
 * Options that whoever runs npm may have set otherwise, for good reasons that do not apply here.
 * The packages run under the Node that is among them, not under the one that runs npm: `engine-strict`
 * would compare the wrong one. That Node is a development dependency. `loglevel` is silent in .npmrc.
 */
const NPM_OPTIONS = [
  '--loglevel=error',
  '--no-audit',
  '--no-fund',
  '--no-dry-run',
  '--include=dev',
  '--engine-strict=false',
  '--install-strategy=hoisted',
];

/** npm's own record of what it installed, written as its last act. */
const INSTALLED = 'node_modules/.package-lock.json';

/**
 * Does node_modules hold what package-lock.json asks for, with a Node that runs here (not one for another
 * processor, as in a folder shared with a container)? Takes a few milliseconds; never starts npm.
 */
export function packagesAreInPlace(projectDir) {
  return matchesLockFile(projectDir) && nodeRuns(projectDir);
}

function matchesLockFile(projectDir) {
  const wanted = readPackages(path.join(projectDir, 'package-lock.json'));
  const installed = readPackages(path.join(projectDir, INSTALLED));
  if (wanted === undefined || installed === undefined) return false;
  return Object.entries(wanted).every(([location, entry]) => {
    if (location === '') return true;
    const present = installed[location];
    // npm leaves out what is optional and made for another platform.
    if (present === undefined) return entry.optional === true;
    return present.version === entry.version && present.integrity === entry.integrity;
  });
}

function nodeRuns(projectDir) {
  const version = readPackages(path.join(projectDir, INSTALLED))?.['node_modules/node']?.version;
  const { stdout } = spawnSync(path.join(projectDir, 'node_modules/.bin/node'), ['--version'], {
    env: {},
    stdio: ['ignore', 'pipe', 'ignore'],
    encoding: 'utf8',
  });
  return version !== undefined && stdout?.trim() === `v${version}`;
}

/** @returns {Record<string, { version?: string, integrity?: string, optional?: boolean }> | undefined} */
function readPackages(lockFile) {
  try {
    return JSON.parse(readFileSync(lockFile, 'utf8')).packages;
  } catch {
    return undefined;
  }
}

/**
 * Installs what package-lock.json asks for. Of several at the same time one installs, the others wait.
 *
 * @param {{ projectDir: string, commands: import('./commands.mjs').Commands }} options
 */
export async function installPackages({ projectDir, commands }) {
  const file = path.join(projectDir, '.setup.lock');
  await withLock({ file, timeoutMs: LOCK_TIMEOUT_MS, commands }, async (lock) => {
    if (packagesAreInPlace(projectDir)) return;
    say('Installing npm packages …');
    // Gone before npm starts to remove packages, so that an interrupted installation counts as none.
    rmSync(path.join(projectDir, INSTALLED), { force: true });
    await runNpm({ projectDir, commands, onStart: lock.addHolder });
    verify(projectDir);
  });
}

async function runNpm({ projectDir, commands, onStart }) {
  // `npm run` puts this project's own Node first; npm must not run on the Node that it is replacing.
  const ownBin = path.join(projectDir, 'node_modules', '.bin');
  const folders = commands.searchPath.filter((folder) => path.resolve(folder) !== ownBin);
  if (!isOnPath('npm', folders)) {
    throw new SetupProblem('npm was not found. Install npm (it comes with Node.js) and repeat the command.');
  }
  const status = await commands.run('npm', ['ci', ...NPM_OPTIONS], {
    cwd: projectDir,
    env: { PATH: folders.join(path.delimiter) },
    onStart,
  });
  commands.throwIfInterrupted();
  if (status !== 0) {
    throw new SetupProblem(
      `The npm packages could not be installed: npm ci ended with exit code ${status}; its own words are above. ` +
        'Look for the package registry (npm ping; proxy and registry: npm config list), for free disk space (df -h .) ' +
        'and for the right to write to this folder, then repeat the command.',
    );
  }
}

function verify(projectDir) {
  if (!matchesLockFile(projectDir)) {
    throw new SetupProblem(
      'npm ci reported success, but node_modules does not match package-lock.json. ' +
        'Delete node_modules and repeat the command; if that does not help, update npm.',
    );
  }
  if (!nodeRuns(projectDir)) {
    throw new SetupProblem(
      'The npm package "node" did not bring a Node that runs here. Its install script has to run once, which ' +
        'the npm setting ignore-scripts prevents: npm rebuild node --ignore-scripts=false, then repeat the command.',
    );
  }
}
