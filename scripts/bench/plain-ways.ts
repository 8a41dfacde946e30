/** Plain ways to delete tags, for comparison. They find deletion enabled. All resolve to milliseconds. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { $ } from 'zx';
import { connectCluster } from '../../src/adapters/kubernetes/connect.ts';
import { parseEnvironmentsFile } from '../../src/domain/environments.ts';
import type { Sandbox } from '../sandbox/index.ts';
import { contentOfRegistry } from '../sandbox/registry/content.ts';
import type { PlainTask } from './plain-client.ts';
import type { Scene } from './scene.ts';

const REPOSITORY = 'dominodatalab/environment';

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

/** A loop of `skopeo delete` in one exec in a pod. */
export async function bySkopeoLoop({ sandbox, life }: Scene, atATime: number): Promise<number> {
  const connection = await connectTo(sandbox);
  const { doomed } = await tagsOf(sandbox);
  try {
    const argv = ['sh', '-c', LOOP, 'loop', sandbox.registry, String(doomed.length), String(atATime)];
    const session = await connection.podShell.open(argv, life);
    await session.write(`${sandbox.password}\n`);
    await session.output[Symbol.asyncIterator]().next();
    const startedAt = performance.now();
    await session.write(doomed.map((tag) => `${sandbox.registry}/${REPOSITORY}:${tag}\n`).join(''));
    const code = await session.exit;
    if (code !== 0) throw new Error(`The loop ended with exit code ${code}: ${session.errors()}`);
    return performance.now() - startedAt;
  } finally {
    await connection.pod.remove(life);
  }
}

/** HEAD and DELETE, tag by tag; see `plain-client.ts`. A process of its own, as the program is. */
export async function byPlainClient({ sandbox, life }: Scene): Promise<number> {
  const { registry, username, password } = sandbox;
  const { doomed: tags } = await tagsOf(sandbox);
  const input = JSON.stringify({
    ...{ registry, username, password, repository: REPOSITORY, tags },
  } satisfies PlainTask);
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

/** The tags of the new repository that the environments file does not retain. */
async function tagsOf(sandbox: Sandbox): Promise<{ doomed: readonly string[] }> {
  const { entries } = parseEnvironmentsFile(await readFile(sandbox.environments, 'utf8'));
  const retained = new Set(
    entries.flatMap(({ id, retain }) => retain.map((revision) => `${id}-${revision}`)),
  );
  const content = await contentOfRegistry(sandbox);
  const found = content.find(({ repository }) => repository === REPOSITORY);
  return { doomed: (found?.tags ?? []).map(({ tag }) => tag).filter((tag) => !retained.has(tag)) };
}
