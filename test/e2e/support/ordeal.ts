/** A run that is killed with `kill -9` at random moments; each time it is resumed, or a stranger begins anew. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { setTimeout as passed } from 'node:timers/promises';
import { Random } from '../../../scripts/sandbox/random.ts';
import { type Change, changes, repeated } from './access-log.ts';
import type { Command } from './command.ts';
import { ledgersIn } from './ledgers.ts';
import { runRecord } from './run-folder.ts';
import type { Site } from './site.ts';

const BEFORE_DELETING = ['deploy-pod', 'list-new', 'list-legacy', 'enable-delete'];
const AFTER_DELETING = ['move-done', 'disable-delete', 'verify', 'teardown'];
/** A moment lies up to this long after what it is counted from. */
const SPREAD_MS = 400;

export interface OrdealOptions {
  readonly kills: number;
  /** The same seed kills at the same moments, as far as the machine's own pace lets it. */
  readonly seed: number;
  readonly concurrency: number;
  /** Of every start: the route, the strategy. */
  readonly args?: readonly string[];
  /**
   * After every so many kills, nobody resumes: somebody else, without any state of the run, recovers the registry's
   * setting and begins a run of their own, which is then killed in turn. Never, unless given.
   */
  readonly anewEvery?: number;
  readonly report?: (line: string) => void;
}

/** Requests of one kind, and how many of them had been made before. */
interface Repetition {
  readonly requests: number;
  readonly repeated: number;
  /** The most that may be. */
  readonly allowed: number;
}

export interface OrdealResult {
  readonly kills: number;
  /** How many of them were followed by a new run elsewhere. */
  readonly anew: number;
  /** Doomed tags that were pointed at a throw-away manifest; see `#untyings`. */
  readonly untied: Repetition;
  /** Doomed manifests that were deleted; see `#deletions`. */
  readonly deleted: Repetition;
  /** PUTs and DELETEs of ledgers and of throw-away manifests. */
  readonly bookkeeping: number;
  /** The state folder that the last run is to be resumed in. */
  readonly stateDir: string;
}

/** Begins a deleting run and kills it `kills` times; it is left killed. @throws when a run ends before that */
export async function killAgainAndAgain(site: Site, options: OrdealOptions): Promise<OrdealResult> {
  return await new Ordeal(site, options).run();
}

class Ordeal {
  readonly #site: Site;
  readonly #options: OrdealOptions;
  readonly #random: Random;
  /** What a run that is let alone asks for: every doomed tag untied, where that is how it goes, and every manifest. */
  readonly #goals: ReadonlySet<string>;
  readonly #doomedTags: ReadonlySet<string>;
  readonly #doomedManifests: ReadonlySet<string>;
  #stateDir: string;
  /** How many changes there were before it began. */
  #before = 0;
  /** Manifests that were gone when a start began, and that ledgers of others named, summed up over all starts. */
  #goneForOthers = 0;
  #anew = 0;

  constructor(site: Site, options: OrdealOptions) {
    this.#site = site;
    this.#options = options;
    this.#random = new Random(options.seed);
    this.#stateDir = site.stateDir;
    const { doomed, doomedManifests } = site.judge();
    this.#doomedTags = new Set(doomed);
    this.#doomedManifests = new Set(doomedManifests);
    const untied = options.args?.includes('untag-first') ? doomed : [];
    this.#goals = new Set([...untied, ...doomedManifests]);
  }

