import { badRequest } from './status.ts';

type JsonObject = Record<string, unknown>;

/** Applies a JSON merge patch (RFC 7396): null removes, lists are replaced whole. */
export function applyMergePatch(document: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const merged: JsonObject = isObject(document) ? { ...document } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete merged[key];
    else merged[key] = applyMergePatch(merged[key], value);
  }
  return merged;
}

/** Lists that merge by the value of a key; every other list is replaced whole. */
const mergeKeys: Readonly<Record<string, string>> = {
  containers: 'name',
  initContainers: 'name',
  ephemeralContainers: 'name',
  env: 'name',
  volumes: 'name',
  volumeMounts: 'mountPath',
  ports: 'containerPort',
  imagePullSecrets: 'name',
  hostAliases: 'ip',
  ownerReferences: 'uid',
  conditions: 'type',
  topologySpreadConstraints: 'topologyKey',
};

/** Lists of plain values that are united instead of replaced. */
const unitedLists = new Set(['finalizers']);

/**
 * Applies a strategic merge patch: as a merge patch, but the lists above merge by key. An entry that
 * the patch leaves out STAYS; removing one takes `$patch: delete`.
 */
export function applyStrategicMergePatch(document: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const base: JsonObject = isObject(document) ? { ...document } : {};
  if (patch['$patch'] === 'replace') return withoutDirectives(patch);
  if (patch['$patch'] === 'delete') return {};
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith('$')) continue;
    if (value === null) delete base[key];
    else if (Array.isArray(value)) base[key] = mergeList(key, base[key], value);
    else base[key] = applyStrategicMergePatch(base[key], value);
  }
  applyDirectives(base, patch);
  return base;
}

function mergeList(field: string, present: unknown, patch: readonly unknown[]): unknown[] {
  const items = Array.isArray(present) ? [...present] : [];
  if (unitedLists.has(field)) return [...new Set([...items, ...patch])];
  const key = mergeKeys[field];
  if (key === undefined) return [...patch];
  if (patch.some((item) => isObject(item) && item['$patch'] === 'replace')) {
    return patch.filter((item) => isObject(item) && item['$patch'] !== 'replace');
  }
  for (const item of patch) mergeItem(items, item, key);
  return items;
}

function mergeItem(items: unknown[], item: unknown, key: string): void {
  if (!isObject(item) || item[key] === undefined) {
    throw badRequest(`map: ${JSON.stringify(item)} does not contain declared merge key: ${key}`);
  }
  const at = items.findIndex((candidate) => isObject(candidate) && candidate[key] === item[key]);
  if (item['$patch'] === 'delete') {
    if (at >= 0) items.splice(at, 1);
  } else if (at >= 0) {
    items[at] = applyStrategicMergePatch(items[at], item);
  } else {
    items.push(applyStrategicMergePatch({}, item));
  }
}

/** `$deleteFromPrimitiveList/…` takes values out of a list, `$setElementOrder/…` (kubectl) sorts one. */
function applyDirectives(base: JsonObject, patch: JsonObject): void {
  for (const [directive, value] of Object.entries(patch)) {
    const [name, field = ''] = directive.split('/');
    const list = base[field];
    if (!Array.isArray(list) || !Array.isArray(value)) continue;
    if (name === '$deleteFromPrimitiveList') base[field] = list.filter((item) => !value.includes(item));
    if (name === '$setElementOrder') base[field] = ordered(list, value, mergeKeys[field]);
  }
}

function ordered(list: unknown[], order: readonly unknown[], key: string | undefined): unknown[] {
  const identity = (item: unknown) => (key !== undefined && isObject(item) ? item[key] : item);
  const rank = new Map(order.map((item, position) => [identity(item), position]));
  // Entries that the order does not name are the server's own and go last.
  const position = (item: unknown) => rank.get(identity(item)) ?? order.length;
  return list.toSorted((a, b) => position(a) - position(b));
}

function withoutDirectives(patch: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(patch).filter(([key]) => !key.startsWith('$')));
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
