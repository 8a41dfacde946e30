/**
 * Looks at the processes of this machine, past everything: whether a garbage collector lives in a sandbox's pods, and
 * whether a registry of it takes pushes at the same time.
 */
import { readdirSync, readFileSync } from 'node:fs';
import type { Sandbox } from '../../../scripts/sandbox/index.ts';

type Kind = 'collector' | 'writable' | 'read-only' | 'other';

interface Seen {
  readonly kind: Kind;
  /** A process may still become another program for so long. */
  readonly firstSeenMs: number;
}

const EVERY_MS = 20;
const SETTLED_AFTER_MS = 3000;

export class CollectorWatch implements Disposable {
  readonly #pods: () => readonly string[];
  readonly #timer: NodeJS.Timeout;
  readonly #seen = new Map<string, Seen>();
  /** Moments at which a collector lived beside a registry that takes pushes. */
  readonly violations: string[] = [];
  /** Collectors that were seen, each once. */
  readonly collectors = new Set<string>();
  /** The most that lived at the same time. */
  most = 0;

  constructor(sandbox: Sandbox) {
    const known = new Set<string>();
    // Pods that have gone may have left processes: they count as long as they live.
    this.#pods = () => {
      for (const { metadata } of sandbox.cluster.pods()) known.add((metadata.uid ?? '').slice(0, 13));
      return [...known];
    };
    this.#timer = setInterval(() => this.look(), EVERY_MS);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  /** What lives at this moment. */
  look(): { readonly collectors: readonly string[]; readonly writable: readonly string[] } {
    const pods = this.#pods();
    const processes = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
    const now = Map.groupBy(processes, (id) => this.#kindOf(id, pods));
    const collectors = now.get('collector') ?? [];
    const writable = now.get('writable') ?? [];
    for (const id of collectors) this.collectors.add(id);
    this.most = Math.max(this.most, collectors.length);
    if (collectors.length > 0 && writable.length > 0)
      this.violations.push(
        `collector ${collectors.join(', ')} beside writable registry ${writable.join(', ')}`,
      );
    for (const id of this.#seen.keys()) if (!processes.includes(id)) this.#seen.delete(id);
    return { collectors, writable };
  }

  #kindOf(id: string, pods: readonly string[]): Kind {
    const seen = this.#seen.get(id);
    if (seen && performance.now() - seen.firstSeenMs > SETTLED_AFTER_MS) return seen.kind;
    const kind = classify(id, pods);
    this.#seen.set(id, { kind, firstSeenMs: seen?.firstSeenMs ?? performance.now() });
    return kind;
  }
}

function classify(id: string, pods: readonly string[]): Kind {
  const [program = '', ...words] = read(`/proc/${id}/cmdline`);
  if (!/(^|\/)(docker-)?registry$/.test(program)) return 'other';
  const variables = read(`/proc/${id}/environ`);
  if (!variables.some((each) => pods.some((pod) => each === `REGISTRY_HTTP_ADDR=/run/registry/${pod}`)))
    return 'other';
  if (words.includes('garbage-collect')) return words.includes('--dry-run') ? 'other' : 'collector';
  if (!words.includes('serve')) return 'other';
  return variables.includes('REGISTRY_STORAGE_MAINTENANCE_READONLY={"enabled":true}')
    ? 'read-only'
    : 'writable';
}

/** Of a process that has gone there is nothing. */
function read(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\0').slice(0, -1);
  } catch {
    return [];
  }
}
