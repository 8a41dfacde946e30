/** The only place that builds adapters. */
import { randomBytes } from 'node:crypto';
import { hostname, userInfo } from 'node:os';
import { resolve } from 'node:path';
import { createAlarm } from './adapters/alarm.ts';
import { systemClock } from './adapters/clock.ts';
import { readEnvironmentsText, readInUseText } from './adapters/input-file.ts';
import { connectCluster } from './adapters/kubernetes/connect.ts';
import { requiredPermissions } from './adapters/kubernetes/permissions.ts';
import { parseWorkloadName } from './adapters/kubernetes/workload.ts';
import { openNewFile } from './adapters/output-file.ts';
import { listenForSignals } from './adapters/signals.ts';
import { openManifestCache } from './adapters/storage/manifest-cache.ts';
import { openRunArchive } from './adapters/storage/run-archive.ts';
import { openRunStore } from './adapters/storage/run-store.ts';
import { createPerson } from './adapters/terminal/person.ts';
import type { World } from './commands/world.ts';
import { type OpenedRegistry, openRegistry } from './compose/registry.ts';
import { createReportWriter } from './compose/report.ts';
import { type EnvironmentEntry, parseEnvironmentsFile } from './domain/environments.ts';
import { UsageError } from './domain/errors.ts';
import type { ImageUse } from './domain/in-use.ts';
import { parseInUseFile } from './domain/in-use-file.ts';
import type { LineFault } from './domain/lines.ts';
import { plainText } from './domain/text.ts';
import { endOf } from './domain/window.ts';
import { definitionOf } from './options/definitions.ts';
import type { RawOptions } from './options/values.ts';
import type { Verb } from './options/verbs.ts';
import { readOptions } from './options.ts';
import type { RunStore } from './ports.ts';

const PROJECT = resolve(import.meta.dirname, '..');
/** The pod ends by itself after this time, even when nobody is left to delete it; a longer run replaces it. */
const POD_DEADLINE_SECONDS = 6 * 60 * 60;

/** Builds the world of one command. */
export function compose(given: { verb: Verb; flags: RawOptions; password: string | undefined }): {
  world: World;
  close(): Promise<void>;
} {
  const environment = process.env;
  const password = takePassword(environment, given.password);
  // npm starts the program in the project's folder; paths on the command line are meant from where the user is.
  const userFolder = environment.INIT_CWD ?? process.cwd();
  const options = readOptions({
    flags: given.flags,
    environment,
    resolvePath: (path) => resolve(userFolder, path),
    resolveDefault: (path) => resolve(PROJECT, path),
  });
  process.umask(0o077);
  const signals = listenForSignals({
    underNpm: environment.npm_lifecycle_event !== undefined,
    onRepeated: () => person.say('Still putting everything back; please wait.'),
  });
  const alarm = createAlarm();
  const work = AbortSignal.any([signals.signal, alarm.signal]);
  const startedAtMs = performance.timeOrigin;
  // A variable may name a time for commands that do not end by it.
  const window = definitionOf('stop-after').goesWith.includes(given.verb) ? options.stopAfter : undefined;
  const { stdin, stdout, stderr } = process;
  const person = createPerson({
    stdin,
    stdout,
    stderr,
    output: options.output,
    endsAtMs: window && endOf({ ...window, startedAtMs }),
    signal: work,
    interrupt: () => process.kill(process.pid, 'SIGINT'),
  });
  if (given.password !== undefined)
    person.warn(
      "A password on the command line can be read by others in the list of processes, and stays in the shell's history. Set SKOPEO_PASSWORD instead.",
    );

  const open: { store?: RunStore; registries: OpenedRegistry[] } = { registries: [] };
  const world: World = {
    options,
    person: person,
    clock: systemClock,
    startedAtMs,
    work,
    alarm,
    report: createReportWriter(options.report),
    safety: new AbortController().signal,
    operator: operator(),
    password,
    readEnvironments: () => readEnvironments(options.environments),
    readInUse: () => readInUse(options.inUseFile),
    archive: openRunArchive(options.stateDir),
    openManifestCache: ({ clusterUid, namespace, workload, registry }) =>
      openManifestCache(options.stateDir, [clusterUid, namespace, workload, registry, options.via].join(' ')),
    newFile: openNewFile,
    async openStore() {
      open.store = await openRunStore(options.stateDir);
      return open.store;
    },
    async connect(run, scope = { anyRun: false }) {
      const connection = await connectCluster({
        ...options,
        environment,
        onWarning: (text) => person.warn(`The cluster says: ${plainText(text)}`),
        pod: {
          run,
          startedBy: operator(),
          image: options.image,
          imagePullPolicy: options.imagePullPolicy,
          imagePullSecrets: options.imagePullSecrets,
          labels: options.podLabels,
          annotations: options.podAnnotations,
          nodeSelector: options.nodeSelector,
          tolerations: options.tolerations,
          runs: options.via === 'pod' ? 'tunnels' : 'skopeo',
          concurrency: options.concurrency,
          activeDeadlineSeconds: POD_DEADLINE_SECONDS,
          startTimeoutMs: options.podTimeoutMs,
          anyRun: scope.anyRun,
        },
      });
      return {
        ...connection,
        permissions: ({ deleting, reclaiming, route, secret, inUse, workload }) =>
          requiredPermissions({
            ...options,
            workload: workload ?? assumedWorkload(options.registryWorkload),
            route,
            readsSecret: secret,
            deletes: deleting,
            reclaims: reclaiming,
            inUseNamespaces: inUse ? options.inUseNamespaces : undefined,
          }),
      };
    },
    async openRegistry(request) {
      const opened = await openRegistry({ ...request, options, signal: work });
      open.registries.push(opened);
      return opened.registry;
    },
    newRunId: () => newRunId(systemClock.now()),
  };
  return {
    world,
    async close() {
      signals.stop();
      for (const { registry, localShell } of open.registries) {
        await registry.close();
        await localShell?.[Symbol.asyncDispose]();
      }
      await open.store?.close();
    },
  };
}

