/** `scan`: how much each environment takes in the registry, and what keeping only its newest revisions would bring. */
import { UsageError } from '../domain/errors.ts';
import { speaksHttp } from '../domain/route.ts';
import { refOf, type ScanReport, survey } from '../domain/scan.ts';
import { environmentsFile } from '../domain/scan-file.ts';
import { count } from '../domain/text.ts';
import type { ManifestCache, Progress, Registry, SkopeoPodPort, StepView } from '../ports.ts';
import { reachRegistry } from '../steps/reach.ts';
import { Stock } from '../steps/stock.ts';
import { tearDown } from '../steps/teardown.ts';
import { closeCache } from './manifest-cache.ts';
import { findCredentials, identify, requirePermissions, usesPod } from './preflight.ts';
import { inSafetyNet, runEach } from './safety-net.ts';
import type { World } from './world.ts';

/** Changes nothing in the registry, and needs neither the lease nor the state folder for itself. */
export async function scan(world: World): Promise<void> {
  const { options, person, work } = world;
  if (!speaksHttp(options.via))
    throw new UsageError('Skopeo cannot tell which repositories there are.', {
      next: 'Scan by a route that speaks HTTP: --via pod, port-forward or direct.',
    });
  const file = options.write === undefined ? undefined : await world.newFile(options.write);
  const run = world.newRunId();
  const connection = await world.connect(run);
  const binding = await identify(world, connection, undefined);
  const cache = await world.openManifestCache(binding);
  await requirePermissions(world, connection, { deleting: false, inUse: false });
  const credentials = await findCredentials(world, connection);
  const registry = await world.openRegistry({ run, connection, credentials });
  const pod = usesPod(options) ? connection.pod : undefined;
  const scanning = new Scanning(world, { registry, pod, cache, context: binding.context });
  await inSafetyNet({
    ...{ person, signal: work },
    work: () => scanning.run(),
    after: [() => runEach(person, scanning.after)],
    told: (error) => error,
  });
  const { report } = scanning;
  if (report === undefined) throw new Error('A scan that has not failed has a report.');
  await file?.write(environmentsFile(report));
  person.scan(options.write === undefined ? report : { ...report, file: options.write });
}

/** What the steps of a scan have in common. */
class Scanning {
  report: ScanReport | undefined;
  readonly #world: World;
  readonly #registry: Registry;
  readonly #pod: SkopeoPodPort | undefined;
  readonly #cache: ManifestCache;
  readonly #context: string;

  constructor(
    world: World,
    given: {
      registry: Registry;
      pod: SkopeoPodPort | undefined;
      cache: ManifestCache;
      /** The kubeconfig context's name. */
      context: string;
    },
  ) {
    this.#world = world;
    this.#registry = given.registry;
    this.#pod = given.pod;
    this.#cache = given.cache;
    this.#context = given.context;
  }

  async run(): Promise<void> {
    await this.#world.person.steps([
      {
        key: 'reach',
        title: this.#pod ? 'deploy pod' : 'log in to the registry',
        skip: undefined,
        run: (progress) => this.#reach(progress),
      },
      {
        key: 'scan',
        title: 'scan the registry',
        skip: undefined,
        run: (progress) => this.#read(progress),
      },
    ]);
  }

  /** However the scan ends. */
  get after(): readonly StepView[] {
    const context = { pod: this.#pod, registry: this.#registry, signal: this.#world.safety };
    return [
      {
        key: 'teardown',
        title: 'teardown',
        skip: undefined,
        run: async () => {
          const note = await tearDown(context);
          return this.#pod ? note : undefined;
        },
      },
    ];
  }

  async #reach(progress: Progress): Promise<undefined> {
    const { clock, work, options } = this.#world;
    const context = { pod: this.#pod, registry: this.#registry, clock, signal: work, settings: options };
    await reachRegistry(context, progress);
  }

  async #read(progress: Progress): Promise<string> {
    const { clock, work, options } = this.#world;
    const { keepLast, maxAgeMs } = options;
    const registry = this.#registry;
    const { inventory } = registry;
    if (inventory === undefined) throw new Error('A route that speaks HTTP tells what the registry holds.');
    const stock = new Stock({
      ...{ registry, inventory, clock },
      ...{ cache: this.#cache, signal: work, settings: options, maxAgeMs },
    });
    try {
      const found = await stock.takeAll(progress);
      const { remembered } = stock;
      this.report = {
        at: new Date(clock.now()).toISOString(),
        registry: options.registry,
        context: this.#context,
        keepLast,
        repositories: found.length,
        foreign: found.filter(({ repository }) => refOf(repository) === undefined).length,
        manifests: stock.space.manifests,
        unread: [...stock.unread].sort(),
        ...(remembered && { remembered }),
        ...survey(found, { space: stock.space, keepLast }),
      };
      const manifests = count(stock.space.manifests, 'manifest');
      return `${count(found.length, 'repository', 'repositories')}, ${manifests}`;
    } finally {
      // Also after a scan that was interrupted: the next one goes on from there.
      await closeCache(this.#world, this.#cache);
    }
  }
}
