/**
 * The plain HTTP client that the program is held against, as a process of its own: asks for the digest of each tag, and
 * deletes it. Reads what is to be done as JSON from standard input; prints the milliseconds it took.
 */
import { json } from 'node:stream/consumers';
import { Pool } from 'undici';

export interface Image {
  readonly repository: string;
  readonly tag: string;
}

/** What is to be done, and where. */
export interface PlainTask {
  /** `host:port`. */
  readonly registry: string;
  readonly username: string;
  readonly password: string;
  readonly images: readonly Image[];
  readonly atATime: number;
  /** Otherwise they are only resolved. */
  readonly deletes: boolean;
}

const MANIFEST_TYPES = [
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.oci.image.index.v1+json',
].join(', ');

const task = (await json(process.stdin)) as PlainTask;
const credentials = Buffer.from(`${task.username}:${task.password}`).toString('base64');
const headers = { authorization: `Basic ${credentials}`, accept: MANIFEST_TYPES };
const pool = new Pool(`http://${task.registry}`, { connections: task.atATime, pipelining: 1 });

const startedAt = performance.now();
const left = task.images.values();
await Promise.all(
  Array.from({ length: task.atATime }, async () => {
    for (const image of left) await work(image);
  }),
);
console.log(performance.now() - startedAt);
await pool.close();

async function work({ repository, tag }: Image): Promise<void> {
  const { statusCode, headers: answered } = await ask('HEAD', `${repository}/manifests/${tag}`);
  if (statusCode !== 200) throw new Error(`${repository}:${tag} answered ${statusCode}.`);
  if (!task.deletes) return;
  const digest = String(answered['docker-content-digest']);
  const deleted = await ask('DELETE', `${repository}/manifests/${digest}`);
  if (deleted.statusCode !== 202) throw new Error(`${digest} was not deleted: ${deleted.statusCode}.`);
}

async function ask(method: 'HEAD' | 'DELETE', path: string) {
  const answer = await pool.request({ method, path: `/v2/${path}`, headers });
  await answer.body.dump();
  return answer;
}
