/** The annotation of the registry's workload that records, while deletion is enabled, what was there before. */
import { RefusedError } from './errors.ts';
import { describe, type Workload } from './workload.ts';

/** Docker Distribution's override of `storage.delete.enabled` (distribution docs, "Configuring a registry"). */
export const VARIABLE = 'REGISTRY_STORAGE_DELETE_ENABLED';
export const ANNOTATION = 'docker-registry-cleaner/deletion-enabled';

/**
 * What was there before. `absent` also says whether the container had an `env` at all, since an empty list and none
 * differ in a template.
 */
export type Previous =
  | { readonly form: 'absent'; readonly hadEnv: boolean }
  | { readonly form: 'literal'; readonly value?: string }
  | { readonly form: 'reference'; readonly valueFrom: Readonly<Record<string, unknown>> };

/** The annotation's content. */
export interface SettingRecord {
  readonly run: string;
  /** `user@host` of who enabled deletion. */
  readonly by: string;
  /** ISO 8601. */
  readonly since: string;
  readonly container: string;
  readonly previous: Previous;
}

/** The record of the run that has deletion enabled, whatever container it names. @throws RefusedError as `readSetting` */
export function recordOf(workload: Workload): SettingRecord | undefined {
  const text = workload.annotations?.[ANNOTATION];
  if (text === undefined) return undefined;
  const record = parseRecord(text);
  if (record !== undefined) return record;
  throw new RefusedError(`The annotation ${ANNOTATION} of ${describe(workload)} cannot be understood.`, {
    next:
      `Look at ${VARIABLE} in its template, put it right by hand, remove the annotation, then start again ` +
      '(README, "By hand").',
  });
}

/** The annotation's content as text, and `undefined` for any other text. */
export function parseRecord(text: string): SettingRecord | undefined {
  const record = parseJson(text);
  const previous = isObject(record) ? parsePrevious(record.previous) : undefined;
  const [run, by, since, container] = ['run', 'by', 'since', 'container'].map((key) =>
    isObject(record) && typeof record[key] === 'string' ? record[key] : undefined,
  );
  if (run === undefined || by === undefined || since === undefined || !container || !previous)
    return undefined;
  return { run, by, since, container, previous };
}

function parsePrevious(value: unknown): Previous | undefined {
  if (!isObject(value)) return undefined;
  switch (value.form) {
    case 'absent':
      return typeof value.hadEnv === 'boolean' ? { form: 'absent', hadEnv: value.hadEnv } : undefined;
    case 'literal':
      if (value.value === undefined) return { form: 'literal' };
      return typeof value.value === 'string' ? { form: 'literal', value: value.value } : undefined;
    case 'reference':
      return isObject(value.valueFrom) ? { form: 'reference', valueFrom: value.valueFrom } : undefined;
    default:
      return undefined;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