  async run(): Promise<OrdealResult> {
    const { kills, report } = this.#options;
    this.#before = (await changes(this.#site.sandbox.registryLog)).length;
    for (let kill = 1; kill <= kills; kill += 1) {
      const left = this.#goals.size - (await this.#done()).size;
      const { command, how } = await this.#start(kill);
      const moment = choose(this.#random, { killsLeft: kills - kill, left });
      await this.#reach(command, moment);
      command.kill('SIGKILL');
      assert.equal((await command.ended).signal, 'SIGKILL', `killed ${tell(moment)}\n${command.output}`);
      report?.(
        `kill ${kill}: ${how}, ${tell(moment)}; ${this.#goals.size - left} of ${this.#goals.size} requests were done before`,
      );
      await this.#site.assertNothingLost();
      assert.notEqual(runRecord(this.#stateDir).stage, 'finished');
      this.#goneForOthers += await this.#countGoneForOthers(kill);
    }
    const all = await this.#changes();
    const untied = this.#untyings(all);
    const deleted = this.#deletions(all);
    const bookkeeping = all.length - untied.requests - deleted.requests;
    return { kills, anew: this.#anew, untied, deleted, bookkeeping, stateDir: this.#stateDir };
  }

  /** A start may point a tag again only if that was under way: two tags for each operation at a time. */
  #untyings(all: readonly Change[]): Repetition {
    const untyings = all.filter(({ method, target }) => method === 'PUT' && this.#doomedTags.has(target));
    const { kills, concurrency } = this.#options;
    return { requests: untyings.length, repeated: repeated(untyings), allowed: kills * 2 * concurrency };
  }

  /**
   * A start may delete a manifest again if that was under way, or not in the journal yet, for which there is a quarter of
   * a second. Of the manifests that ledgers of other runs name it does not know which are gone: it asks for each of them.
   */
  #deletions(all: readonly Change[]): Repetition {
    const deletions = all.filter(
      ({ method, target }) => method === 'DELETE' && this.#doomedManifests.has(target),
    );
    const { kills, concurrency } = this.#options;
    const inQuarter = Math.ceil(fastestSecond(deletions) / 4);
    const allowed = kills * (2 * concurrency + inQuarter) + this.#goneForOthers;
    return { requests: deletions.length, repeated: repeated(deletions), allowed };
  }

  /** What the program has asked for since the ordeal began. */
  async #changes(): Promise<readonly Change[]> {
    return (await changes(this.#site.sandbox.registryLog)).slice(this.#before);
  }

  /** The goals that it has asked for. */
  async #done(): Promise<ReadonlySet<string>> {
    const asked = (await this.#changes()).map(({ target }) => target);
    return new Set(asked.filter((target) => this.#goals.has(target)));
  }

  /** The `kill`-th start is one of somebody else. */
  #isAnew(kill: number): boolean {
    const { anewEvery } = this.#options;
    return anewEvery !== undefined && kill > 1 && (kill - 1) % anewEvery === 0;
  }

  async #start(kill: number): Promise<{ command: Command; how: string }> {
    const { args = [], concurrency } = this.#options;
    const isAnew = this.#isAnew(kill);
    if (isAnew) await this.#recoverElsewhere(kill);
    const begins = kill === 1 || isAnew;
    const command = this.#site.start([
      ...(begins ? ['--delete', '--yes'] : ['--resume']),
      ...['--state-dir', this.#stateDir, '--concurrency', String(concurrency), ...args],
    ]);
    return { command, how: isAnew ? 'a new run elsewhere' : begins ? 'the first run' : 'resumed' };
  }

  async #recoverElsewhere(kill: number): Promise<void> {
    this.#stateDir = join(this.#site.folder, `elsewhere-${kill}`);
    await this.#site.runs(0, ['recover', '--state-dir', this.#stateDir]);
    await this.#site.assertTidy();
    assert.equal(await this.#site.registry.deletes(), false);
    this.#anew += 1;
  }

  async #countGoneForOthers(kill: number): Promise<number> {
    const own = this.#isAnew(kill + 1) ? undefined : runRecord(this.#stateDir).id;
    const done = await this.#done();
    const named = ledgersIn(await this.#site.registry.view())
      .filter(({ run }) => run !== own)
      .flatMap(({ manifests }) => manifests);
    return new Set(named.filter((manifest) => done.has(manifest))).size;
  }

  async #reach(command: Command, moment: Moment): Promise<void> {
    if ('step' in moment) await command.step(moment.step);
    else {
      const before = (await this.#done()).size;
      const enough = async () => (await this.#done()).size >= before + moment.requests;
      await command.until(`${moment.requests} more requests`, enough);
    }
    await passed(moment.spreadMs);
  }
}

/** When to kill: so long after a step's begin, or after so many more of the requests that it has to make. */
type Moment = { readonly spreadMs: number } & ({ readonly step: string } | { readonly requests: number });

/** Most moments are in the midst of deleting; those after it have to be the last ones. */
function choose(random: Random, given: { killsLeft: number; left: number }): Moment {
  const upTo = (limit: number) => random.next() % Math.max(1, limit);
  const step = (steps: readonly string[]) => ({
    step: steps[upTo(steps.length)] as string,
    spreadMs: upTo(SPREAD_MS),
  });
  if (given.killsLeft === 0) return { ...step(AFTER_DELETING), spreadMs: 0 };
  const share = Math.floor(given.left / (given.killsLeft + 2));
  if (share === 0 || upTo(3) === 0) return step(BEFORE_DELETING);
  return { requests: 1 + upTo(share), spreadMs: upTo(20) };
}

function tell(moment: Moment): string {
  const after = 'step' in moment ? `the begin of ${moment.step}` : `${moment.requests} more requests`;
  return `${moment.spreadMs} ms after ${after}`;
}

/** The most of them within one second. */
function fastestSecond(all: readonly Change[]): number {
  const bySecond = Map.groupBy(all, ({ second }) => second);
  return Math.max(0, ...[...bySecond.values()].map((within) => within.length));
}
