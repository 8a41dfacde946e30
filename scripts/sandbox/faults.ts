import type { Denial } from './api/access.ts';
import type { ApiFault } from './api/api-faults.ts';
import { badRequest } from './api/status.ts';
import type { StartFailure } from './cluster/pod-faults.ts';

/** Everything that the sandbox can be asked to do wrong. `times` is 1 unless given. */
export type Fault =
  /** The pod vanishes at once, and its processes with it. */
  | { readonly fault: 'losePod'; readonly pod: string }
  /** New pods whose name begins so run into a failure; `message` replaces the cluster's usual words. */
  | {
      readonly fault: 'failPods';
      readonly failure: StartFailure;
      readonly podPrefix: string;
      readonly times?: number;
      readonly message?: string;
    }
  /** Cuts exec sockets: those that are open, or future ones after so much output. */
  | {
      readonly fault: 'dropExec';
      readonly podPrefix?: string;
      readonly afterBytes?: number;
      readonly afterMessages?: number;
      readonly times?: number;
    }
  /** Execs do not start: the API server does not reach the kubelet; `message` replaces its usual words. */
  | {
      readonly fault: 'refuseExec';
      readonly podPrefix?: string;
      readonly message?: string;
      readonly times?: number;
    }
  /** Cuts port-forward sockets: those that are open, or future ones after so much data from the pod. */
  | {
      readonly fault: 'dropForward';
      readonly podPrefix?: string;
      readonly afterBytes?: number;
      readonly afterMessages?: number;
      readonly times?: number;
    }
  /** The API server refuses requests; `path` is a part of the path. */
  | {
      readonly fault: 'apiError';
      readonly code: ApiFault['code'];
      readonly times?: number;
      readonly method?: string;
      readonly path?: string;
      readonly retryAfterSeconds?: number;
    }
  /** Every request to the API server takes this much longer; 0 ends it. */
  | { readonly fault: 'apiSlow'; readonly delayMs: number }
  /** The sandbox's user may not do these things; replaces earlier denials. */
  | { readonly fault: 'deny'; readonly denials: readonly Denial[] }
  /** The registry fails requests, with 500 unless told otherwise; `path` is a part of the path. */
  | {
      readonly fault: 'registryError';
      readonly code?: number;
      readonly times?: number;
      readonly method?: string;
      readonly path?: string;
    }
  /** Every request to the registry takes this much longer; 0 ends it. */
  | { readonly fault: 'registrySlow'; readonly delayMs: number }
  /** Requests to the registry wait until the weather is fair again, but for the first ones; `path` is a part of the path. */
  | {
      readonly fault: 'registryHold';
      readonly after?: number;
      readonly method?: string;
      readonly path?: string;
    }
  /** The registry's Service resets every connection for a while. */
  | { readonly fault: 'registryDown'; readonly forMs: number }
  /** The registry's process dies; its pod starts another one. */
  | { readonly fault: 'restartRegistry' }
  /** GET and HEAD of a blob answer 307: to a store that has it, or to where nobody listens. */
  | { readonly fault: 'redirectBlobs'; readonly to: 'store' | 'nowhere' }
  /** New pods of the registry never become ready. */
  | { readonly fault: 'endlessRollout'; readonly times?: number }
  /** The registry's StatefulSet gets another update strategy. */
  | {
      readonly fault: 'updateStrategy';
      readonly type: 'OnDelete' | 'RollingUpdate';
      readonly partition?: number;
    }
  /** A controller puts the registry's template back whenever it changes, after a while. */
  | { readonly fault: 'writeBack'; readonly afterMs: number; readonly times?: number };

/** A kind of fault. */
export type FaultName = Fault['fault'];

/** One kind of fault with its fields. */
export type FaultOf<Name extends FaultName> = Extract<Fault, { fault: Name }>;

type FieldType = 'string' | 'number' | 'list' | readonly string[];

const cut = {
  'podPrefix?': 'string',
  'afterBytes?': 'number',
  'afterMessages?': 'number',
  'times?': 'number',
} as const;

/** Types of each fault's fields; a name that ends in `?` may be left out. */
const fields: Readonly<Record<FaultName, Readonly<Record<string, FieldType>>>> = {
  losePod: { pod: 'string' },
  failPods: {
    failure: ['imagePull', 'unschedulable', 'containerConfig', 'crash', 'quota', 'webhook', 'neverReady'],
    podPrefix: 'string',
    'times?': 'number',
    'message?': 'string',
  },
  dropExec: cut,
  refuseExec: { 'podPrefix?': 'string', 'message?': 'string', 'times?': 'number' },
  dropForward: cut,
  apiError: {
    code: 'number',
    'times?': 'number',
    'method?': 'string',
    'path?': 'string',
    'retryAfterSeconds?': 'number',
  },
  apiSlow: { delayMs: 'number' },
  deny: { denials: 'list' },
  registryError: { 'code?': 'number', 'times?': 'number', 'method?': 'string', 'path?': 'string' },
  registrySlow: { delayMs: 'number' },
  registryHold: { 'after?': 'number', 'method?': 'string', 'path?': 'string' },
  registryDown: { forMs: 'number' },
  restartRegistry: {},
  redirectBlobs: { to: ['store', 'nowhere'] },
  endlessRollout: { 'times?': 'number' },
  updateStrategy: { type: ['OnDelete', 'RollingUpdate'], 'partition?': 'number' },
  writeBack: { afterMs: 'number', 'times?': 'number' },
};

/**
 * Reads a fault from JSON.
 *
 * @throws {ApiError} 400 for a fault, or a field of it, that does not exist or has another type
 */
export function parseFault(value: unknown): Fault {
  const { fault, ...given } = value as Record<string, unknown>;
  const known = Object.hasOwn(fields, String(fault)) ? fields[fault as FaultName] : undefined;
  if (known === undefined) {
    throw badRequest(`unknown fault ${JSON.stringify(fault)}; there are: ${Object.keys(fields).join(', ')}`);
  }
  const types = new Map(Object.entries(known).map(([name, type]) => [name.replace('?', ''), type]));
  for (const [name, item] of Object.entries(given)) {
    const type = types.get(name);
    if (type === undefined) throw badRequest(`fault ${fault} has no field ${JSON.stringify(name)}`);
    if (!fits(item, type))
      throw badRequest(`field ${name} of fault ${fault} must be ${type}, not ${JSON.stringify(item)}`);
  }
  const missing = Object.keys(known).find((name) => !name.endsWith('?') && !(name in given));
  if (missing !== undefined) throw badRequest(`fault ${fault} needs a field ${JSON.stringify(missing)}`);
  return value as Fault;
}

function fits(item: unknown, type: FieldType): boolean {
  if (type === 'list') return Array.isArray(item);
  return typeof type === 'string' ? typeof item === type : type.includes(item as string);
}
