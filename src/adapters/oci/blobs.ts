import type { Digest, Repository } from '../../domain/names.ts';
import type { RegistryContent } from '../../ports.ts';
import type { RegistryClient, RegistryRequest } from './client.ts';
import type { HttpAnswer } from './exchange.ts';
import { readMissing } from './manifests.ts';

const UNKNOWN: ReadonlySet<string> = new Set(['BLOB_UNKNOWN', 'NAME_UNKNOWN']);
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

type Knowledge = Awaited<ReturnType<RegistryContent['knowsBlob']>>;

/** See `RegistryContent.knowsBlob`. A redirect is not followed: credentials go to the registry only. */
export async function knowsBlob(
  client: RegistryClient,
  { repository, digest }: { repository: Repository; digest: Digest },
): Promise<Knowledge> {
  const request = {
    what: `Could not look for the blob ${repository}@${digest}`,
    method: 'HEAD',
    path: `/v2/${repository}/blobs/${digest}`,
  } as const;
  const heading = readKnowledge(await client.send(request));
  if (typeof heading === 'string') return heading;
  if (heading.status !== 404) throw client.refusal(request, heading);
  // The answer to a HEAD has no words: whether a registry or just anybody does not have it, a GET tells. Of a blob that
  // has come meanwhile, one byte is enough.
  const reading = { ...request, method: 'GET', headers: { range: 'bytes=0-0' } } satisfies RegistryRequest;
  const answer = readKnowledge(await client.send(reading));
  if (typeof answer === 'string') return answer;
  if (readMissing(answer, UNKNOWN) !== undefined) return 'unknown';
  throw client.refusal(reading, answer);
}

function readKnowledge(answer: HttpAnswer): Knowledge | HttpAnswer {
  if (answer.status === 200 || answer.status === 206) return 'there';
  return REDIRECTS.has(answer.status) ? 'known' : answer;
}
