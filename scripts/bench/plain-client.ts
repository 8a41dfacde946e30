/**
 * The plain HTTP client that the program is held against, as a process of its own: asks for the digest of each tag and
 * deletes it, 16 tags at a time. Reads what is to be done as JSON from standard input; prints the milliseconds it took.
 */
import { json } from 'node:stream/consumers';
import { Pool } from 'undici';

/** What is to be deleted, and where. */
export interface PlainTask {
  /** `host:port`. */
  readonly registry: string;
  readonly username: string;
  readonly password: string;
  readonly repository: string;
  readonly tags: readonly string[];
}

const AT_A_TIME = 16;
const MANIFEST_TYPES = [
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.oci.image.index.v1+json',
].join(', ');

const task = (await json(process.stdin)) as PlainTask;
const credentials = Buffer.from(`${task.username}:${task.password}`).toString('base64');
const headers = { authorization: `Basic ${credentials}`, accept: MANIFEST_TYPES };
const pool = new Pool(`http://${task.registry}`, { connections: AT_A_TIME, pipelining: 1 });

const startedAt = performance.now();
const left = task.tags.values();
await Promise.all(
  Array.from({ length: AT_A_TIME }, async () => {
    for (const tag of left) await deleteTag(tag);
  }),
);
console.log(performance.now() - startedAt);
await pool.close();

async function deleteTag(tag: string): Promise<void> {
  const { statusCode, headers: answered } = await ask('HEAD', tag);
  const digest = String(answered['docker-content-digest']);
  if (statusCode !== 200) throw new Error(`${tag} answered ${statusCode}.`);
  const deleted = await ask('DELETE', digest);
  if (deleted.statusCode !== 202) throw new Error(`${digest} was not deleted: ${deleted.statusCode}.`);
}

async function ask(method: 'HEAD' | 'DELETE', reference: string) {
  const answer = await pool.request({
    method,
    path: `/v2/${task.repository}/manifests/${reference}`,
    headers,
  });
  await answer.body.dump();
  return answer;
}
