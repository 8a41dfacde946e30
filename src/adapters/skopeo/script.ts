import { readFileSync } from 'node:fs';
import type { Shell, ShellSession } from '../../ports.ts';

/** Reads a script from standard input, up to a line with a dot, and becomes it. */
const LOADER = `script=
while IFS= read -r line && [ "$line" != . ]; do script="$script$line
"; done
eval "$script"`;

/** A shell script beside this module, without its comments. */
export function loadScript(file: string): string {
  const text = readFileSync(new URL(file, import.meta.url), 'utf8');
  return text.replace(/^\s*#.*\n/gm, '');
}

export interface ScriptOptions {
  readonly script: string;
  /** `$0`. */
  readonly name: string;
  /** `$1` and so on. */
  readonly args: readonly string[];
  readonly signal: AbortSignal;
}

/**
 * Starts a script, which then has the rest of standard input. It does not go by the arguments: in an exec, these are
 * part of a URL, whose length proxies limit, and are kept in the API server's audit log.
 */
export async function openScript(shell: Shell, options: ScriptOptions): Promise<ShellSession> {
  const session = await shell.open(['sh', '-c', LOADER, options.name, ...options.args], options.signal);
  try {
    await session.write(`${options.script}.\n`);
  } catch (error) {
    session.close();
    throw error;
  }
  return session;
}
