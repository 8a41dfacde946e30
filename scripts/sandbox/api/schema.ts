import * as models from '@kubernetes/client-node';
import { badRequest } from './status.ts';

/** A field of the real API, as the client's generated classes describe it. */
interface Attribute {
  readonly baseName: string;
  readonly type: string;
}

interface Model {
  getAttributeTypeMap(): readonly Attribute[];
}

/** Optional strings of the API that tell '' from absent (pointers in Go). */
const pointerStrings = new Set(['holderIdentity', 'storageClassName', 'runtimeClassName']);

/** Switches of the API that do not tell false from absent (no pointers in Go). */
const plainBooleans = new Set([
  ...['hostNetwork', 'hostPID', 'hostIPC', 'stdin', 'stdinOnce', 'tty', 'readOnly', 'paused'],
]);

/** Numbers of the API that do not tell 0 from absent. */
const plainNumbers = new Set(['hostPort', 'minReadySeconds', 'initialDelaySeconds', 'generation']);

/** What reading an object found. */
export interface Decoded {
  readonly value: unknown;
  /** Paths of fields that the API does not have; `value` is without them. */
  readonly unknownFields: readonly string[];
}

/**
 * Reads a JSON value as the API server decodes it into a Go struct and writes it again: fields that
 * do not exist are dropped and named, a value of another type is refused, and what Go omits as empty
 * is gone. What comes out is always in the same order, whatever order it was sent in.
 *
 * @param model name of the client's model class
 * @throws {ApiError} 400 for a value of the wrong type
 */
export function decode(model: string, value: unknown): Decoded {
  const unknownFields: string[] = [];
  return { value: read(value, { type: model, path: '', field: '', unknownFields }), unknownFields };
}

interface Place {
  readonly type: string;
  readonly path: string;
  readonly field: string;
  readonly unknownFields: string[];
}

/** The value as the server keeps it; undefined where it would omit it. */
function read(value: unknown, place: Place): unknown {
  if (value === null || value === undefined) return undefined;
  const element = /^Array<(.+)>$/.exec(place.type)?.[1];
  if (element !== undefined) return readList(value, { ...place, type: element });
  const member = /^{ \[key: string\]: (.+); }$/.exec(place.type)?.[1];
  if (member !== undefined) return readMap(value, { ...place, type: member });
  const model = (models as unknown as Record<string, Model | undefined>)[place.type];
  if (model?.getAttributeTypeMap !== undefined) return readObject(value, model, place);
  return readScalar(value, place);
}

function readList(value: unknown, place: Place): unknown {
  if (!Array.isArray(value)) throw mismatch(value, place, 'array');
  const items = value.map((item, index) => read(item, { ...place, path: `${place.path}[${index}]` }) ?? '');
  return items.length === 0 ? undefined : items;
}

function readMap(value: unknown, place: Place): unknown {
  if (!isObject(value)) throw mismatch(value, place, 'map');
  // An empty string is a value here: a label without one, for example.
  const members = Object.entries(value)
    .sort(byName)
    .map(([key, item]) => [
      key,
      item === '' ? '' : read(item, { ...place, path: `${place.path}.${key}`, field: key }),
    ]);
  return members.length === 0 ? undefined : Object.fromEntries(members);
}

function byName([a]: [string, unknown], [b]: [string, unknown]): number {
  return a < b ? -1 : 1;
}

function readObject(value: unknown, model: Model, place: Place): unknown {
  if (!isObject(value)) throw mismatch(value, place, 'object');
  const pathOf = (field: string) => (place.path === '' ? field : `${place.path}.${field}`);
  const kept: Record<string, unknown> = {};
  const attributes = model.getAttributeTypeMap();
  for (const { baseName: field, type } of attributes) {
    const item = read(value[field], { ...place, type, path: pathOf(field), field });
    if (item !== undefined) kept[field] = item;
  }
  const known = new Set(attributes.map(({ baseName }) => baseName));
  place.unknownFields.push(
    ...Object.keys(value)
      .filter((field) => !known.has(field))
      .map(pathOf),
  );
  return kept;
}

function readScalar(value: unknown, place: Place): unknown {
  const expected = scalarTypes[place.type];
  if (expected !== undefined && !expected.includes(typeof value)) throw mismatch(value, place, place.type);
  if (place.type === 'V1MicroTime' && !microTime.test(String(value))) {
    throw badRequest(
      `parsing time ${JSON.stringify(value)} as "2006-01-02T15:04:05.000000Z07:00": cannot parse (${place.path})`,
    );
  }
  if (value === '' && !pointerStrings.has(place.field)) return undefined;
  if (value === false && plainBooleans.has(place.field)) return undefined;
  if (value === 0 && plainNumbers.has(place.field)) return undefined;
  return value;
}

/** Leases are strict about their times: exactly six digits after the point. */
const microTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|[+-]\d\d:\d\d)$/;

/** JavaScript types that each scalar of the models may have. */
const scalarTypes: Readonly<Record<string, readonly string[]>> = {
  string: ['string'],
  number: ['number'],
  boolean: ['boolean'],
  Date: ['string'],
  V1MicroTime: ['string'],
  IntOrString: ['string', 'number'],
};

function mismatch(value: unknown, { path }: Place, expected: string) {
  const found = Array.isArray(value) ? 'array' : typeof value;
  const names: Record<string, string> = {
    boolean: 'bool',
    string: 'string',
    number: 'number',
    object: 'object',
  };
  return badRequest(
    `json: cannot unmarshal ${names[found] ?? found} into Go struct field ${path} of type ${expected}`,
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
