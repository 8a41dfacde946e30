/**
 * Changes to the registry's settings. A setting is one variable of its container; one annotation of its workload records
 * what was there before. Both change in one JSON patch, so whoever finds the annotation can put everything back exactly,
 * without anything else.
 */
import { EnvChange } from './env-change.ts';
import { RefusedError } from './errors.ts';
import { registryContainer } from './registry-container.ts';
import {
  ANNOTATION,
  changedEntry,
  isAsRunsSetIt,
  type Previous,
  parseRecord,
  recordedKeys,
  recordText,
  type SettingKey,
  type SettingRecord,
} from './setting-record.ts';
import {
  describe,
  type EnvEntry,
  type JsonPatch,
  type JsonPatchOperation,
  type Workload,
  type WorkloadContainer,
} from './workload.ts';

/**
 * The variable's entry, `undefined` when there is none.
 *
 * @throws RefusedError when the variable is given twice
 */
export function entryOf(
  workload: Workload,
  container: WorkloadContainer,
  key: SettingKey,
): EnvEntry | undefined {
  const { name } = changedEntry(key);
  const entries = (container.env ?? []).filter((entry) => entry.name === name);
  if (entries.length > 1)
    throw new RefusedError(`${describe(workload)} sets ${name} ${entries.length} times.`, {
      next: 'Leave one of them, then start again.',
    });
  return entries[0];
}

/** The setting is what a run sets it to, by whomever. @throws RefusedError as `entryOf` */
export function isChanged(workload: Workload, container: WorkloadContainer, key: SettingKey): boolean {
  return isAsRunsSetIt(key, entryOf(workload, container, key));
}

/** What one patch changes. */
interface Change {
  readonly container: WorkloadContainer;
  /** The record of what is changed already, by the same run. */
  readonly record: SettingRecord | undefined;
  /** Put back. Those of the record that are not named here stay changed. */
  readonly restore: readonly SettingKey[];
  readonly set: readonly SettingKey[];
  readonly who: Pick<SettingRecord, 'run' | 'by' | 'since'>;
}

/**
 * Changes settings, puts others back, and records what was there before any of it, in one patch that fails if the
 * workload has changed meanwhile.
 */
export function changePatch(
  workload: Workload,
  { container, record, restore, set, who }: Change,
): { patch: JsonPatch; record: SettingRecord } {
  const env = new EnvChange(`${containerPath(workload, container)}/env`, container.env);
  const previous: Partial<Record<SettingKey, Previous>> = { ...record?.previous };
  for (const key of restore.toReversed()) {
    const before = previous[key];
    if (before) env.restore(key, before);
    delete previous[key];
  }
  for (const key of set) previous[key] ??= env.set(key);
  const { run, by, since } = record ?? who;
  const after = { run, by, since, container: container.name, previous };
  const patch = [...guards(workload, container), ...env.operations, ...annotate(workload, after)];
  return { patch, record: after };
}

/** Writes the annotation again that somebody has stripped while a setting was changed. */
export function annotatePatch(workload: Workload, record: SettingRecord): JsonPatch {
  return [...guards(workload, recordedContainer(workload, record)), ...annotate(workload, record)];
}

/**
 * Puts all settings back and removes the annotation, if it is there, in one patch. Where a variable is no longer what a
 * run of this program sets, somebody else has decided since: it stays.
 */
export function restorePatch(workload: Workload, record: SettingRecord): JsonPatch {
  const container = recordedContainer(workload, record);
  const env = new EnvChange(`${containerPath(workload, container)}/env`, container.env);
  for (const key of recordedKeys(record).toReversed()) {
    const before = record.previous[key];
    if (before) env.restore(key, before);
  }
  return [
    ...guards(workload, container),
    ...env.operations,
    ...(workload.annotations?.[ANNOTATION] === undefined
      ? []
      : [{ op: 'remove', path: annotationPath() } as const]),
  ];
}

/** Some setting is still what the run has made it. */
export function isStillChanged(workload: Workload, record: SettingRecord): boolean {
  const container = recordedContainer(workload, record);
  return recordedKeys(record).some((key) => isChanged(workload, container, key));
}

/**
 * What a run has recorded, by the text that was kept elsewhere than in the annotation: operators and GitOps tools strip
 * annotations that they do not know. `undefined` when no variable is what a run sets: then all has been put back.
 */
export function keptRecord(workload: Workload, kept: string | undefined): SettingRecord | undefined {
  const record = kept === undefined ? undefined : parseRecord(kept);
  const container = workload.containers.find(({ name }) => name === record?.container);
  return record && container && isStillChanged(workload, record) ? record : undefined;
}

/** The container that the record names. @throws RefusedError when the workload has no such container any more. */
export function recordedContainer(workload: Workload, record: SettingRecord): WorkloadContainer {
  return registryContainer(workload, { name: record.container });
}

/** The command that does by hand what `restorePatch` does, to be copied into a POSIX shell. */
export function manualRestore(
  workload: Workload,
  record: SettingRecord,
  where: { readonly context: string; readonly kubeconfig: string | undefined },
): string {
  // Without the guard on the resource version, which is out of date by the time somebody runs the command.
  const patch = restorePatch(workload, record).filter((operation) => operation.path !== RESOURCE_VERSION);
  const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;
  return [
    'kubectl',
    ...(where.kubeconfig === undefined ? [] : ['--kubeconfig', quoted(where.kubeconfig)]),
    ...(where.context === '' ? [] : ['--context', quoted(where.context)]),
    '-n',
    workload.namespace,
    'patch',
    `${workload.kind.toLowerCase()}/${workload.name}`,
    '--type=json',
    '-p',
    quoted(JSON.stringify(patch)),
  ].join(' ');
}

function annotate(workload: Workload, record: SettingRecord): JsonPatchOperation[] {
  return [
    ...(workload.annotations ? [] : [{ op: 'add', path: '/metadata/annotations', value: {} } as const]),
    { op: 'add', path: annotationPath(), value: recordText(record) },
  ];
}

const RESOURCE_VERSION = '/metadata/resourceVersion';

/** The patch fails if the object, or the order of its containers, is not the one that was read. */
function guards(workload: Workload, container: WorkloadContainer): JsonPatchOperation[] {
  return [
    { op: 'test', path: RESOURCE_VERSION, value: workload.resourceVersion },
    { op: 'test', path: `${containerPath(workload, container)}/name`, value: container.name },
  ];
}

function containerPath(workload: Workload, container: WorkloadContainer): string {
  return `/spec/template/spec/containers/${workload.containers.indexOf(container)}`;
}

/** RFC 6901: a `/` within a name is written `~1`. */
function annotationPath(): string {
  return `/metadata/annotations/${ANNOTATION.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}
