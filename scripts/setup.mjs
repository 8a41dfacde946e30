#!/usr/bin/env node
// Prepares this machine for one of the npm scripts, and says nothing when nothing is to be done.
// Plain JavaScript without packages: it runs before there are any, on any Node from 20 on.

import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Commands } from './setup/commands.mjs';
import { installPackages, packagesAreInPlace } from './setup/packages.mjs';
import { exitCodeOf, SetupProblem, say, wordsFor } from './setup/problem.mjs';
import { ensurePrograms } from './setup/programs.mjs';

const USAGE = `Usage: node scripts/setup.mjs packages|sandbox|everything [--root DIR]

  packages    make node_modules match package-lock.json
  sandbox     packages, and the programs that the sandbox runs (Skopeo, Docker Distribution)
  everything  these, and the browser in which the tests look at reports (Chromium)
  --root DIR  look for the system's files under DIR instead of / (for tests)

Exit codes: 0 ready, 2 not ready (what to do is printed), 128 + signal when interrupted.`;

const OLDEST_NODE_MAJOR = 20;

const WORDS = ['packages', 'sandbox', 'everything'];

/** @returns {{ what: 'packages' | 'sandbox' | 'everything', root: string }} */
function parseArguments(args) {
  const [what, flag, root, ...rest] = args;
  const rootIsWellFormed =
    flag === undefined || (flag === '--root' && root !== undefined && rest.length === 0);
  if (!WORDS.includes(what) || !rootIsWellFormed) throw new SetupProblem(USAGE);
  return { what, root: root === undefined ? '/' : path.resolve(root) };
}

async function main() {
  const { what, root } = parseArguments(process.argv.slice(2));
  if (Number.parseInt(process.versions.node, 10) < OLDEST_NODE_MAJOR) {
    throw new SetupProblem(
      `This is Node ${process.versions.node}; Node ${OLDEST_NODE_MAJOR} or later is needed. Install one and repeat the command.`,
    );
  }
  const projectDir = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
  const commands = new Commands(process.env);
  if (!packagesAreInPlace(projectDir)) await installPackages({ projectDir, commands });
  if (what !== 'packages') await ensurePrograms({ root, commands, withBrowser: what === 'everything' });
}

main().catch((error) => {
  say(wordsFor(error));
  process.exitCode = exitCodeOf(error);
});
