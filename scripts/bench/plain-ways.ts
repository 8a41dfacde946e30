/** Plain ways to do the same, for comparison. Those that delete find deletion enabled. All resolve to milliseconds. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { $ } from 'zx';
import { connectCluster } from '../../src/adapters/kubernetes/connect.ts';
import { parseEnvironmentsFile } from '../../src/domain/environments.ts';
import type { Sandbox } from '../sandbox/index.ts';
import { contentOfRegistry } from '../sandbox/registry/content.ts';
import type { Image, PlainTask } from './plain-client.ts';
import type { Scene } from './scene.ts';

/**
 * Logs in, says so, and runs one `skopeo delete` for each of the images named on standard input, some at a time; fails if
 * any of them does.
 */
const LOOP = `
IFS= read -r password
printf '%s' "$password" | skopeo login --tls-verify=false --username domino-registry --password-stdin "$1" >&2 || exit 1
echo ready
head -n "$2" | xargs -P "$3" -I IMAGE skopeo delete --tls-verify=false docker://IMAGE >&2
`;

/** Deletes what is doomed by a loop of `skopeo delete` in one exec in a pod. */
export async function deleteBySkopeoLoop({ sandbox, life }: Scene, atATime: number): Promise<number> {
  const connection = await connectTo(sandbox);
  const images = (await imagesOf(sandbox)).filter(({ doomed }) => doomed);
  try {
    const argv = ['sh', '-c', LOOP, 'loop', sandbox.registry, String(images.length), String(atATime)];
    const session = await connection.podShell.open(argv, life);
    await session.write(`${sandbox.password}\n`);
    await session.output[Symbol.asyncIterator]().next();
    const startedAt = performance.now();
    const names = images.map(({ repository, tag }) => `${sandbox.registry}/${repository}:${tag}\n`);
    await session.write(names.join(''));
    const code = await session.exit;
    if (code !== 0) throw new Error(`The loop ended with exit code ${code}: ${session.errors()}`);
    return performance.now() - startedAt;
  } finally {
    await connection.pod.remove(life);
  }
}

/** Deletes what is doomed by HEAD and DELETE. */
export async function deleteByPlainClient(
  scene: Scene,
  { atATime, only }: { readonly atATime: number; readonly only: 'new' | 'legacy' },
): Promise<number> {
  const all = await imagesOf(scene.sandbox);
  const images = all.filter(
    ({ doomed, repository }) => doomed && repository.startsWith('domino-') === (only === 'legacy'),
  );
  return await runPlainClient(scene, { images, atATime, deletes: true });
}

/** Resolves the digest of every tag. */
export async function resolveByPlainClient(scene: Scene, atATime: number): Promise<number> {
  const images = await imagesOf(scene.sandbox);
  return await runPlainClient(scene, { images, atATime, deletes: false });
}

/** See `plain-client.ts`. A process of its own, as the program is. */
async function runPlainClient(
  { sandbox, life }: Scene,
  work: Pick<PlainTask, 'images' | 'atATime' | 'deletes'>,
): Promise<number> {
  const { registry, username, password } = sandbox;
  const input = JSON.stringify({ registry, username, password, ...work } satisfies PlainTask);
  const script = resolve(import.meta.dirname, 'plain-client.ts');
  const { stdout } = await $({ quiet: true, signal: life, input })`${process.execPath} ${script}`;
  return Number(stdout);
}

async function connectTo({ kubeconfig, registry }: Sandbox) {
  return await connectCluster({
    ...{ kubeconfig, registry, environment: {}, onWarning: () => {} },
    namespace: 'domino-platform',
    secretNamespace: 'domino-compute',
    secretName: 'domino-registry',
    registryWorkload: 'docker-registry',
    pod: {
      run: 'bench',
      startedBy: 'bench',
      image: 'quay.io/skopeo/stable:v1.20.0',
      imagePullPolicy: 'IfNotPresent',
      concurrency: 8,
      activeDeadlineSeconds: 3600,
      startTimeoutMs: 60_000,
    },
  });
}

/** Every tag of the registry, and whether the environments file retains it. */
async function imagesOf(sandbox: Sandbox): Promise<readonly (Image & { readonly doomed: boolean })[]> {
  const { entries } = parseEnvironmentsFile(await readFile(sandbox.environments, 'utf8'));
  const retained = new Set(
    entries.flatMap(({ id, retain }) =>
      retain.flatMap((revision) => [
        `dominodatalab/environment:${id}-${revision}`,
        `domino-${id}:${revision}`,
      ]),
    ),
  );
  return (await contentOfRegistry(sandbox)).flatMap(({ repository, tags }) =>
    tags.map(({ tag }) => ({ repository, tag, doomed: !retained.has(`${repository}:${tag}`) })),
  );
}
