/** A sandbox, what it was like in the beginning, and the command pointed at it. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KubeObject, Pod } from '../../../scripts/sandbox/cluster/objects.ts';
import { type Sandbox, type SandboxOptions, startSandbox } from '../../../scripts/sandbox/index.ts';
import { Command, type CommandOptions, type Ended, type Event, parseEvents } from './command.ts';
import { type Circumstances, contentOf, type Judgement, judge, lostManifests } from './oracle.ts';
import { RegistryClient, type RegistryView } from './registry-view.ts';
import { RegistryWorkload } from './workload.ts';

/** The ways to the registry. */
export const ROUTES = ['pod', 'port-forward', 'direct', 'skopeo'] as const;
export type Route = (typeof ROUTES)[number];

interface SiteOptions extends SandboxOptions {
  /** How the command is told to reach the registry; not at all unless given, which has to mean `pod`. */
  readonly via?: Route;
  /** Pushes what the registry is to hold in the beginning beside what the sandbox fills it with. */
  readonly furnish?: (registry: RegistryClient, environments: string) => Promise<void>;
}

/** Small, and quick to roll out; a whole run still passes through everything. */
const SMALL: SandboxOptions = { environments: 4, revisions: 6, legacy: 2, rolloutMs: 300, podStartMs: 60 };

export class Site implements AsyncDisposable {
  readonly sandbox: Sandbox;
  readonly registry: RegistryClient;
  readonly workload: RegistryWorkload;
  /** For files of the tests. */
  readonly folder: string;
  readonly #via: Route | undefined;
  readonly #commands = new Set<Command>();
  #before: RegistryView = new Map();
  #states = 0;
  #isClosed = false;

  private constructor(sandbox: Sandbox, { workloadKind = 'StatefulSet', via }: SiteOptions) {
    this.sandbox = sandbox;
    this.#via = via;
    this.registry = new RegistryClient(sandbox);
    this.workload = new RegistryWorkload(sandbox, workloadKind);
    this.folder = mkdtempSync(join(tmpdir(), 'docker-registry-cleaner-e2e-'));
    mkdirSync(this.home);
  }

  /** Starts a sandbox and remembers what it holds. */
  static async open(options: SiteOptions = {}): Promise<Site> {
    const { via: _, furnish, ...settings } = { ...SMALL, ...options };
    const site = new Site(await startSandbox(settings), options);
    await furnish?.(site.registry, site.environmentsText);
    site.#before = await site.registry.view();
    return site;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await this.#endCommands();
    await this.sandbox.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** The content in the beginning. */
  get before(): RegistryView {
    return this.#before;
  }

  get home(): string {
    return join(this.folder, 'home');
  }

  /** The state folder of the test that runs. */
  get stateDir(): string {
    return join(this.folder, `state-${this.#states}`);
  }

  get environmentsText(): string {
    return readFileSync(this.sandbox.environments, 'utf8');
  }

  /** Pods that are not the registry's. */
  get otherPods(): Pod[] {
    return this.sandbox.cluster.pods().filter(({ metadata }) => !metadata.ownerReferences?.length);
  }

  get #leases() {
    return this.sandbox.cluster.store.list<KubeObject>('leases').map(({ metadata }) => metadata);
  }

  /** Names of the pods beside the registry's that are created from now on. */
  watchPods(): { end(): string[] } {
    const names: string[] = [];
    const stop = this.sandbox.cluster.store.subscribe(({ type, resource, object }) => {
      if (resource === 'pods' && type === 'ADDED' && !object.metadata.ownerReferences?.length)
        names.push(object.metadata.name);
    });
    return {
      end() {
        stop();
        return names;
      },
    };
  }

  /** Writes a file for a test and returns its path. */
  file(name: string, text: string): string {
    const path = join(this.folder, name);
    writeFileSync(path, text);
    return path;
  }

