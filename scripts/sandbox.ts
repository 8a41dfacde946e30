/** `npm run sandbox`: the sandbox in the foreground, until it is interrupted. */
import yargs from 'yargs';
import { hideBin } from 'yargs/helpers';
import { endOfLife } from './sandbox/end-of-life.ts';
import { startSandbox } from './sandbox/index.ts';

const options = await yargs(hideBin(process.argv))
  .scriptName('npm run sandbox --')
  .usage(
    '$0 [options]\n\nStarts a Kubernetes API server and a registry on this machine for docker-registry-cleaner to work on, prints where they are as one line of JSON, and runs until it is interrupted.',
  )
  .option('environments', { type: 'number', default: 8, describe: 'environments in the registry' })
  .option('revisions', { type: 'number', default: 12, describe: 'revisions of each environment' })
  .option('legacy', {
    type: 'number',
    default: 4,
    describe: 'environments that also have a repository domino-<id>',
  })
  .option('port', { type: 'number', default: 0, describe: 'port of the registry; 0 takes a free one' })
  .option('seed', { type: 'number', default: 1, describe: 'the same seed makes the same images' })
  .epilogue('Faults can be asked for over its API: see scripts/sandbox/README.md.')
  .strict()
  .version(false)
  .parseAsync();

const { environments, revisions, legacy, port, seed } = options;
const life = endOfLife();
const over = new Promise((resolve) => life.addEventListener('abort', resolve));
try {
  const sandbox = await startSandbox({ environments, revisions, legacy, port, seed }, { signal: life });
  try {
    const { kubeconfig, context, registry, username, password, storage } = sandbox;
    const where = { kubeconfig, context, registry, username, password };
    console.log(JSON.stringify({ ...where, environments: sandbox.environments, storage }));
    await over;
  } finally {
    await sandbox.stop();
  }
} catch (error) {
  // Ended while it was still starting: there is nothing to tell.
  if (!life.aborted) refuse(error);
}

/** Says what is wrong with the options. @throws the error, where that is something else */
function refuse(error: unknown): void {
  const isTaken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
  if (!isTaken && !(error instanceof RangeError)) throw error;
  console.error(isTaken ? `Port ${port} is taken; without --port a free one is chosen.` : error.message);
  process.exitCode = 2;
}
