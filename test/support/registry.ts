/** A real Docker Distribution registry for one test: loopback only, a random port, everything in one temporary folder. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { hash } from 'bcryptjs';
import type { ObjectStoreSettings } from '../../scripts/sandbox/options.ts';
import type { ObjectStore } from '../../scripts/sandbox/registry/object-store.ts';
import type { Digest } from '../../src/domain/names.ts';
import { damageOf, fileStorage, objectStorage, type RegistryStorage } from './registry-storage.ts';

export const OCI_IMAGE = 'application/vnd.oci.image.manifest.v1+json';
export const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';
const DOCKER_IMAGE = 'application/vnd.docker.distribution.manifest.v2+json';
const DOCKER_LIST = 'application/vnd.docker.distribution.manifest.list.v2+json';
const OCI_CONFIG = 'application/vnd.oci.image.config.v1+json';

const CREDENTIALS = { username: 'domino-registry', password: `p"w'$\\ ${'é'}%s` };

export interface RegistryOptions extends ObjectStoreSettings {
  /** Basic authentication. Default: on. */
  readonly auth?: boolean;
  /** Whether manifests can be deleted. Default: yes. */
  readonly deletion?: boolean;
  /** Where its content is: in files, the default, or in an object store behind its S3 driver. */
  readonly storage?: 'files' | 'object-store';
}

