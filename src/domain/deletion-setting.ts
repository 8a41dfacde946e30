/**
 * The deletion switch: one environment variable of the registry's container, and one annotation of its workload that
 * records what was there before. Both change in one JSON patch, so whoever finds the annotation can put the setting
 * back exactly, without anything else.
 */
import { RefusedError } from './errors.ts';
import { registryContainer } from './registry-container.ts';
import {
  ANNOTATION,
  type Previous,
  parseRecord,
  recordOf,
  type SettingRecord,
  VARIABLE,
} from './setting-record.ts';
import {
  describe,
  type EnvEntry,
  type JsonPatch,
  type JsonPatchOperation,
  type Workload,
  type WorkloadContainer,
} from './workload.ts';

const ENABLED: EnvEntry = { name: VARIABLE, value: 'true' };
/** What the setting is now. */
export interface Setting {
  readonly container: WorkloadContainer;
  /** The variable's entry, `undefined` when there is none. */
  readonly entry: EnvEntry | undefined;
  /** The literal value is `true`. A reference is never taken for it. */
  readonly enabled: boolean;
  /** Present while a run has deletion enabled, or after one that could not put it back. */
  readonly record: SettingRecord | undefined;
}

/**
 * Reads the setting from a workload.
 *
 * @throws RefusedError when the variable is given twice, or the annotation cannot be understood.
 */
export function readSetting(workload: Workload, container: WorkloadContainer): Setting {
  const entries = (container.env ?? []).filter((entry) => entry.name === VARIABLE);
  if (entries.length > 1)
    throw new RefusedError(`${describe(workload)} sets ${VARIABLE} ${entries.length} times.`, {
      next: 'Leave one of them, then start again.',
    });
  const [entry] = entries;
  return {
    container,
    entry,
    enabled: entry?.value?.toLowerCase() === 'true' && entry.valueFrom === undefined,
    record: recordOf(workload),
  };
}

/** What is to be recorded when deletion is enabled. */
export function recordFor(
  { container, entry }: Setting,
  who: Pick<SettingRecord, 'run' | 'by' | 'since'>,
): SettingRecord {
  return { ...who, container: container.name, previous: previousOf(container, entry) };
}

/** The annotation's content. */
export function recordText(record: SettingRecord): string {
  return JSON.stringify(record);
}

/**
 * What a run has recorded, by the text that was kept elsewhere than in the annotation: operators and GitOps tools strip
 * annotations that they do not know. `undefined` when the variable is not what a run sets: then it has been put back.
 */
export function keptRecord(workload: Workload, kept: string | undefined): SettingRecord | undefined {
  const record = kept === undefined ? undefined : parseRecord(kept);
  const container = workload.containers.find(({ name }) => name === record?.container);
  return container && readSetting(workload, container).enabled ? record : undefined;
}

/** Enables deletion and records what was there, in one patch that fails if the workload has changed meanwhile. */
export function enablePatch(workload: Workload, setting: Setting, record: SettingRecord): JsonPatch {
  const { container, entry } = setting;
  const env = `${containerPath(workload, container)}/env`;
  const change: JsonPatchOperation[] =
    container.env === undefined
      ? [{ op: 'add', path: env, value: [ENABLED] }]
      : entry === undefined
        ? [{ op: 'add', path: `${env}/-`, value: ENABLED }]
        : [
            { op: 'test', path: `${env}/${container.env.indexOf(entry)}`, value: entry },
            { op: 'replace', path: `${env}/${container.env.indexOf(entry)}`, value: ENABLED },
          ];
  return [...guards(workload, container), ...change, ...annotate(workload, record)];
}

/** Writes the annotation again that somebody has stripped while deletion was enabled. */
export function annotatePatch(workload: Workload, record: SettingRecord): JsonPatch {
  return [...guards(workload, recordedContainer(workload, record)), ...annotate(workload, record)];
}

function annotate(workload: Workload, record: SettingRecord): JsonPatchOperation[] {
  return [
    ...(workload.annotations ? [] : [{ op: 'add', path: '/metadata/annotations', value: {} } as const]),
    { op: 'add', path: annotationPath(), value: recordText(record) },
  ];
}

/**
 * Puts the setting back and removes the annotation, if it is there, in one patch. Where the variable is no longer what a run of this
 * program sets, somebody else has decided since: then only the annotation goes.
 */
export function restorePatch(workload: Workload, record: SettingRecord): JsonPatch {
  const container = recordedContainer(workload, record);
  return [
    ...guards(workload, container),
    ...variableChange(workload, container, record.previous),
    ...(workload.annotations?.[ANNOTATION] === undefined
      ? []
      : [{ op: 'remove', path: annotationPath() } as const]),
  ];
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

function previousOf(container: WorkloadContainer, entry: EnvEntry | undefined): Previous {
  if (entry === undefined) return { form: 'absent', hadEnv: container.env !== undefined };
  if (entry.valueFrom !== undefined) return { form: 'reference', valueFrom: entry.valueFrom };
  return entry.value === undefined ? { form: 'literal' } : { form: 'literal', value: entry.value };
}

function variableChange(
  workload: Workload,
  container: WorkloadContainer,
  previous: Previous,
): JsonPatchOperation[] {
  const env = container.env ?? [];
  const index = env.findIndex((entry) => entry.name === VARIABLE && entry.value?.toLowerCase() === 'true');
  if (index < 0) return [];
  const path = `${containerPath(workload, container)}/env`;
  const at = `${path}/${index}`;
  // The tests are for the command that is run by hand: by then the guard on the resource version is gone.
  const test: JsonPatchOperation = { op: 'test', path: at, value: env[index] };
  switch (previous.form) {
    case 'absent':
      return previous.hadEnv || env.length > 1
        ? [test, { op: 'remove', path: at }]
        : [
            { op: 'test', path, value: env },
            { op: 'remove', path },
          ];
    case 'literal':
      return [test, { op: 'replace', path: at, value: { name: VARIABLE, ...literalValue(previous) } }];
    case 'reference':
      return [test, { op: 'replace', path: at, value: { name: VARIABLE, valueFrom: previous.valueFrom } }];
  }
}

function literalValue(previous: { readonly value?: string }): { value?: string } {
  return previous.value === undefined ? {} : { value: previous.value };
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
