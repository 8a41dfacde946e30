/** Which images are in use in the cluster: lists everything that names one, a page at a time. */
import { UsageError } from '../../domain/errors.ts';
import type { Unseen } from '../../domain/in-use.ts';
import type { Permission } from '../../domain/permissions.ts';
import { plainText } from '../../domain/text.ts';
import type { ImagesInUsePort } from '../../ports.ts';
import type { ApiClient } from './api-client.ts';
import { ApiError, hasStatus } from './api-error.ts';
import { type ImageSource, POD_MAKERS, PODS } from './image-sources.ts';
import { type Target, targetPermissions } from './target.ts';

/** As many objects as kubectl takes at a time. Of pods that is some 5 MiB. */
const PAGE_SIZE = '500';
/** How often a listing that took longer than the API server remembers (5 minutes) is begun anew. */
const MOST_RESTARTS = 3;
const WHY = 'see which images are in use';

/** What all that is listed has. */
interface Listed {
  readonly metadata?: { readonly namespace?: string; readonly name?: string };
}

interface Page {
  readonly metadata?: { readonly continue?: string };
  readonly items: Listed[];
}

/** @param namespaces to look into; none: all */
export function createImagesInUse(api: ApiClient, namespaces: readonly string[]): ImagesInUsePort {
  return {
    async find(signal) {
      const search = new Search(api, signal);
      for (const namespace of scopes(namespaces)) await search.lookInto(namespace);
      return search.found();
    },
  };
}

/** What one has to be allowed to see all of it; `namespaces` as above. */
export function inUsePermissions(namespaces: readonly string[]): Permission[] {
  const targets = scopes(namespaces).flatMap((namespace) => [
    ...(namespace === '' ? [] : [namespaceTarget(namespace)]),
    ...[PODS, ...POD_MAKERS].map((source) => listTarget(source, namespace)),
  ]);
  return targets.flatMap((target) => targetPermissions(target, WHY));
}

/** One look at all of it. Only the images are kept, each of them once. */
class Search {
  readonly #api: ApiClient;
  readonly #signal: AbortSignal;
  /** What uses an image, by the image. */
  readonly #users = new Map<string, string>();
  readonly #unseen: Unseen[] = [];

  constructor(api: ApiClient, signal: AbortSignal) {
    this.#api = api;
    this.#signal = signal;
  }

  /** @param namespace empty: all */
  async lookInto(namespace: string): Promise<void> {
    if (namespace !== '') await this.#requireNamespace(namespace);
    // First: where a template changes meanwhile, its pods have told what ran before, and it tells what comes.
    await this.#list(PODS, namespace);
    await Promise.all(POD_MAKERS.map((source) => this.#list(source, namespace)));
  }

  found() {
    return { uses: [...this.#users].map(([image, by]) => ({ image, by })), unseen: this.#unseen };
  }

  /** The API server lists nothing, without a fault, in a namespace that there is not. */
  async #requireNamespace(namespace: string): Promise<void> {
    const target = namespaceTarget(namespace);
    try {
      await this.#api.request(target, this.#signal);
    } catch (error) {
      if (hasStatus(error, 404))
        throw new UsageError(`There is no namespace "${plainText(namespace, 100)}".`, {
          next: 'Check --in-use-namespaces.',
        });
      this.#noteUnseen({ kind: 'Namespace', namespace, target }, error);
    }
  }

  async #list(source: ImageSource, namespace: string): Promise<void> {
    const target = listTarget(source, namespace);
    try {
      await this.#readPages(source, target);
    } catch (error) {
      this.#noteUnseen({ kind: source.kind, namespace, target }, error);
    }
  }

  async #readPages(source: ImageSource, target: Target): Promise<void> {
    const { fieldSelector } = source;
    const first = { limit: PAGE_SIZE, ...(fieldSelector === undefined ? {} : { fieldSelector }) };
    let query: Readonly<Record<string, string>> = first;
    for (let restarts = 0; ; ) {
      try {
        const { items, metadata } = await this.#api.request<Page>({ ...target, query }, this.#signal);
        for (const item of items) this.#add(source, item);
        if (!metadata?.continue) return;
        query = { ...first, continue: metadata.continue };
      } catch (error) {
        if (!hasStatus(error, 410) || restarts === MOST_RESTARTS) throw error;
        restarts += 1;
        query = first;
      }
    }
  }

  #add(source: ImageSource, object: Listed): void {
    const { namespace = '', name = '' } = object.metadata ?? {};
    for (const image of source.images(object))
      if (image && !this.#users.has(image)) this.#users.set(image, `${source.kind} ${namespace}/${name}`);
  }

  /** @throws any other error than that one may not look there */
  #noteUnseen(what: { kind: string; namespace: string; target: Target }, error: unknown): void {
    if (!(error instanceof ApiError && error.forbidden)) throw error;
    const { kind, namespace, target } = what;
    for (const permission of targetPermissions(target, WHY))
      this.#unseen.push({ kind, namespace, reason: error.message, permission });
  }
}

/** The namespaces as requests name them: empty for all. */
function scopes(namespaces: readonly string[]): readonly string[] {
  return namespaces.length === 0 ? [''] : namespaces;
}

function listTarget({ group, resource }: ImageSource, namespace: string): Target {
  return { verb: 'list', group, resource, namespace };
}

function namespaceTarget(name: string): Target {
  return { verb: 'get', group: '', resource: 'namespaces', namespace: '', name };
}
