/** What makes cleaning dangerous, beside what the sandbox fills its registry with; and what runs in the cluster. */
import { createHash } from 'node:crypto';
import type { KubeObject } from '../../../scripts/sandbox/cluster/objects.ts';
import type { Sandbox } from '../../../scripts/sandbox/index.ts';
import { ApiClient } from '../../sandbox/api-client.ts';
import type { RegistryClient, RegistryView, StoredManifest } from './registry-view.ts';

export const REPOSITORY = 'dominodatalab/environment';

const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';

/** A manifest to push, and how others refer to it. */
type Made = Pick<StoredManifest, 'mediaType' | 'text'> & { readonly digest: string };

/** The environments of the file, which has at least four. */
export function idsIn(environments: string): [string, string, string, string] {
  const ids = environments.split('\n').flatMap((line) => /^[0-9a-f]{24}/.exec(line)?.[0] ?? []);
  return ids.slice(0, 4) as [string, string, string, string];
}

/**
 * Pushes twins across environments, image indexes of two platforms and an attestation (one of them retained), and
 * signatures, attestations and SBOMs by tag scheme, of images that go and of images that stay.
 */
export async function pushDangers(registry: RegistryClient, environments: string): Promise<void> {
  const [a, b, , d] = idsIn(environments);
  const view = await registry.view();
  const base = manifestOf(view, `${b}-4`);
  const make = (note: string) => variantOf(base, note);
  const put = (reference: string, made: Made) => registry.push(REPOSITORY, reference, made);
  const putAll = async (index: string) => {
    const children = ['amd64', 'arm64', 'attestation'].map((part) => make(`${index} ${part}`));
    for (const child of children) await put(child.digest, child);
    return { index: indexOf(children), children };
  };

  await put(`${a}-2`, manifestOf(view, `${b}-6`));
  await put(`${a}-1`, manifestOf(view, `${b}-1`));

  const kept = await putAll('kept');
  await put(`${d}-6`, kept.index);
  await put(`${d}-1`, kept.children[0] as Made);
  const doomed = await putAll('doomed');
  await put(`${d}-2`, doomed.index);

  const signed = { going: manifestOf(view, `${d}-3`), staying: manifestOf(view, `${d}-5`) };
  for (const [name, { digest }] of Object.entries(signed)) {
    const tag = digest.replace(':', '-');
    for (const kind of ['sig', 'att', 'sbom']) await put(`${tag}.${kind}`, make(`${name} ${kind}`));
    const referrer = make(`${name} referrer`);
    await put(referrer.digest, referrer);
    await put(tag, indexOf([referrer]));
  }
  const run = manifestOf(view, `${a}-3`).digest.replace(':', '-');
  await put(`${run}.sig`, make('signature of what runs'));
  const platform = doomed.children[1]?.digest.replace(':', '-');
  await put(`${platform}.sig`, make('signature of a platform that goes'));
}

/** What runs, or is to run, of the doomed images. */
export interface Users {
  /** `repository:tag`, as the oracle wants it. */
  readonly inUse: readonly string[];
  /** An image that is in use outside the cluster. */
  readonly elsewhere: string;
}

/** Has a pod run an image by its tag and another by its digest, and a CronJob name a third. */
export async function useImages(
  sandbox: Sandbox,
  given: { readonly environments: string; readonly view: RegistryView },
): Promise<Users> {
  const [a, b, , d] = idsIn(given.environments);
  const digest = given.view.get(REPOSITORY)?.tags.get(`${b}-3`);
  await runPod(sandbox, 'by-tag', `docker-registry:5000/${REPOSITORY}:${a}-3`);
  await runPod(sandbox, 'by-digest', `other.example.com/${REPOSITORY}@${digest}`);
  const jobTemplate = { spec: { template: { spec: podSpec(`docker-registry:5000/domino-${a}:2`) } } };
  sandbox.cluster.store.create<KubeObject>('cronjobs', {
    ...{ apiVersion: 'batch/v1', kind: 'CronJob' },
    metadata: { name: 'nightly', namespace: 'domino-compute' },
    spec: { jobTemplate },
  });
  return {
    inUse: [`${REPOSITORY}:${a}-3`, `${REPOSITORY}:${b}-3`, `domino-${a}:2`, `${REPOSITORY}:${d}-4`],
    elsewhere: `proxy.example.com/cache/${REPOSITORY}:${d}-4`,
  };
}

/** Starts a pod of a Job, as a workspace or a run is one. */
export async function runPod(sandbox: Sandbox, name: string, image: string): Promise<void> {
  const api = new ApiClient(sandbox);
  const owner = { apiVersion: 'batch/v1', kind: 'Job', name, uid: `job-${name}`, controller: true };
  const body = { metadata: { name, ownerReferences: [owner] }, spec: podSpec(image) };
  await api.ok('POST', '/api/v1/namespaces/domino-compute/pods', { body });
  api.close();
}

function podSpec(image: string) {
  return { restartPolicy: 'Never', containers: [{ name: 'main', image }] };
}

function manifestOf(view: RegistryView, tag: string): Made {
  const repository = view.get(REPOSITORY);
  const digest = repository?.tags.get(tag) ?? '';
  const manifest = repository?.manifests.get(digest);
  if (manifest === undefined) throw new Error(`${REPOSITORY}:${tag} has no manifest`);
  return { ...manifest, digest };
}

/** An image with the same blobs, and another digest. */
function variantOf({ mediaType, text }: Made, note: string): Made {
  return made(mediaType, { ...JSON.parse(text), annotations: { note } });
}

/** An OCI index; its third entry, if it has one, is an attestation, as BuildKit makes them. */
function indexOf(children: readonly Made[]): Made {
  const platforms = [
    { platform: { architecture: 'amd64', os: 'linux' } },
    { platform: { architecture: 'arm64', os: 'linux' } },
    {
      platform: { architecture: 'unknown', os: 'unknown' },
      annotations: {
        'vnd.docker.reference.type': 'attestation-manifest',
        'vnd.docker.reference.digest': children[0]?.digest,
      },
    },
  ];
  const manifests = children.map(({ mediaType, digest, text }, position) => ({
    ...{ mediaType, digest, size: Buffer.byteLength(text) },
    ...platforms[position],
  }));
  return made(OCI_INDEX, { schemaVersion: 2, mediaType: OCI_INDEX, manifests });
}

function made(mediaType: string, content: object): Made {
  const text = JSON.stringify(content);
  return { mediaType, text, digest: `sha256:${createHash('sha256').update(text).digest('hex')}` };
}
