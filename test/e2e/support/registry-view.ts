/** The registry as anybody sees it over plain HTTP; knows nothing of the program under test. */
import { rm } from 'node:fs/promises';
import { setTimeout as passed } from 'node:timers/promises';
import type { Sandbox } from '../../../scripts/sandbox/index.ts';

/** A manifest as it was pushed. */
export interface StoredManifest {
  readonly mediaType: string;
  readonly text: string;
  /** The digests that an image index lists. */
  readonly children: readonly string[];
}

/** One repository: its tags with their digests, and every manifest that can be reached from them. */
export interface RepositoryView {
  readonly tags: ReadonlyMap<string, string>;
  readonly manifests: ReadonlyMap<string, StoredManifest>;
}

/** All repositories, by name. Those without tags are left out. */
export type RegistryView = ReadonlyMap<string, RepositoryView>;

const MANIFEST_TYPES = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ');
const CONNECTION_TRIES = 20;

/** The registry of a sandbox, asked with its credentials. */
export class RegistryClient {
  readonly #sandbox: Sandbox;

  constructor(sandbox: Sandbox) {
    this.#sandbox = sandbox;
  }

  /** One request below `/v2/`. A connection that the restarting registry cuts is tried again. */
  async ask(path: string, init: RequestInit = {}): Promise<Response> {
    const { registry, username, password } = this.#sandbox;
    const credentials = Buffer.from(`${username}:${password}`).toString('base64');
    const headers = { authorization: `Basic ${credentials}`, accept: MANIFEST_TYPES, ...init.headers };
    for (let tries = 1; ; tries += 1) {
      try {
        return await fetch(`http://${registry}/v2/${path}`, { ...init, headers });
      } catch (error) {
        if (tries === CONNECTION_TRIES) throw error;
        await passed(100);
      }
    }
  }

  /** Every tag of every repository, with the manifests behind it. */
  async view(): Promise<RegistryView> {
    const view = new Map<string, RepositoryView>();
    for (const repository of await this.#list('_catalog?n=1000', 'repositories')) {
      const names = (await this.#list(`${repository}/tags/list`, 'tags')).toSorted();
      if (names.length > 0) view.set(repository, await this.#repository(repository, names));
    }
    return view;
  }

  /** Puts the registry's content back to an earlier view: pushes what is missing, takes away what is new. */
  async restore(earlier: RegistryView): Promise<void> {
    const now = await this.view();
    for (const [repository, { tags, manifests }] of earlier) {
      const present = now.get(repository);
      for (const [digest, manifest] of [...manifests].toSorted(childrenFirst))
        if (!present?.manifests.has(digest)) await this.push(repository, digest, manifest);
      for (const [tag, digest] of tags)
        if (present?.tags.get(tag) !== digest)
          await this.push(repository, tag, manifests.get(digest) as StoredManifest);
      for (const tag of present?.tags.keys() ?? []) if (!tags.has(tag)) await this.loseTag(repository, tag);
    }
  }

  /** Pushes a manifest under a tag or its digest. */
  async push(
    repository: string,
    reference: string,
    { mediaType, text }: Pick<StoredManifest, 'mediaType' | 'text'>,
  ): Promise<void> {
    const path = `${repository}/manifests/${reference}`;
    const answer = await this.ask(path, {
      method: 'PUT',
      headers: { 'content-type': mediaType },
      body: text,
    });
    if (answer.status !== 201) throw new Error(`PUT ${path}: ${answer.status} ${await answer.text()}`);
  }

  /** Takes a tag out of the registry's storage, behind its back. */
  async loseTag(repository: string, tag: string): Promise<void> {
    await rm(this.#tagFolder(repository, tag), { recursive: true });
  }

  /** Takes a layer out of a repository, behind the registry's back. */
  async loseLayer(repository: string, digest: string): Promise<void> {
    await rm(`${this.#folder(repository)}/_layers/${digest.replace(':', '/')}`, { recursive: true });
  }

  /** Those of `manifests`, each `repository@digest`, that the registry has. */
  async present(manifests: readonly string[]): Promise<string[]> {
    const answers = await Promise.all(
      manifests.map(async (manifest) => {
        const [repository, digest] = manifest.split('@');
        const { status } = await this.ask(`${repository}/manifests/${digest}`, { method: 'HEAD' });
        if (status !== 200 && status !== 404) throw new Error(`HEAD ${manifest}: ${status}`);
        return { manifest, isThere: status === 200 };
      }),
    );
    return answers.filter(({ isThere }) => isThere).map(({ manifest }) => manifest);
  }

  /** Whether manifests can be deleted, found out with a digest that cannot exist. */
  async deletes(): Promise<boolean> {
    const impossible = `sha256:${'0'.repeat(64)}`;
    const { status } = await this.ask(`dominodatalab/environment/manifests/${impossible}`, {
      method: 'DELETE',
    });
    if (status !== 404 && status !== 405) throw new Error(`the registry answered ${status}`);
    return status === 404;
  }

  /** Whether it takes pushes, found out with a manifest that is none. */
  async takesPushes(): Promise<boolean> {
    const { status, body } = await this.pushNothing();
    if (status === 400) return true;
    if (status === 405) return false;
    throw new Error(`the registry answered ${status} ${body}`);
  }

  /** What the registry answers to a push that it cannot take: its own words when it takes none at all. */
  async pushNothing(): Promise<{ status: number; body: string }> {
    const answer = await this.ask('dominodatalab/environment/manifests/nothing', {
      method: 'PUT',
      headers: { 'content-type': 'application/vnd.docker.distribution.manifest.v2+json' },
      body: '{}',
    });
    return { status: answer.status, body: await answer.text() };
  }

  async #list(path: string, key: string): Promise<string[]> {
    const answer = await this.ask(path);
    if (answer.status === 404) return [];
    if (!answer.ok) throw new Error(`GET ${path}: ${answer.status}`);
    return ((await answer.json()) as Record<string, string[] | null>)[key] ?? [];
  }

  async #repository(repository: string, names: readonly string[]): Promise<RepositoryView> {
    const tags = new Map<string, string>();
    const manifests = new Map<string, StoredManifest>();
    const read = async (reference: string): Promise<string | undefined> => {
      const answer = await this.ask(`${repository}/manifests/${reference}`);
      const text = await answer.text();
      if (!answer.ok) return undefined;
      const digest = answer.headers.get('docker-content-digest') ?? '';
      const { mediaType, manifests: listed = [] } = JSON.parse(text) as {
        mediaType?: string;
        manifests?: { digest: string }[];
      };
      const children = listed.map((entry) => entry.digest);
      if (!manifests.has(digest)) {
        manifests.set(digest, {
          mediaType: mediaType ?? answer.headers.get('content-type') ?? '',
          text,
          children,
        });
        for (const child of children) await read(child);
      }
      return digest;
    };
    await Promise.all(names.map(async (tag) => tags.set(tag, (await read(tag)) ?? 'no manifest')));
    return { tags: new Map([...tags].toSorted()), manifests };
  }

  #tagFolder(repository: string, tag: string): string {
    return `${this.#folder(repository)}/_manifests/tags/${tag}`;
  }

  #folder(repository: string): string {
    return `${this.#sandbox.storage}/docker/registry/v2/repositories/${repository}`;
  }
}

/** An index can only be pushed when all that it lists is there. */
function childrenFirst([, a]: [string, StoredManifest], [, b]: [string, StoredManifest]): number {
  return a.children.length - b.children.length;
}