export interface TestRegistry extends AsyncDisposable {
  /** `127.0.0.1:port`; the port stays the same over restarts. */
  readonly host: string;
  readonly credentials: { readonly username: string; readonly password: string } | undefined;
  /** Where its content is, unless that is in files; its delays may be changed. */
  readonly objectStore: ObjectStore | undefined;
  /** Asks the registry directly, with the credentials. */
  request(path: string, init?: RequestInit): Promise<Response>;
  /** Puts an image; a different `content` is a different digest. Several tags: twins on one digest. */
  putImage(repository: string, tags: readonly string[], content?: string): Promise<Digest>;
  putIndex(repository: string, tag: string, children: readonly Digest[]): Promise<Digest>;
  putManifest(repository: string, reference: string, body: string, mediaType: string): Promise<Digest>;
  /** Makes a repository list many tags at once, which bear nothing. */
  plantTags(repository: string, tags: readonly string[]): void;
  /** Makes a manifest unreadable behind the registry's back: tags that bear it stay listed. */
  loseManifest(repository: string, digest: Digest): Promise<void>;
  /** Removes some of the files of a tag, as a registry leaves it that is ended in the middle of that. */
  halfUntag(repository: string, tag: string): Promise<void>;
  /** Empties the file that a tag is found by, as a registry leaves it that is ended in the middle of writing it. */
  emptyTag(repository: string, tag: string): void;
  /** The same for the file that a manifest is found by. */
  emptyRevision(repository: string, digest: Digest): void;
  /** Takes a tag away, and nothing else, behind the registry's back; `false` when there is none. */
  untag(repository: string, tag: string): Promise<boolean>;
  /** The tags, sorted; `undefined` when the registry does not know the repository. */
  tags(repository: string): Promise<string[] | undefined>;
  /** The digest that a tag bears; `undefined` when there is none. */
  digest(repository: string, reference: string): Promise<Digest | undefined>;
  start(options?: { readonly deletion?: boolean }): Promise<void>;
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts the registry; ends, and its folder goes, when it is disposed of. */
export async function startRegistry(options: RegistryOptions = {}): Promise<TestRegistry> {
  const folder = await mkdtemp(join(tmpdir(), 'registry-test-'));
  const credentials = (options.auth ?? true) ? CREDENTIALS : undefined;
  const storage =
    options.storage === 'object-store' ? await objectStorage(options) : fileStorage(join(folder, 'storage'));
  await writeConfiguration(folder, { storage, credentials });
  let process: ChildProcess | undefined;
  let host = '127.0.0.1:0';

  const start = async ({ deletion = true } = {}): Promise<void> => {
    const running = await listen(folder, { host, deletion });
    process = running.process;
    host = running.host;
  };
  const stop = async (): Promise<void> => {
    if (process === undefined || process.exitCode !== null || process.signalCode !== null) return;
    const exited = once(process, 'exit');
    process.kill('SIGKILL');
    await exited;
  };
  try {
    await start({ deletion: options.deletion ?? true });
  } catch (error) {
    await storage.close();
    await rm(folder, { recursive: true });
    throw error;
  }
  return {
    ...contentOf(() => host, credentials),
    ...damageOf(storage),
    get host() {
      return host;
    },
    credentials,
    objectStore: storage.objectStore,
    start,
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
      await storage.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function writeConfiguration(
  folder: string,
  { storage, credentials }: { storage: RegistryStorage; credentials: typeof CREDENTIALS | undefined },
): Promise<void> {
  const configuration = {
    version: '0.1',
    log: { level: 'info', accesslog: { disabled: true } },
    storage: { cache: { blobdescriptor: 'inmemory' }, ...storage.configuration },
    http: { addr: '127.0.0.1:0', secret: 'test' },
    ...(credentials && { auth: { htpasswd: { realm: 'test', path: join(folder, 'htpasswd') } } }),
  };
  // JSON is YAML.
  await writeFile(join(folder, 'config.yml'), JSON.stringify(configuration));
  if (credentials === undefined) return;
  // The registry checks the hash at every request: the lowest cost.
  const line = `${credentials.username}:${await hash(credentials.password, 4)}\n`;
  await writeFile(join(folder, 'htpasswd'), line);
}

/** Starts the process and waits until it says on which address it listens. */
async function listen(folder: string, { host, deletion }: { host: string; deletion: boolean }) {
  const child = spawn('docker-registry', ['serve', join(folder, 'config.yml')], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {
      PATH: process.env.PATH,
      REGISTRY_HTTP_ADDR: host,
      REGISTRY_STORAGE_DELETE_ENABLED: String(deletion),
      OTEL_TRACES_EXPORTER: 'none',
    },
  });
  const log: string[] = [];
  for await (const line of createInterface(child.stderr)) {
    log.push(line);
    const address = /msg="listening on (127\.0\.0\.1:\d+)"/.exec(line)?.[1];
    if (address === undefined) continue;
    child.stderr.resume();
    return { process: child, host: address };
  }
  throw new Error(`docker-registry did not start:\n${log.slice(-5).join('\n')}`);
}

function contentOf(host: () => string, credentials: typeof CREDENTIALS | undefined) {
  const authorization = credentials && {
    authorization: `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64')}`,
  };
  const request = (path: string, init: RequestInit = {}) =>
    fetch(`http://${host()}${path}`, { ...init, headers: { ...authorization, ...init.headers } });

  const putBlob = async (repository: string, blob: string): Promise<{ digest: Digest; size: number }> => {
    const digest = sha256(blob);
    const upload = await expectStatus(request(`/v2/${repository}/blobs/uploads/`, { method: 'POST' }), 202);
    const location = new URL(upload.headers.get('location') ?? '');
    location.searchParams.set('digest', digest);
    const headers = { 'content-type': 'application/octet-stream' };
    await expectStatus(
      request(location.pathname + location.search, { method: 'PUT', body: blob, headers }),
      201,
    );
    return { digest, size: Buffer.byteLength(blob) };
  };
  const putManifest = async (repository: string, reference: string, body: string, mediaType: string) => {
    const path = `/v2/${repository}/manifests/${reference}`;
    await expectStatus(request(path, { method: 'PUT', body, headers: { 'content-type': mediaType } }), 201);
    return sha256(body);
  };
  const configured = new Map<string, { digest: Digest; size: number }>();

  return {
    request,
    putManifest,
    async putImage(repository: string, tags: readonly string[], content = String(tags[0])): Promise<Digest> {
      const config = configured.get(repository) ?? (await putBlob(repository, '{}'));
      configured.set(repository, config);
      const body = JSON.stringify({
        schemaVersion: 2,
        mediaType: OCI_IMAGE,
        config: { mediaType: OCI_CONFIG, ...config },
        layers: [],
        annotations: { content },
      });
      for (const tag of tags) await putManifest(repository, tag, body, OCI_IMAGE);
      return sha256(body);
    },
    putIndex(repository: string, tag: string, children: readonly Digest[]): Promise<Digest> {
      const manifests = children.map((digest) => ({
        mediaType: OCI_IMAGE,
        digest,
        size: 1,
        platform: { os: 'linux', architecture: 'amd64' },
      }));
      const body = JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests });
      return putManifest(repository, tag, body, OCI_INDEX);
    },
    async tags(repository: string): Promise<string[] | undefined> {
      const response = await request(`/v2/${repository}/tags/list`);
      if (response.status === 404) return undefined;
      const { tags } = (await response.json()) as { tags: string[] | null };
      return (tags ?? []).sort();
    },
    async digest(repository: string, reference: string): Promise<Digest | undefined> {
      const accept = [OCI_IMAGE, OCI_INDEX, DOCKER_IMAGE, DOCKER_LIST].join(', ');
      const headers = { accept };
      const response = await request(`/v2/${repository}/manifests/${reference}`, { method: 'HEAD', headers });
      return response.ok ? (response.headers.get('docker-content-digest') as Digest) : undefined;
    },
  };
}

async function expectStatus(pending: Promise<Response>, status: number): Promise<Response> {
  const response = await pending;
  const body = await response.text();
  if (response.status !== status)
    throw new Error(`${response.status} instead of ${status}: ${response.url}: ${body}`);
  return response;
}

function sha256(text: string): Digest {
  return `sha256:${createHash('sha256').update(text).digest('hex')}` as Digest;
}
