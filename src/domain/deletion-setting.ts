/**
 * The deletion switch: one environment variable of the registry's container, and one annotation of its workload that
 * records what was there before. Both change in one JSON patch, so whoever finds the annotation can put the setting
 * back exactly, without anything else.
 */
import { RefusedError } from './errors.ts';
import type { EnvEntry, JsonPatch, JsonPatchOperation, Workload, WorkloadContainer } from './workload.ts';

/** Docker Distribution's override of `storage.delete.enabled` (distribution docs, "Configuring a registry"). */
export const VARIABLE = 'REGISTRY_STORAGE_DELETE_ENABLED';
export const ANNOTATION = 'docker-registry-cleaner/deletion-enabled';
const ENABLED: EnvEntry = { name: VARIABLE, value: 'true' };
/** The last part of the name decides: `registry:5000/proxy` is a proxy that comes from a registry. */
const REGISTRY_IMAGE = /(?:^|\/)(?:registry|docker-registry|distribution)(?:[:@][^/]*)?$/;

/**
 * What was there before. `absent` also says whether the container had an `env` at all, since an empty list and none
 * differ in a template.
 */
type Previous =
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
 * Picks the registry's container: by the given name, else by name, port or image, else the only one.
 *
 * @throws RefusedError when it is ambiguous or not there.
 */
export function registryContainer(
  workload: Workload,
  wanted: { name?: string | undefined; port?: number | undefined },
): WorkloadContainer {
  const { containers } = workload;
  const names = containers.map((container) => container.name).join(', ');
  const here = `${describe(workload)} has the containers ${names}`;
  if (wanted.name !== undefined) {
    const named = containers.find((container) => container.name === wanted.name);
    if (named) return named;
    throw new RefusedError(`There is no container "${wanted.name}": ${here}.`, {
      next: 'Give one of these with --registry-container.',
    });
  }
  const tests: ((container: WorkloadContainer) => boolean)[] = [
    (container) => container.name === 'registry' || container.name === 'docker-registry',
    (container) => wanted.port !== undefined && container.ports.includes(wanted.port),
    (container) => REGISTRY_IMAGE.test(container.image),
    () => containers.length === 1,
  ];
  for (const test of tests) {
    const [match, ...more] = containers.filter(test);
    if (match && more.length === 0) return match;
  }
  throw new RefusedError(`It is not clear which container is the registry: ${here}.`, {
    next: 'Name it with --registry-container.',
  });
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

/** The record of the run that has deletion enabled, whatever container it names. @throws RefusedError as `readSetting` */
export function recordOf(workload: Workload): SettingRecord | undefined {
  const text = workload.annotations?.[ANNOTATION];
  return text === undefined ? undefined : parseRecord(text, workload);
}

/** Enables deletion and records what was there, in one patch that fails if the workload has changed meanwhile. */
export function enablePatch(
  workload: Workload,
  setting: Setting,
  who: Pick<SettingRecord, 'run' | 'by' | 'since'>,
): JsonPatch {
  const { container, entry } = setting;
  const record: SettingRecord = { ...who, container: container.name, previous: previousOf(container, entry) };
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
  return [
    ...guards(workload, container),
    ...change,
    ...(workload.annotations ? [] : [{ op: 'add', path: '/metadata/annotations', value: {} } as const]),
    { op: 'add', path: annotationPath(), value: JSON.stringify(record) },
  ];
}

/**
 * Puts the setting back and removes the annotation, in one patch. Where the variable is no longer what a run of this
 * program sets, somebody else has decided since: then only the annotation goes.
 */
export function restorePatch(workload: Workload, record: SettingRecord): JsonPatch {
  const container = recordedContainer(workload, record);
  return [
    ...guards(workload, container),
    ...variableChange(workload, container, record.previous),
    { op: 'remove', path: annotationPath() },
  ];
}

/** `true` when the variable is still what a run sets; `false` when somebody has changed it meanwhile. */
export function isOurs(setting: Setting): boolean {
  return setting.record !== undefined && setting.enabled;
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

/** `StatefulSet docker-registry in namespace domino-platform`. */
export function describe(workload: Pick<Workload, 'kind' | 'name' | 'namespace'>): string {
  return `${workload.kind} ${workload.name} in namespace ${workload.namespace}`;
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

function parseRecord(text: string, workload: Workload): SettingRecord {
  const record = parseJson(text);
  const previous = isObject(record) ? parsePrevious(record.previous) : undefined;
  const [run, by, since, container] = ['run', 'by', 'since', 'container'].map((key) =>
    isObject(record) && typeof record[key] === 'string' ? record[key] : undefined,
  );
  if (run === undefined || by === undefined || since === undefined || !container || !previous)
    throw new RefusedError(`The annotation ${ANNOTATION} of ${describe(workload)} cannot be understood.`, {
      next:
        `Look at ${VARIABLE} in its template, put it right by hand, remove the annotation, then start again ` +
        '(README, "By hand").',
    });
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
