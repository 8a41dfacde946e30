import { chmodSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { withLock } from './lock.mjs';
import { say } from './problem.mjs';

const LOCK_TIMEOUT_MS = 10 * 60 * 1000;

/** Debian asks this program before a package starts a service; 101 means "no". */
const POLICY = `#!/bin/sh
# Put here by docker-registry-cleaner for the moment in which it installs packages.
# What was here before, if anything, is in policy-rc.d.docker-registry-cleaner beside it.
exit 101
`;

function placesIn(root) {
  const policy = path.join(root, 'usr/sbin/policy-rc.d');
  return {
    policy,
    previous: `${policy}.docker-registry-cleaner`,
    next: `${policy}.docker-registry-cleaner.new`,
  };
}

/** Was a former preparation killed before it could take its policy away again? */
export function policyWasLeftBehind(root) {
  try {
    return readFileSync(placesIn(root).policy, 'utf8') === POLICY;
  } catch {
    return false;
  }
}

/**
 * Runs `action` while no package that is being installed can start a service, and puts the system's own
 * policy back: the very same file, or none. One at a time on a machine.
 *
 * @param {{ root: string, commands: import('./commands.mjs').Commands }} options
 * @param {(lock: { addHolder(pid: number): void }) => Promise<void>} action
 */
export async function withServicesHeldBack({ root, commands }, action) {
  const run = path.join(root, 'run');
  mkdirSync(run, { recursive: true });
  const file = path.join(run, 'docker-registry-cleaner-setup.lock');
  await withLock({ file, timeoutMs: LOCK_TIMEOUT_MS, commands }, async (lock) => {
    if (policyWasLeftBehind(root)) restore(root);
    holdBack(root);
    try {
      await action(lock);
    } finally {
      restore(root);
    }
  });
}

function holdBack(root) {
  const { policy, previous, next } = placesIn(root);
  mkdirSync(path.dirname(policy), { recursive: true });
  writeFileSync(next, POLICY);
  chmodSync(next, 0o755);
  try {
    // A second name for the same file: its bytes, owner, mode and times come back with it.
    rmSync(previous, { force: true });
    linkSync(policy, previous);
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
  renameSync(next, policy);
}

function restore(root) {
  const { policy, previous } = placesIn(root);
  if (!policyWasLeftBehind(root)) {
    say(
      `${policy} was changed by somebody else meanwhile, and is left as it is. The former one is ${previous}.`,
    );
    return;
  }
  try {
    renameSync(previous, policy);
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
    rmSync(policy, { force: true });
  }
}
