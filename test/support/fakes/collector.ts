/** The garbage collector in the registry's pods: it lives in the pod that it was started in, however its client ends. */
import { RefusedError, RegistryError } from '../../../src/domain/errors.ts';
import type { Digest } from '../../../src/domain/names.ts';
import { READ_ONLY_VARIABLE } from '../../../src/domain/setting-record.ts';
import type {
  GarbageCollector,
  RecentUploads,
  RegistryPlace,
  RunningCollector,
  ServingRegistry,
} from '../../../src/ports.ts';

type CollectorCall = keyof GarbageCollector;

export class FakeCollector implements GarbageCollector {
  /** Called before an operation; what it throws is its failure. */
  before: (call: CollectorCall, place: RegistryPlace) => void = () => {};
  /** Called when a collector has come to life; what it throws is an answer that was lost. */
  after: () => void = () => {};
  /** Every blob with its size. */
  readonly stored = new Map<Digest, number>();
  /** Those that nothing needs. */
  readonly garbage = new Set<Digest>();
  /** Used by others on the same volume. */
  usedByOthers = 1_000_000;
  inFiles = true;
  cache = 'inmemory';
  readonly recent: { open: string[]; blobs: Set<Digest> } = { open: [], blobs: new Set() };
  /** The connection breaks after so many lines; the collector goes on. */
  breaksAfter: number | undefined;
  /** How often one that nobody follows is still found before it has come to its end by itself; one that is stuck, always. */
  lingers = 1;
  /** What the collector ends with. */
  exitStatus = 0;
  /** Called for each line that it prints. */
  onLine: (line: string) => void = () => {};
  /** How many run in the pods, by UID. */
  readonly living = new Map<string, number>();
  readonly started: { dryRun: boolean; uid: string }[] = [];
  readonly ended: string[] = [];
  #found = 0;

  /** A collector that somebody has started, and that lives on. */
  haunt({ uid }: { readonly uid: string }): void {
    this.living.set(uid, (this.living.get(uid) ?? 0) + 1);
  }

  async inspect(place: RegistryPlace): Promise<ServingRegistry> {
    await this.#begin('inspect', place);
    return {
      program: '/bin/registry',
      configuration: '/etc/docker/registry/config.yml',
      readOnlyVariables: variablesOf(place),
      inFiles: this.inFiles,
      cache: this.cache,
    };
  }

  async uploads(place: RegistryPlace): Promise<RecentUploads | undefined> {
    await this.#begin('uploads', place);
    return this.inFiles ? { open: [...this.recent.open], blobs: new Set(this.recent.blobs) } : undefined;
  }

  async blobs(place: RegistryPlace): Promise<ReadonlyMap<Digest, number> | undefined> {
    await this.#begin('blobs', place);
    return this.inFiles ? new Map(this.stored) : undefined;
  }

  async usedBytes(place: RegistryPlace): Promise<number | undefined> {
    await this.#begin('usedBytes', place);
    if (!this.inFiles) return undefined;
    return this.usedByOthers + [...this.stored.values()].reduce((sum, size) => sum + size, 0);
  }

  async start(
    place: RegistryPlace,
    { dryRun, requireLeave }: { readonly dryRun: boolean; readonly requireLeave: () => void },
  ): Promise<RunningCollector> {
    await this.#begin('start', place);
    requireLeave();
    if (!dryRun && variablesOf(place).length === 0) throw new RefusedError('it is not read-only');
    const { uid } = place.pod;
    this.started.push({ dryRun, uid });
    this.haunt({ uid });
    this.after();
    const exit = Promise.withResolvers<number>();
    exit.promise.catch(() => {});
    return { lines: this.#run({ dryRun, uid, exit }), exit: exit.promise, errors: () => 'its last words' };
  }

  async count(place: RegistryPlace): Promise<number> {
    await this.#begin('count', place);
    const now = this.living.get(place.pod.uid) ?? 0;
    if (now > 0) this.#found += 1;
    if (this.#found < this.lingers) return now;
    this.#found = 0;
    this.living.delete(place.pod.uid);
    return now;
  }

  async end(place: RegistryPlace): Promise<void> {
    await this.#begin('end', place);
    if (this.living.delete(place.pod.uid)) this.ended.push(place.pod.uid);
  }

  async *#run(given: {
    dryRun: boolean;
    uid: string;
    exit: PromiseWithResolvers<number>;
  }): AsyncGenerator<string> {
    const { dryRun, uid, exit } = given;
    const lines = [
      'dominodatalab/environment',
      'dominodatalab/environment: marking manifest sha256:0',
      `2 blobs marked, ${this.garbage.size} blobs and 0 manifests eligible for deletion`,
      ...[...this.garbage].map((digest) => `blob eligible for deletion: ${digest}`),
    ];
    for (const [index, line] of lines.entries()) {
      if (index === this.breaksAfter) {
        this.breaksAfter = undefined;
        if (Number.isFinite(this.lingers)) this.#take(dryRun);
        exit.reject(new RegistryError('the connection broke', { failure: 'temporary' }));
        return;
      }
      this.onLine(line);
      yield line;
    }
    if (this.exitStatus === 0) this.#take(dryRun);
    this.living.delete(uid);
    exit.resolve(this.exitStatus);
  }

  #take(dryRun: boolean): void {
    if (dryRun) return;
    for (const digest of this.garbage) this.stored.delete(digest);
    this.garbage.clear();
  }

  async #begin(call: CollectorCall, place: RegistryPlace): Promise<void> {
    await Promise.resolve();
    this.before(call, place);
  }
}

function variablesOf({ pod, container }: RegistryPlace): string[] {
  return (pod.containers.find(({ name }) => name === container)?.env ?? [])
    .filter(({ name }) => name === READ_ONLY_VARIABLE)
    .map(({ name, value }) => `${name}=${value}`);
}
