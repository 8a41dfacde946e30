/** The disk of a state folder, in memory. It outlives the programs that open it; what a program had not flushed does not. */
import { createHash } from 'node:crypto';
import { writeList } from '../../../src/domain/lists.ts';
import { type JournalEntry, Outcomes } from '../../../src/domain/outcome.ts';
import { doomedTags, type RepositoryPlan, type RepositoryRef } from '../../../src/domain/plan.ts';
import type { RunRecord } from '../../../src/domain/run.ts';
import type { Journal, Lists, PlanFile, RunArchive, RunHandle, RunStore } from '../../../src/ports.ts';

interface RunFiles {
  record: RunRecord;
  readonly plan: RepositoryPlan[];
  readonly journal: JournalEntry[];
  /** List texts by their paths. */
  readonly lists: Map<string, string>;
}

type StoreCall = 'update' | 'plan' | 'append' | 'flush' | 'list' | 'finish';

export class MemoryDisk {
  readonly runs = new Map<string, RunFiles>();
  /** The process that has the folder locked. */
  holder: number | undefined;
  /** Called before each write; what it throws is its failure. */
  before: (call: StoreCall) => void = () => {};

  /** The newest run's files. */
  get latest(): RunFiles {
    const [latest] = [...this.runs.values()].slice(-1);
    if (!latest) throw new Error('there is no run');
    return latest;
  }

  /** A program opens the folder. */
  open(): RunStore {
    return {
      latest: async () => {
        const files = [...this.runs.values()].at(-1);
        return files && this.#handle(files);
      },
      create: async (record) => {
        this.before('update');
        const files: RunFiles = { record, plan: [], journal: [], lists: new Map() };
        this.runs.set(record.id, files);
        return this.#handle(files);
      },
      knows: async (id) => this.runs.has(id),
      updateOthers: async (than, change) => {
        for (const [id, files] of this.runs) {
          const changed = id === than ? undefined : change(files.record);
          if (changed === undefined) continue;
          this.before('update');
          files.record = structuredClone(changed);
        }
      },
      close: async () => {},
    };
  }

  /** The folder as another program sees it. */
  archive(): RunArchive {
    return {
      recent: async (limit) =>
        [...this.runs.values()]
          .reverse()
          .slice(0, limit)
          .map((files) => ({
            folder: '/memory',
            record: files.record,
            read: async () => ({
              plans: await this.#plan(files).read(),
              outcomes: (await this.#journal(files).read()).outcomes,
            }),
          })),
      holder: async () => this.holder,
    };
  }

  #handle(files: RunFiles): RunHandle {
    return {
      folder: '/memory',
      get record() {
        return files.record;
      },
      update: async (change) => {
        this.before('update');
        files.record = structuredClone(change(files.record));
      },
      plan: this.#plan(files),
      journal: this.#journal(files),
      lists: this.#lists(files),
    };
  }

  #plan({ plan }: RunFiles): PlanFile {
    return {
      append: async (repository) => {
        this.before('plan');
        plan.push(structuredClone(repository));
      },
      read: async () => structuredClone(plan),
      sha256: async () => createHash('sha256').update(JSON.stringify(plan)).digest('hex'),
    };
  }

  #journal({ journal }: RunFiles): Journal {
    let waiting: JournalEntry[] = [];
    const flush = async () => {
      this.before('flush');
      journal.push(...waiting);
      waiting = [];
    };
    return {
      read: async () => {
        const outcomes = new Outcomes();
        for (const entry of journal) outcomes.record(entry);
        return { outcomes, damagedLines: 0 };
      },
      append: (entry) => {
        this.before('append');
        waiting.push(entry);
      },
      flush,
      close: flush,
    };
  }

  #lists({ lists }: RunFiles): Lists {
    const open = (ref: RepositoryRef) =>
      ref.scheme === 'new' ? 'revisions_to_delete' : `tags/${ref.repository}`;
    const done = (ref: RepositoryRef) => `tags/done/${open(ref).replace('tags/', '')}`;
    return {
      folder: '/memory',
      prepare: async () => {},
      write: async (plan) => {
        this.before('list');
        if (doomedTags(plan).length > 0) lists.set(open(plan.ref), writeList(plan));
      },
      read: async (ref) => lists.get(open(ref)) ?? lists.get(done(ref)),
      finish: async (ref) => {
        this.before('finish');
        const text = lists.get(open(ref));
        if (text === undefined) return;
        lists.delete(open(ref));
        lists.set(done(ref), text);
      },
      isFinished: async (ref) => lists.has(done(ref)),
      place: open,
    };
  }
}
