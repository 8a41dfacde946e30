/** A whole world of fakes: a cluster with a registry, a disk, and programs that start, die and start again. */
import { Tally, type World } from '../../../src/commands/world.ts';
import { parseEnvironmentsFile } from '../../../src/domain/environments.ts';
import { RefusedError } from '../../../src/domain/errors.ts';
import type { Permission } from '../../../src/domain/permissions.ts';
import type { EnvEntry } from '../../../src/domain/workload.ts';
import type { RawOptions } from '../../../src/options/values.ts';
import { type Options, readOptions } from '../../../src/options.ts';
import type { RunStore } from '../../../src/ports.ts';
import { FakeClock } from './clock.ts';
import { FakeCollector } from './collector.ts';
import { FakeImagesInUse } from './in-use.ts';
import { FakeLeasePlace } from './lease.ts';
import { MemoryManifests } from './manifest-cache.ts';
import { FakePerson } from './person.ts';
import { FakePodPlace } from './pod.ts';
import { FakeRegistry } from './registry.ts';
import { MemoryDisk } from './run-store.ts';
import { FakeWorkload } from './workload.ts';

export function options(flags: RawOptions = {}): Options {
  const unchanged = (path: string) => path;
  return readOptions({ flags, environment: {}, resolvePath: unchanged, resolveDefault: unchanged });
}

export class FakeWorld {
  readonly clock = new FakeClock();
  readonly registry = new FakeRegistry();
  readonly pod = new FakePodPlace();
  readonly lease = new FakeLeasePlace();
  readonly imagesInUse = new FakeImagesInUse();
  readonly collector = new FakeCollector();
  readonly disk = new MemoryDisk();
  readonly manifests = new MemoryManifests();
  /** Files that were written for the user. */
  readonly files = new Map<string, string>();
  readonly workload: FakeWorkload;
  /** The environments file. */
  environments = '';
  clusterUid = 'cluster-1';
  missing: readonly Permission[] = [];
  openUploads: () => number = () => 0;
  /** Asked for what a program is allowed to do before anything else. */
  openStore: () => Promise<RunStore> = async () => this.disk.open();
  #runs = 0;

  constructor(env?: readonly EnvEntry[]) {
    this.workload = new FakeWorkload(this.clock, env);
    this.registry.deletionEnabled = () => this.workload.deletionEnabled();
    this.registry.isUp = () => this.workload.isUp();
  }

  /** Another program starts, with these flags. */
  start(flags: RawOptions = {}): Program {
    return new Program(this, flags);
  }

  nextRunId(): string {
    this.#runs += 1;
    return `20261123T10000${this.#runs}Z-00000${this.#runs}`;
  }
}

/** One start of the program. */
export class Program {
  readonly world: World;
  readonly person = new FakePerson();
  readonly tally = new Tally();
  readonly #work = new AbortController();

  constructor(fake: FakeWorld, flags: RawOptions) {
    const connection = (run: string, scope?: { anyRun: boolean }) => ({
      cluster: {
        identity: async () => ({ uid: fake.clusterUid, context: 'prod', server: 'https://prod:6443' }),
        missingPermissions: async () => fake.missing,
        registryCredentials: async () => ({ username: 'domino-registry', password: 'secret' }),
      },
      workload: fake.workload,
      lease: fake.lease.port(run),
      imagesInUse: fake.imagesInUse,
      pod: fake.pod.port(run, scope),
      podShell: { open: () => Promise.reject(new Error('no command runs in these tests')) },
      openUploads: { count: async () => fake.openUploads() },
      collector: fake.collector,
      podDialer: noDialer,
      portForward: noDialer,
      permissions: () => [],
    });
    const alarm = fake.clock.alarm();
    this.world = {
      options: options(flags),
      person: this.person,
      clock: fake.clock,
      startedAtMs: fake.clock.now(),
      work: AbortSignal.any([this.#work.signal, alarm.signal]),
      alarm,
      report: fake.disk.reports(),
      archive: fake.disk.archive(),
      safety: new AbortController().signal,
      operator: 'ann@laptop',
      password: undefined,
      readEnvironments: async () => entriesOf(fake.environments),
      readInUse: async () => [],
      openManifestCache: async ({ clusterUid, registry }) => fake.manifests.open(`${clusterUid} ${registry}`),
      newFile: async (path) => {
        if (fake.files.has(path)) throw new RefusedError(`There is a file ${path} already.`);
        return { write: async (text) => void fake.files.set(path, text) };
      },
      openStore: () => fake.openStore(),
      connect: async (run, scope) => connection(run, scope),
      openRegistry: async () => fake.registry,
      newRunId: () => fake.nextRunId(),
    };
  }

  /** A signal is sent to the program. */
  interrupt(reason: Error): void {
    this.#work.abort(reason);
  }
}

function noDialer(): never {
  throw new Error('nothing is dialled in these tests');
}

function entriesOf(text: string) {
  const { entries, faults } = parseEnvironmentsFile(text);
  const [fault] = faults;
  if (fault) throw new Error(`line ${fault.line}: ${fault.problem}`);
  return entries;
}