  /**
   * The variables that point the program at this sandbox, and make it print JSON. They hold for every command, which
   * options on the command line do not.
   */
  get where(): Readonly<Record<string, string>> {
    const { kubeconfig, registry, environments } = this.sandbox;
    return {
      REGISTRY_CLEANER_KUBECONFIG: kubeconfig,
      REGISTRY_CLEANER_REGISTRY: registry,
      REGISTRY_CLEANER_ENVIRONMENTS: environments,
      REGISTRY_CLEANER_STATE_DIR: this.stateDir,
      REGISTRY_CLEANER_OUTPUT: 'json',
      ...(this.#via !== undefined && { REGISTRY_CLEANER_VIA: this.#via }),
    };
  }

  /** Starts the command against this sandbox. */
  start(args: readonly string[], { env, ...options }: Partial<CommandOptions> = {}): Command {
    if (this.#isClosed) throw new Error('the sandbox is closed');
    const command = new Command(args, { home: this.home, env: { ...this.where, ...env }, ...options });
    this.#commands.add(command);
    return command;
  }

  async run(args: readonly string[], options: Partial<CommandOptions> = {}): Promise<Ended> {
    return await this.start(args, options).ended;
  }

  /** Runs it and insists on its exit code. */
  async runs(code: number, args: readonly string[], options: Partial<CommandOptions> = {}): Promise<Ended> {
    const ended = await this.run(args, options);
    assert.equal(
      ended.code,
      code,
      `exit code ${ended.code} (${ended.signal})\n${ended.stdout}${ended.stderr}`,
    );
    return ended;
  }

  judge(circumstances: Partial<Circumstances> = {}): Judgement {
    const unties = this.#via !== 'skopeo';
    return judge(this.#before, { environments: this.environmentsText, unties, ...circumstances });
  }

  /** The registry's setting is as in the beginning and in force, no pod and no lease is left, and the sandbox knew every call. */
  async assertTidy(): Promise<void> {
    this.assertRestored();
    assert.deepEqual(
      this.#leases.map(({ name }) => name),
      [],
      'no lease is left',
    );
  }

  /** As `assertTidy`, but for the lease, which a run keeps that could not put the setting back itself. */
  assertRestored(): void {
    this.workload.assertAsBefore();
    assert.deepEqual(
      this.otherPods.map(({ metadata }) => metadata.name),
      [],
      'no pod is left',
    );
    assert.deepEqual(this.sandbox.cluster.unknownCalls, [], 'the sandbox knew every call');
  }

  /** Everything is as in the beginning. */
  async assertUntouched(): Promise<void> {
    await this.assertRegistryUntouched();
    await this.assertTidy();
  }

  /** The registry holds what it held in the beginning. */
  async assertRegistryUntouched(): Promise<void> {
    assert.deepEqual(contentOf(await this.registry.view()), contentOf(this.#before));
  }

  /**
   * The registry holds exactly what must be left, with the digests that it had, and the manifests that nothing needs
   * any more are gone.
   */
  async assertCleaned(circumstances: Partial<Circumstances> = {}): Promise<void> {
    const after = await this.registry.view();
    const { left, doomedManifests } = this.judge(circumstances);
    assert.deepEqual(contentOf(after), left);
    this.#assertIndexesWhole(left, after);
    assert.deepEqual(await this.registry.present(doomedManifests), [], 'doomed manifests are gone');
    await this.assertTidy();
  }

  /** Some doomed tags may be gone, but nothing that must be left is. */
  async assertNothingLost(circumstances: Partial<Circumstances> = {}): Promise<void> {
    const after = await this.registry.view();
    const content = new Set(contentOf(after));
    const { left } = this.judge(circumstances);
    assert.deepEqual(
      left.filter((line) => !content.has(line)),
      [],
      'what must be left is there',
    );
    this.#assertIndexesWhole(left, after);
  }

  #assertIndexesWhole(left: readonly string[], after: RegistryView): void {
    assert.deepEqual(lostManifests({ before: this.#before, left, after }), [], 'kept indexes are whole');
  }

  /** Makes everything as in the beginning, whatever a test has left, and gives the next one a new state folder. */
  async reset(): Promise<void> {
    await this.#endCommands();
    const { cluster, faults } = this.sandbox;
    faults.clear();
    cluster.unknownCalls.length = 0;
    for (const { metadata } of this.otherPods)
      cluster.store.remove({ resource: 'pods', namespace: metadata.namespace ?? '', name: metadata.name });
    for (const { namespace = '', name } of this.#leases)
      cluster.store.remove({ resource: 'leases', namespace, name });
    await this.workload.restore();
    await this.registry.restore(this.#before);
    this.#states += 1;
  }

  async #endCommands(): Promise<void> {
    for (const command of this.#commands) {
      if (!command.hasEnded) command.kill('SIGKILL');
      command.killGroup('SIGKILL');
      await command.ended;
    }
    this.#commands.clear();
  }
}

/** The closing object, which must be the last line of standard output. */
export function summaryOf({ stdout }: Pick<Ended, 'stdout'>): Event {
  const summary = parseEvents(stdout).at(-1);
  assert.equal(summary?.event, 'summary', stdout);
  return summary;
}
