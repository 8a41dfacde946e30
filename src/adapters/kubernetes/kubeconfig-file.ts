/**
 * What kubeconfig files say, merged as kubectl merges them. client-node would refuse a file for one incomplete entry
 * that nobody uses, and drops the fields that it does not know without a word.
 */
import { resolve, sep } from 'node:path';
import { isObject } from '../../domain/json.ts';

export type Fields = Readonly<Record<string, unknown>>;

export interface KubeconfigEntries {
  /** Empty when there is none. */
  readonly currentContext: string;
  readonly clusters: ReadonlyMap<string, Fields>;
  readonly contexts: ReadonlyMap<string, Fields>;
  readonly users: ReadonlyMap<string, Fields>;
}

/** @param folder the file's own: its relative paths start there. */
export function kubeconfigEntries(document: unknown, folder: string): KubeconfigEntries {
  const file = isObject(document) ? document : {};
  const absolute = (fields: Fields, names: readonly string[]) => withAbsolutePaths(fields, names, folder);
  return {
    currentContext: fieldText(file, 'current-context'),
    clusters: named(file.clusters, 'cluster', (fields) => absolute(fields, ['certificate-authority'])),
    contexts: named(file.contexts, 'context', (fields) => fields),
    users: named(file.users, 'user', (fields) => {
      const user = absolute(fields, ['client-certificate', 'client-key', 'tokenFile']);
      // A command without a slash is looked for on the PATH.
      const bySlash = isObject(user.exec) && fieldText(user.exec, 'command').includes(sep);
      return bySlash ? { ...user, exec: absolute(user.exec as Fields, ['command']) } : user;
    }),
  };
}

/** Of two entries with one name the first counts. */
export function mergeEntries(files: readonly KubeconfigEntries[]): KubeconfigEntries {
  const merged = (kind: 'clusters' | 'contexts' | 'users') =>
    new Map(files.toReversed().flatMap((file) => [...file[kind]]));
  return {
    currentContext: files.find(({ currentContext }) => currentContext !== '')?.currentContext ?? '',
    clusters: merged('clusters'),
    contexts: merged('contexts'),
    users: merged('users'),
  };
}

/** Empty for what is no text. Like kubectl, a number that stands where a text belongs is taken for one. */
export function fieldText(fields: Fields, name: string): string {
  const value = fields[name];
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

function named(list: unknown, kind: string, mend: (fields: Fields) => Fields): Map<string, Fields> {
  const entries = new Map<string, Fields>();
  for (const entry of Array.isArray(list) ? list : []) {
    const name = isObject(entry) ? fieldText(entry, 'name') : '';
    if (name !== '' && !entries.has(name)) entries.set(name, mend(isObject(entry[kind]) ? entry[kind] : {}));
  }
  return entries;
}

function withAbsolutePaths(fields: Fields, names: readonly string[], folder: string): Fields {
  const present = names.filter((name) => fieldText(fields, name) !== '');
  return {
    ...fields,
    ...Object.fromEntries(present.map((name) => [name, resolve(folder, fieldText(fields, name))])),
  };
}
