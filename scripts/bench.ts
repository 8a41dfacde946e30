/**
 * `npm run bench`: the time of resolving and deleting, beside a plain loop of `skopeo delete`, measured side by side on
 * one machine in one run. Rollouts and the pod's start are left out of both.
 */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { $ } from 'zx';
import { connectCluster } from '../src/adapters/kubernetes/connect.ts';
import type { RunRecord, StepKey } from '../src/domain/run.ts';
import { endOfLife } from './sandbox/end-of-life.ts';
import { type Sandbox, type SandboxOptions, startSandbox } from './sandbox/index.ts';

const PROJECT = resolve(import.meta.dirname, '..');
const REPOSITORY = 'dominodatalab/environment';
/** 1000 tags in one repository, of which 100 are retained. */
const CONTENT: SandboxOptions = {
  environments: 10,
  revisions: 100,
  retained: 10,
  legacy: 0,
  curiosities: false,
};

/** Logs in (which Skopeo says on standard output), and deletes what is named on standard input; fails if any deletion does. */
const LOOP = `
IFS= read -r password
printf '%s' "$password" | skopeo login --tls-verify=false --username domino-registry --password-stdin "$1" || exit 1
failed=0
while read -r image && [ "$image" != end ]; do
  skopeo delete --tls-verify=false "docker://$image" </dev/null >/dev/null || failed=1
done
exit $failed
`;

const life = endOfLife();

const ours = await inSandbox(CONTENT, measureProgram);
const loop = await inSandbox(
  { ...CONTENT, registryEnv: [{ name: 'REGISTRY_STORAGE_DELETE_ENABLED', value: 'true' }] },
  measureLoop,
);
report();

/** Milliseconds that the program takes to resolve 1000 digests, and to delete 900 tags. */
async function measureProgram(sandbox: Sandbox, folder: string) {
  const places = ['--kubeconfig', sandbox.kubeconfig, '--registry', sandbox.registry];
  const files = ['--environments', sandbox.environments, '--state-dir', folder];
  await $({ cwd: PROJECT, quiet: true })`${process.execPath} src/cli.ts ${places} ${files} --delete --yes`;
  const [run] = (await readdir(folder)).filter((name) => name.includes('T'));
  const record = JSON.parse(await readFile(join(folder, run ?? '', 'run.json'), 'utf8')) as RunRecord;
  return { resolveMs: stepMs(record, 'list-new'), deleteMs: stepMs(record, 'delete') };
}

function stepMs({ steps }: RunRecord, key: StepKey): number {
  const step = steps[key];
  if (step?.endedAt === undefined) throw new Error(`The run has not finished the step ${key}.`);
  return Date.parse(step.endedAt) - Date.parse(step.startedAt);
}

/** Milliseconds that a plain loop takes in one exec in a pod, one `skopeo delete` after the other, for the same tags. */
async function measureLoop(sandbox: Sandbox): Promise<number> {
  const connection = await connectCluster({
    kubeconfig: sandbox.kubeconfig,
    environment: {},
    namespace: 'domino-platform',
    secretNamespace: 'domino-compute',
    secretName: 'domino-registry',
    registry: sandbox.registry,
    registryWorkload: 'docker-registry',
    onWarning: () => {},
    pod: {
      run: 'bench',
      startedBy: 'bench',
      image: 'quay.io/skopeo/stable:v1.20.0',
      imagePullPolicy: 'IfNotPresent',
      concurrency: 1,
      activeDeadlineSeconds: 3600,
      startTimeoutMs: 60_000,
    },
  });
  const tags = await doomedTags(sandbox);
  try {
    const session = await connection.podShell.open(['sh', '-c', LOOP, 'loop', sandbox.registry], life);
    await session.write(`${sandbox.password}\n`);
    const lines = session.output[Symbol.asyncIterator]();
    await lines.next();
    const startedAt = performance.now();
    await session.write(`${tags.map((tag) => `${sandbox.registry}/${REPOSITORY}:${tag}`).join('\n')}\nend\n`);
    const code = await session.exit;
    if (code !== 0) throw new Error(`The loop ended with exit code ${code}: ${session.errors()}`);
    return performance.now() - startedAt;
  } finally {
    await connection.pod.remove(life);
  }
}

/** The tags that the environments file does not retain, straight from the registry and the file. */
async function doomedTags(sandbox: Sandbox): Promise<string[]> {
  const retained = new Set(
    (await readFile(sandbox.environments, 'utf8'))
      .split('\n')
      .map((line) => line.replace(/#.*/, '').trim().split(/\s+/))
      .flatMap(([id, ...revisions]) => revisions.map((revision) => `${id}-${revision}`)),
  );
  const credentials = Buffer.from(`${sandbox.username}:${sandbox.password}`).toString('base64');
  const answer = await fetch(`http://${sandbox.registry}/v2/${REPOSITORY}/tags/list`, {
    headers: { authorization: `Basic ${credentials}` },
  });
  const { tags } = (await answer.json()) as { tags: string[] };
  return tags.filter((tag) => !retained.has(tag) && retainedEnvironment(tag));
  function retainedEnvironment(tag: string): boolean {
    return [...retained].some((kept) => kept.startsWith(tag.slice(0, 25)));
  }
}

async function inSandbox<T>(
  options: SandboxOptions,
  measure: (sandbox: Sandbox, folder: string) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'docker-registry-cleaner-bench-'));
  const sandbox = await startSandbox(options, { signal: life });
  try {
    return await measure(sandbox, folder);
  } finally {
    await sandbox.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

function report(): void {
  const oursMs = ours.resolveMs + ours.deleteMs;
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
  console.log(`
900 of 1000 tags deleted from one repository, on ${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}

| | time | times as fast as the loop |
| --- | ---: | ---: |
| a loop of \`skopeo delete\` in one exec | ${seconds(loop)} | 1.00 |
| this program: resolve 1000 digests (${seconds(ours.resolveMs)}), look again and delete (${seconds(ours.deleteMs)}) | ${seconds(oursMs)} | ${(loop / oursMs).toFixed(2)} |
`);
  console.log(JSON.stringify({ bench: 'skopeo', loopMs: Math.round(loop), ...ours, ratio: loop / oursMs }));
}
