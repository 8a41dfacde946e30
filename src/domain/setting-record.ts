/**
 * The settings of the registry that a run may change, and the annotation of its workload that records, for as long as
 * one is changed, what was there before.
 */
import { RefusedError } from './errors.ts';
import { isObject, parseObject } from './json.ts';
import { describe, type EnvEntry, type Workload } from './workload.ts';

/** Docker Distribution's override of `storage.delete.enabled` (distribution docs, "Configuring a registry"). */
export const VARIABLE = 'REGISTRY_STORAGE_DELETE_ENABLED';
/** The same for `storage.maintenance.readonly`, which has to be a map. */
export const READ_ONLY_VARIABLE = 'REGISTRY_STORAGE_MAINTENANCE_READONLY';
/** It has its name from the first of the settings; earlier versions know it by that. */
export const ANNOTATION = 'docker-registry-cleaner/deletion-enabled';

export type SettingKey = 'deletion' | 'readOnly';

/** Each setting is one variable of the registry's container; this is what a run sets it to. */
const settings: Readonly<Record<SettingKey, { readonly name: string; readonly value: string }>> = {
  deletion: { name: VARIABLE, value: 'true' },
  readOnly: { name: READ_ONLY_VARIABLE, value: '{"enabled":true}' },
};
export const settingKeys = Object.keys(settings) as readonly SettingKey[];

/** The entry of the container's `env` that a run sets. */
export function changedEntry(key: SettingKey): EnvEntry {
  return settings[key];
}

/** The entry is what a run sets; a reference is never taken for it. */
export function isAsRunsSetIt(key: SettingKey, entry: EnvEntry | undefined): boolean {
  const { value } = settings[key];
  return entry?.valueFrom === undefined && entry?.value?.toLowerCase() === value;
}

/**
 * What was there before. `absent` also says whether the container had an `env` at all, since an empty list and none
 * differ in a template.
 */
export type Previous =
  | { readonly form: 'absent'; readonly hadEnv: boolean }
  | { readonly form: 'literal'; readonly value?: string }
  | { readonly form: 'reference'; readonly valueFrom: Readonly<Record<string, unknown>> };

/** Of each setting that a run has changed, in the order in which it has. */
type PreviousSettings = Readonly<Partial<Record<SettingKey, Previous>>>;

/** The annotation's content. */
export interface SettingRecord {
  readonly run: string;
  /** `user@host` of who changed the first of the settings. */
  readonly by: string;
  /** ISO 8601. */
  readonly since: string;
  readonly container: string;
  readonly previous: PreviousSettings;
}

/** The settings that the record tells of, in the order in which they were changed. */
export function recordedKeys({ previous }: Pick<SettingRecord, 'previous'>): readonly SettingKey[] {
  return Object.keys(previous) as SettingKey[];
}

/** What a run has done to the registry, as sentences go on: `enabled deletion`. */
export function describeChanges(record: Pick<SettingRecord, 'previous'>): string {
  const words = { deletion: 'enabled deletion', readOnly: 'made the registry read-only' } as const;
  return recordedKeys(record)
    .map((key) => words[key])
    .join(' and ');
}

/** The record of the run that has a setting changed, whatever container it names. @throws RefusedError as `readSetting` */
export function recordOf(workload: Workload): SettingRecord | undefined {
  const text = workload.annotations?.[ANNOTATION];
  if (text === undefined) return undefined;
  const record = parseRecord(text);
  if (record !== undefined) return record;
  throw new RefusedError(`The annotation ${ANNOTATION} of ${describe(workload)} cannot be understood.`, {
    next:
      `Look at ${VARIABLE} and ${READ_ONLY_VARIABLE} in its template, put them right by hand, remove the annotation, ` +
      'then start again (README, "By hand").',
  });
}

/**
 * The annotation's content as text. Where deletion alone is changed it is as early versions of this program write it,
 * and understand it; they refuse any other, rather than put back a part of it.
 */
export function recordText({ previous, ...who }: SettingRecord): string {
  const { deletion, ...others } = previous;
  const isEarlyForm = deletion !== undefined && Object.keys(others).length === 0;
  return JSON.stringify(isEarlyForm ? { ...who, previous: deletion } : { ...who, settings: previous });
}

/** The annotation's content as text, and `undefined` for any other text. */
export function parseRecord(text: string): SettingRecord | undefined {
  const record = parseObject(text);
  if (!record) return undefined;
  const previous = 'settings' in record ? parseSettings(record.settings) : parseEarly(record.previous);
  const [run, by, since, container] = ['run', 'by', 'since', 'container'].map((key) =>
    typeof record[key] === 'string' ? record[key] : undefined,
  );
  if (run === undefined || by === undefined || since === undefined || !container || !previous)
    return undefined;
  return { run, by, since, container, previous };
}

function parseEarly(value: unknown): PreviousSettings | undefined {
  const deletion = parsePrevious(value);
  return deletion && { deletion };
}

function parseSettings(value: unknown): PreviousSettings | undefined {
  if (!isObject(value)) return undefined;
  const parsed: Partial<Record<SettingKey, Previous>> = {};
  for (const [key, each] of Object.entries(value)) {
    const previous = parsePrevious(each);
    // One that this version does not know must not be left as it is when the rest is put back.
    if (!previous || !Object.hasOwn(settings, key)) return undefined;
    parsed[key as SettingKey] = previous;
  }
  return Object.keys(parsed).length === 0 ? undefined : parsed;
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
