import { chmodSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { say } from './problem.mjs';

/** Debian asks this program before a package starts a service; 101 means "no". */
const POLICY = `#!/bin/sh
# Put here by docker-registry-cleaner for the moment in which it installs packages.
# What was here before, if anything, is in policy-rc.d.docker-registry-cleaner beside it.
exit 101
# Being installed: `;

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
  return packagesBeingInstalled(root) !== undefined;
}

/** @returns {string[] | undefined} what our policy notes, or undefined if the policy is not ours */
function packagesBeingInstalled(root) {
  try {
    const policy = readFileSync(placesIn(root).policy, 'utf8');
    return policy.startsWith(POLICY) ? policy.slice(POLICY.length).split(' ').filter(Boolean) : undefined;
  } catch {
    return undefined;
  }
}

/** Takes away a policy that was left behind. @returns {string[]} the packages that were being installed */
export function removeLeftPolicy(root) {
  const packages = packagesBeingInstalled(root) ?? [];
  if (policyWasLeftBehind(root)) restore(root);
  return packages;
}

/**
 * Runs `action` while no package that is being installed can start a service, and puts the system's own
 * policy back: the very same file, or none. Not to be used by two at the same time.
 *
 * @param {{ root: string, packages: string[] }} options `packages`: noted in the policy, for whoever finds
 *   it left behind
 * @param {() => Promise<void>} action
 */
export async function withServicesHeldBack({ root, packages }, action) {
  holdBack({ root, packages });
  try {
    await action();
  } finally {
    restore(root);
  }
}

function holdBack({ root, packages }) {
  const { policy, previous, next } = placesIn(root);
  mkdirSync(path.dirname(policy), { recursive: true });
  writeFileSync(next, POLICY + packages.join(' '));
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
