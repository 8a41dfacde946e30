/**
 * A scan of the whole registry, the first and the second one: the second has what the first one has read, and does not ask
 * for its revisions again; or it does, with --max-age 0.
 */
import { execFile } from 'node:child_process';
import { mkdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { Sandbox, SandboxOptions } from '../sandbox/index.ts';
import { StorageWriter } from '../sandbox/registry/store.ts';
import { type Case, type Entrant, inTurns, type Measured } from './case.ts';
import { environmentId, REPOSITORY } from './many-tags.ts';
import type { OwnFigures } from './own-figures.ts';
import type { Scene } from './scene.ts';

const PROJECT = resolve(import.meta.dirname, '../..');
const MANIFESTS = 5000;
const MANY_MANIFESTS = 20_000;
const REVISIONS = 50;
/** As many layers as images of Domino have, about; all but a few come from what they are built on. */
const LAYERS = 40;
const OWN_LAYERS = 4;
const MIB = 1024 * 1024;
/** Object stores and network file systems take tens of milliseconds for each read. */
const READ_DELAY_MS = 30;

export const scan: Case = {
  describe: `a scan of ${MANIFESTS} manifests, first and second, and its memory with ${MANY_MANIFESTS}`,

  async run(bench) {
    const share = (manifests: number) => Math.max(REVISIONS, Math.round(manifests * bench.share));
    const few = share(MANIFESTS);
    const many = share(MANY_MANIFESTS);
    const found = await inTurns<Scanned, Name>(bench, {
      slow: scanned(few, READ_DELAY_MS),
      quick: scanned(few, 0),
      many: scanned(many, 0),
    });
    const row = (what: string, name: Name) => ({ what, figures: { ...found[name] } });
    return {
      title: `Scans of whole registries, images of ${LAYERS} layers`,
      columns: [
        { key: 'ms', title: 'first', unit: 'ms' },
        { key: 'secondMs', title: 'second', unit: 'ms' },
        { key: 'timesAsFast', title: 'times as fast', unit: 'factor' },
        { key: 'askingMs', title: 'second, --max-age 0', unit: 'ms' },
        { key: 'peakBytes', title: 'most memory, first', unit: 'bytes' },
        { key: 'secondPeakBytes', title: 'most memory, second', unit: 'bytes' },
        { key: 'cacheBytes', title: 'cache', unit: 'bytes' },
      ],
      rows: [
        row(`${few} manifests, storage that takes ${READ_DELAY_MS} ms a read`, 'slow'),
        row(`${few} manifests, storage that answers at once`, 'quick'),
        row(`${many} manifests, storage that answers at once`, 'many'),
      ],
      aims: [
        {
          what: `second scan of ${few}, ${READ_DELAY_MS} ms a read: times as fast`,
          unit: 'factor',
          figure: found.slow.timesAsFast,
          bound: 'at least',
          limit: 5,
        },
        {
          what: `second scan of ${few}, at once: times as fast`,
          unit: 'factor',
          figure: found.quick.timesAsFast,
          bound: 'at least',
          limit: 5,
        },
        {
          what: `${many} manifests: most memory`,
          unit: 'bytes',
          figure: Math.max(found.many.peakBytes ?? Number.NaN, found.many.secondPeakBytes ?? Number.NaN),
          bound: 'at most',
          limit: 400 * MIB,
        },
      ],
    };
  },
};

type Name = 'slow' | 'quick' | 'many';

interface Scanned extends Measured {
  readonly secondMs: number;
  readonly timesAsFast: number;
  readonly askingMs: number;
  readonly peakBytes: number | undefined;
  readonly secondPeakBytes: number | undefined;
  readonly cacheBytes: number;
}

function scanned(manifests: number, readDelayMs: number): Entrant<Scanned> {
  const sandbox: SandboxOptions = { environments: 1, revisions: 1, objectStore: {} };
  return {
    sandbox,
    async measure(scene) {
      putImages(scene.sandbox, manifests);
      if (scene.sandbox.objectStore) scene.sandbox.objectStore.readDelayMs = readDelayMs;
      const first = await scanOnce(scene, manifests);
      const second = await scanOnce(scene, manifests);
      const asking = await scanOnce(scene, manifests, '--max-age', '0');
      const cache = await readFile(join(scene.folder, 'state', 'manifests.cache'));
      return {
        ms: first.ms,
        secondMs: second.ms,
        timesAsFast: first.ms / second.ms,
        askingMs: asking.ms,
        peakBytes: first.peakBytes,
        secondPeakBytes: second.peakBytes,
        cacheBytes: cache.length,
      };
    },
  };
}

/** From the program's start to its end. */
async function scanOnce(
  { sandbox, folder, life }: Scene,
  manifests: number,
  ...more: readonly string[]
): Promise<OwnFigures & { readonly ms: number }> {
  const places = ['--kubeconfig', sandbox.kubeconfig, '--registry', sandbox.registry, '--via', 'direct'];
  const files = ['--state-dir', join(folder, 'state'), '--output', 'json'];
  const own = join(folder, 'own-figures');
  await mkdir(folder, { recursive: true });
  // Nothing else of whoever runs the benchmark: a password of theirs, a proxy, npm's variables.
  const { PATH, HOME, TMPDIR } = process.env;
  const env = { PATH, HOME, TMPDIR, OWN_FIGURES_FILE: own };
  const words = ['--import', resolve(import.meta.dirname, 'own-figures.ts'), 'src/cli.ts', 'scan'];
  // Not through a shell, whose own start would count as well.
  const options = { cwd: PROJECT, signal: life, env, maxBuffer: 64 * MIB };
  const startedAt = performance.now();
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [...words, ...more, ...places, ...files],
    options,
  );
  const ms = performance.now() - startedAt;
  const told = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { event: string });
  const report = told.find(({ event }) => event === 'scan') as { manifests?: number } | undefined;
  // The sandbox has one of its own.
  if (report?.manifests !== manifests + 1) throw new Error(`${report?.manifests} manifests were found.`);
  return { ...(JSON.parse(await readFile(own, 'utf8')) as OwnFigures), ms };
}

/** Writes images into a sandbox's object store, past the registry, which has not been asked for any of them yet. */
function putImages({ objectStore }: Sandbox, manifests: number): void {
  if (objectStore === undefined) throw new Error('The sandbox has no object store.');
  const storage = new StorageWriter(objectStore);
  const config = storage.blob('application/vnd.oci.image.config.v1+json', Buffer.from('{}'));
  // Of layers only the manifests are read.
  const layerOf = (name: string) => ({
    ...storage.blob('application/vnd.oci.image.layer.v1.tar+gzip', Buffer.from(name)),
    size: 10_000_000,
  });
  const base = Array.from({ length: LAYERS - OWN_LAYERS }, (_, at) => layerOf(`base ${at}`));
  for (let number = 0; number < manifests; number += 1) {
    const id = environmentId(Math.floor(number / REVISIONS));
    const own = Array.from({ length: OWN_LAYERS }, (_, at) => layerOf(`${number} ${at}`));
    const mediaType = 'application/vnd.oci.image.manifest.v1+json';
    const manifest = { schemaVersion: 2, mediaType, config, layers: [...base, ...own] };
    const blob = storage.blob(mediaType, Buffer.from(JSON.stringify(manifest)));
    const tag = `${id}-${(number % REVISIONS) + 1}`;
    storage.tag(REPOSITORY, tag, { ...blob, layers: [config.digest] });
  }
}