/** The password; from here on no child process can inherit it. */
function takePassword(environment: NodeJS.ProcessEnv, positional: string | undefined): string | undefined {
  const fromEnvironment = environment.SKOPEO_PASSWORD;
  delete environment.SKOPEO_PASSWORD;
  return fromEnvironment === undefined || fromEnvironment === '' ? positional : fromEnvironment;
}

async function readEnvironments(path: string): Promise<readonly EnvironmentEntry[]> {
  const { entries, faults } = parseEnvironmentsFile(await readEnvironmentsText(path));
  if (faults.length > 0)
    throw new UsageError(`The environments file ${path} cannot be used:\n${tellFaults(faults)}`, {
      next: 'Nothing was touched. Each line is an environment ID and the revisions to retain, separated by blanks.',
    });
  if (entries.length === 0)
    throw new UsageError(`The environments file ${path} names no environment.`, {
      next: 'Put one on each line: its ID, then the revisions to retain.',
    });
  return entries;
}

async function readInUse(path: string | undefined): Promise<readonly ImageUse[]> {
  if (path === undefined) return [];
  const { uses, faults } = parseInUseFile(await readInUseText(path));
  if (faults.length === 0) return uses;
  throw new UsageError(`The in-use file ${path} cannot be used:\n${tellFaults(faults)}`, {
    next: 'Nothing was touched. Each line is an image, by its tag or its digest.',
  });
}

function tellFaults(faults: readonly LineFault[]): string {
  return faults
    .map(({ line, text, problem }) => `  line ${line}: "${plainText(text, 80)}": ${problem}`)
    .join('\n');
}

/** For the permissions, while the real one may not be read. */
function assumedWorkload(option: string) {
  const { kind, name } = parseWorkloadName(option);
  return { kind: kind ?? 'StatefulSet', name, replicas: 1 } as const;
}

function operator(): string {
  return `${userName()}@${hostname()}`;
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A user ID without an entry in the password file, as containers have it.
    return String(process.getuid?.() ?? 'unknown');
  }
}

/** `20261123T153647Z-3f9a1c`: sorts by time, and is a valid label. */
function newRunId(nowMs: number): string {
  const time = new Date(nowMs).toISOString().replaceAll(/[-:]|\.\d+/g, '');
  return `${time}-${randomBytes(3).toString('hex')}`;
}
