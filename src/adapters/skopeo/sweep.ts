import { RegistryError } from '../../domain/errors.ts';
import type { Shell } from '../../ports.ts';
import { loadScript, openScript } from './script.ts';

const SCRIPT = loadScript('./sweep.sh');
const DEFAULT_GRACE_SECONDS = 30;
const NEXT = 'Try again; deleting the Skopeo pod ends whatever runs in it.';

export interface SweepOptions {
  /** What the lanes' tokens begin with. */
  readonly tokens: readonly string[];
  readonly signal: AbortSignal;
  /** How long a Skopeo that is at work may go on before it is killed. */
  readonly graceSeconds?: number;
}

/**
 * Ends every lane whose token begins with one of `tokens`, and the Skopeo it runs. A lane that lost its connection
 * goes on where it is: without this, a retry would run beside it.
 *
 * @throws RegistryError (`temporary`) when nobody can tell that nothing is left.
 */
export async function sweep(shell: Shell, options: SweepOptions): Promise<void> {
  const { tokens, signal, graceSeconds = DEFAULT_GRACE_SECONDS } = options;
  const args = [String(graceSeconds)];
  const session = await openScript(shell, { script: SCRIPT, name: 'skopeo-sweep', args, signal });
  const abort = Promise.withResolvers<never>();
  abort.promise.catch(() => undefined);
  const onAbort = () => abort.reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await session.write(`${tokens.join('\n')}\n\n`);
    const status = await Promise.race([session.exit, abort.promise]);
    if (status === 0) return;
    const reason =
      status === 1 ? 'they do not end' : session.errors().trim() || `the search ended with ${status}`;
    throw new RegistryError(`Could not end the commands that an earlier connection left: ${reason}.`, {
      failure: 'temporary',
      next: NEXT,
    });
  } finally {
    signal.removeEventListener('abort', onAbort);
    session.close();
  }
}
