/** The disk of a state folder, in memory. It outlives the programs that open it; what a program had not flushed does not. */
import { createHash } from 'node:crypto';
import { writeList } from '../../../src/domain/lists.ts';
import { type JournalEntry, Outcomes } from '../../../src/domain/outcome.ts';
import { doomedTags, type RepositoryPlan, type RepositoryRef } from '../../../src/domain/plan.ts';
import type { Report } from '../../../src/domain/report.ts';
import type { RunRecord } from '../../../src/domain/run.ts';
import { isEvent, type TrailLine } from '../../../src/domain/trail.ts';
import type {
  Journal,
  Lists,
  PlanFile,
  ReportWriter,
  RunArchive,
  RunGlimpse,
  RunHandle,
  RunStore,
  SavedEntry,
  SavedManifests,
} from '../../../src/ports.ts';

interface RunFiles {
  record: RunRecord;
  readonly plan: RepositoryPlan[];
  readonly journal: JournalEntry[];
  readonly trail: TrailLine[];
  /** List texts by their paths. */
  readonly lists: Map<string, string>;
  readonly saved: SavedEntry[];
}

function isEntry(line: TrailLine): line is JournalEntry {
  return !isEvent(line);
}

type StoreCall =
  | 'update'
  | 'plan'
  | 'append'
  | 'note'
  | 'flush'
  | 'list'
  | 'finish'
  | 'save'
  | 'check'
  | 'report'
  | 'copy';

export class MemoryDisk {
  readonly runs = new Map<string, RunFiles>();
  /** The process that has the folder locked. */
  holder: number | undefined;
  /** What was reported, the newest last. */
  readonly reported: Report[] = [];
  /** Where a copy of the report is wanted. */
  copyTo: string | undefined;
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
        const files: RunFiles = { record, plan: [], journal: [], trail: [], lists: new Map(), saved: [] };
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

  reports(): ReportWriter {
    return {
      check: async () => {
        if (this.copyTo !== undefined) this.before('check');
      },
      write: async (folder, report) => {
        this.before('report');
        this.reported.push(structuredClone(report));
        return `${folder}/report.html`;
      },
      copy: async () => {
        if (this.copyTo !== undefined) this.before('copy');
        return this.copyTo;
      },
    };
  }

  /** The folder as another program sees it. */
  archive(): RunArchive {
    return {
      recent: async (limit) =>
        [...this.runs.values()]
          .reverse()
          .slice(0, limit)
          .map((files) => this.#glimpse(files)),
      at: async (folder) => {
        const files = this.runs.get(folder);
        return files && this.#glimpse(files);
      },
      find: async (id) => {
        const files = this.runs.get(id);
        return files && this.#glimpse(files);
      },
      holder: async () => this.holder,
    };
  }

  #glimpse(files: RunFiles): RunGlimpse {
    return {
      folder: '/memory',
      record: files.record,
      read: async () => ({
        plans: await this.#plan(files).read(),
        outcomes: (await this.#journal(files).read()).outcomes,
      }),
      saved: this.#saved(files),
      async *trail() {
        yield files.trail;
      },
    };
  }

  /** Saving takes a turn, as writing to a disk does. */
  #saved({ saved }: RunFiles): SavedManifests {
    const noted: SavedEntry[] = [];
    return {
      place: '/memory/saved',
      size: async () => saved.length,
      prepare: async () => {},
      has: (digest) => saved.some((entry) => entry.digest === digest && entry.manifest !== undefined),
      note: (entry) => void noted.push(entry),
      flush: async () => {
        if (noted.length === 0) return;
        this.before('save');
        await Promise.resolve();
        await Promise.resolve();
        saved.push(...noted.splice(0));
      },
      read: async () => ({
        tags: saved.flatMap(({ repository, digest, tag }) => (tag ? { repository, digest, tag } : [])),
        damaged: 0,
        manifest: async (digest) =>
          saved.find((entry) => entry.digest === digest && entry.manifest !== undefined)?.manifest,
        close: async () => {},
      }),
      close: async () => {},
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
      saved: this.#saved(files),
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

  #journal({ journal, trail }: RunFiles): Journal {
    let waiting: TrailLine[] = [];
    const flush = async () => {
      this.before('flush');
      trail.push(...waiting);
      journal.push(...waiting.filter(isEntry));
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
      note: (event) => {
        this.before('note');
        waiting.push(event);
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
