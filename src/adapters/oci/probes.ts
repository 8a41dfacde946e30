/** What the registry is and lets one do, found out by asking for what it cannot have. */
import type { Digest, Repository, Tag } from '../../domain/names.ts';
import type { RegistryClient } from './client.ts';
import type { HttpAnswer } from './exchange.ts';
import { RegistryHttpError } from './http-error.ts';
import type { Manifests } from './manifests.ts';

/** Need not exist. */
const REPOSITORY = 'registry-cleaner/probe' as Repository;
/** Nobody knows bytes that have it. */
const IMPOSSIBLE_DIGEST = `sha256:${'0'.repeat(64)}` as Digest;
const ABSENT_TAG = 'registry-cleaner-probe' as Tag;

/** How a tag is taken off its manifest. */
type UntyingMeans = 'delete-tag' | 'throw-away';

export class Probes {
  readonly #client: RegistryClient;
  readonly #manifests: Manifests;
  #means: Promise<UntyingMeans> | undefined;

  constructor({ client, manifests }: { client: RegistryClient; manifests: Manifests }) {
    this.#client = client;
    this.#manifests = manifests;
  }

  /** Fails unless a registry answers and accepts the credentials. */
  async check(signal: AbortSignal): Promise<void> {
    const what = `Could not reach the registry ${this.#client.address}`;
    const request = { what, method: 'GET', path: '/v2/', signal } as const;
    const answer = await this.#client.send(request);
    if (isRegistry(answer)) return;
    if (answer.status !== 200 && answer.status !== 400 && answer.status !== 404)
      throw this.#client.refusal(request, answer);
    throw this.#client.unexpected(request, {
      reason: `what answers there is no registry (it answered ${answer.status} to GET /v2/)`,
      next: `Check --registry${this.#client.secured ? '' : '. If the registry speaks TLS there, use --tls'}.`,
    });
  }

  /** Whether manifests can be deleted. */
  async deletionState(): Promise<'enabled' | 'disabled'> {
    const answer = await this.#tryDelete(IMPOSSIBLE_DIGEST);
    if (answer instanceof RegistryHttpError && answer.status !== 405) throw answer;
    return answer instanceof RegistryHttpError ? 'disabled' : 'enabled';
  }

  /** Found out once. Fails (`unsupported`) while deletion is disabled. */
  untyingMeans(): Promise<UntyingMeans> {
    this.#means ??= this.#findMeans().catch((error: unknown) => {
      this.#means = undefined;
      throw error;
    });
    return this.#means;
  }

  async #findMeans(): Promise<UntyingMeans> {
    const answer = await this.#tryDelete(ABSENT_TAG);
    if (!(answer instanceof RegistryHttpError)) return 'delete-tag';
    // Version 2 takes the tag for a digest that is wrong.
    if (answer.status === 400) return 'throw-away';
    // No deletion at all, or none by tag.
    if (answer.status === 405 && (await this.deletionState()) === 'enabled') return 'throw-away';
    throw answer;
  }

  /** The refusal, if there is one. */
  async #tryDelete(reference: Tag | Digest): Promise<RegistryHttpError | undefined> {
    try {
      await this.#manifests.delete({ repository: REPOSITORY, reference });
      return undefined;
    } catch (error) {
      if (error instanceof RegistryHttpError && error.status !== undefined) return error;
      throw error;
    }
  }
}

/** Registries say so in a header; those that do not answer with JSON. */
function isRegistry({ status, headers, body }: HttpAnswer): boolean {
  if (status !== 200) return false;
  if (headers['docker-distribution-api-version']?.startsWith('registry/2') === true) return true;
  try {
    return typeof JSON.parse(body.toString('utf8')) === 'object';
  } catch {
    return false;
  }
}
