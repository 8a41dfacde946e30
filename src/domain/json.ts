/** JSON from elsewhere: whatever it may be, it is no reason to fail. */

type JsonObject = Readonly<Record<string, unknown>>;

/** Not so a list, nor `null`. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `undefined` for what is no JSON, or no object. */
export function parseObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/**
 * A list of names. Go writes `null` for one that is empty.
 *
 * @returns `undefined` for what is no list, or has something in it that is no such name
 */
export function readNames<T>(
  list: unknown,
  parseName: (text: string) => T | undefined,
): readonly T[] | undefined {
  if (list === null) return [];
  if (!Array.isArray(list)) return undefined;
  const names = list.map((each: unknown) => (typeof each === 'string' ? parseName(each) : undefined));
  return names.every((name) => name !== undefined) ? names : undefined;
}
