/** The deletion switch: the first of the settings that a run changes. */
import { entryOf } from './setting-change.ts';
import { isAsRunsSetIt, recordOf, type SettingRecord } from './setting-record.ts';
import type { EnvEntry, Workload, WorkloadContainer } from './workload.ts';

/** What the setting is now. */
export interface Setting {
  /** The variable's entry, `undefined` when there is none. */
  readonly entry: EnvEntry | undefined;
  /** The literal value is `true`. A reference is never taken for it. */
  readonly enabled: boolean;
  /** Present while a run has a setting changed, or after one that could not put it back. */
  readonly record: SettingRecord | undefined;
}

/**
 * Reads the setting from a workload.
 *
 * @throws RefusedError when the variable is given twice, or the annotation cannot be understood.
 */
export function readSetting(workload: Workload, container: WorkloadContainer): Setting {
  const entry = entryOf(workload, container, 'deletion');
  return { entry, enabled: isAsRunsSetIt('deletion', entry), record: recordOf(workload) };
}
