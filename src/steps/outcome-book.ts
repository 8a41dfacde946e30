/** Writes down what becomes of each tag while it is deleted, and judges when going on makes no sense. */
import { readSetting } from '../domain/deletion-setting.ts';
import { RegistryError, type RegistryFailure, UnreachableError } from '../domain/errors.ts';
import type { Digest, Repository, Tag } from '../domain/names.ts';
import type { Outcome } from '../domain/outcome.ts';
import { registryContainer } from '../domain/registry-container.ts';
import { type Context, leaseOf } from './context.ts';

/** After so many refusals of one kind in a row the rest would be refused as well. */
const REFUSALS_IN_A_ROW = 3;

export class OutcomeBook {
  readonly #context: Context;
  readonly #refusals = new Map<RegistryFailure, number>();
  /** What the plan says that tags stand for, by repository. */
  readonly #digests = new Map<Repository, ReadonlyMap<Tag, Digest | undefined>>();
  /** Why the journal cannot be written any more. */
  #unwritable: unknown;

  constructor(context: Context) {
    this.#context = context;
  }

  note(repository: Repository, tag: Tag, outcome: Outcome, reason?: string): void {
    const digest = this.#digestOf(repository, tag);
    const entry = {
      at: new Date(this.#context.clock.now()).toISOString(),
      repository,
      tag,
      ...(digest === undefined ? {} : { digest }),
      outcome,
      ...(reason === undefined ? {} : { reason }),
    };
    this.#context.outcomes.record(entry);
    try {
      this.#context.run.journal.append(entry);
    } catch (error) {
      this.#unwritable = error;
      throw error;
    }
  }

  #digestOf(repository: Repository, tag: Tag): Digest | undefined {
    const known = this.#digests.get(repository);
    if (known !== undefined) return known.get(tag);
    const { tags = [] } = this.#context.plans.get(repository) ?? {};
    this.#digests.set(repository, new Map(tags.map((planned) => [planned.tag, planned.digest])));
    return this.#digestOf(repository, tag);
  }

  /** What has no place to be written down must not be done, nor what another run may have taken over. */
  requireReady(): void {
    leaseOf(this.#context).requireHeld();
    if (this.#unwritable !== undefined) throw this.#unwritable;
  }

  /** An operation has succeeded: refusals before it were not the first of many. */
  succeeded(): void {
    this.#refusals.clear();
  }

  /**
   * Notes a failure of the registry for those of the tags that have no outcome yet. Anything else is thrown again.
   *
   * @throws UnreachableError when the registry has refused several in a row
   */
  async failed(repository: Repository, tags: readonly Tag[], error: unknown, what = ''): Promise<void> {
    this.#context.signal.throwIfAborted();
    if (!(error instanceof RegistryError)) throw error;
    for (const tag of tags)
      if (!this.#context.outcomes.isSettled(repository, tag))
        this.note(repository, tag, 'failed', `${what}${error.message}`);
    await this.#countRefusal(error);
  }

  /** What cannot be done without was refused: says so, and by whose doing where that can be told. */
  async refused(error: unknown): Promise<never> {
    if (error instanceof RegistryError && error.failure === 'unsupported') await this.#blameController();
    throw error;
  }

  async #countRefusal(error: RegistryError): Promise<void> {
    if (error.failure === 'other') return;
    const inARow = (this.#refusals.get(error.failure) ?? 0) + 1;
    this.#refusals.set(error.failure, inARow);
    if (inARow < REFUSALS_IN_A_ROW) return;
    if (error.failure === 'unsupported') await this.#blameController();
    if (error.internal)
      throw new UnreachableError(`The registry fails at every deletion: ${error.message}`, {
        next:
          'Its log tells why. A tag that it cannot read keeps it from ending any deletion in that repository (`npm run clean -- scan` names those): ' +
          'push the tag again, or remove its folder from the storage, then continue with --resume.',
        cause: error,
      });
    throw new UnreachableError(
      error.failure === 'temporary'
        ? `The registry has not answered for a while: ${error.message}`
        : `The registry refuses every deletion: ${error.message}`,
      { next: error.next || 'Find out why, then continue with --resume.', cause: error },
    );
  }

  /** Deletion is refused as disabled: if the setting has gone, say that somebody else took it away. */
  async #blameController(): Promise<void> {
    const { workload, settings, signal } = this.#context;
    const current = await workload.read(signal);
    const container = registryContainer(current, settings.container);
    const setting = readSetting(current, container);
    // Without a record nobody has set the variable: then the registry's own configuration had enabled it.
    if (setting.enabled) return;
    throw new UnreachableError(
      'The registry refuses deletions: its deletion setting was changed back while this run needed it (by a controller, a GitOps tool, or a `recover` elsewhere).',
      { next: 'Find out by whom, then continue with --resume.' },
    );
  }
}
