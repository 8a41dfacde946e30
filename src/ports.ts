/**
 * The outside worlds, as small interfaces. Steps see these and the domain, never a library. Every method that
 * waits takes or was built with an AbortSignal; an aborted call rejects with the signal's reason.
 */
import type { SpaceEstimate } from './domain/estimate.ts';
import type { ImageUse, Unseen } from './domain/in-use.ts';
import type { LeaseRecord } from './domain/lease.ts';
import type { Manifest } from './domain/manifest.ts';
import type { ManifestContent } from './domain/manifest-content.ts';
import type { Digest, Repository, Tag } from './domain/names.ts';
import type { JournalEntry, Outcomes, Summary } from './domain/outcome.ts';
import type { Permission } from './domain/permissions.ts';
import type { RepositoryPlan, RepositoryRef } from './domain/plan.ts';
import type { Report } from './domain/report.ts';
import type { Review } from './domain/review.ts';
import type { RestartTimes, RunRecord } from './domain/run.ts';
import type { ScanReport } from './domain/scan.ts';
import type { TrailEvent, TrailLine } from './domain/trail.ts';
import type { UndoEntry, UndoSummary } from './domain/undo.ts';
import type { Ledger } from './domain/untagging.ts';
import type { Finding } from './domain/verify.ts';
import type { JsonPatch, Workload, WorkloadPod } from './domain/workload.ts';

// ---------------------------------------------------------------------------------------------- the registry

/** The tags of a repository, or that the registry does not know it. An empty repository is listed: `[]`. */
export type TagListing =
  | { readonly state: 'listed'; readonly tags: readonly Tag[] }
  | { readonly state: 'missing' };

/**
 * The outcome of looking at a tag or digest.
 *
 * - `found`
 * - `gone`: the repository does not have it (any more)
 * - `untied`: the tag stands for the throw-away manifest that belongs to the ledger under the tag `marker`
 * - `dangling`: the tag is listed, but the registry has no manifest for it
 * - `unreadable`: there is something, but no manifest that this program understands
 */
export type Resolution =
  | { readonly state: 'found'; readonly manifest: Manifest }
  | { readonly state: 'gone' }
  | { readonly state: 'untied'; readonly marker: Tag }
  | { readonly state: 'dangling' | 'unreadable'; readonly reason: string };

/** A look that also brings the bytes of what it found. */
export type Reading =
  | { readonly state: 'found'; readonly manifest: Manifest; readonly stored: StoredManifest }
  | Exclude<Resolution, { readonly state: 'found' }>;

/** A container registry. Every failure is a `RegistryError`; a failed call is never an empty answer. */
export interface Registry {
  /** Fails unless the registry answers and accepts the credentials. Tries once. */
  check(signal: AbortSignal): Promise<void>;
  listTags(repository: Repository): Promise<TagListing>;
  /**
   * @param known what the tag stood for when it was last looked at. A registry that says that it still stands for that
   * is asked nothing more, not even whether it still has the manifest
   */
  resolve(repository: Repository, reference: Tag | Digest, known?: Manifest): Promise<Resolution>;
  /** As `resolve`, with the exact bytes of the manifest, held against its digest. One request where that is possible. */
  read(repository: Repository, reference: Tag | Digest): Promise<Reading>;
  /** Deletes a manifest, and with it every tag on it. `gone` when the registry no longer has it. */
  deleteManifest(repository: Repository, digest: Digest): Promise<'deleted' | 'gone'>;
  /**
   * Takes away a tag that `resolve` found dangling. Docker Distribution 2.8 leaves such tags when it is ended in the
   * middle of a deletion, since it removes the manifest first, and does not delete by a digest that it no longer has.
   * So the tag is pointed at a throw-away manifest of its own, and that is deleted. Between looking and pointing there
   * is the time of one request, in which a push to the tag would be lost.
   */
  removeDanglingTag(repository: Repository, tag: Tag): Promise<void>;
  /**
   * Whether the running registry lets manifests be deleted, found out by asking it to delete what it cannot have.
   * `unknown` where the adapter cannot tell.
   */
  deletionState(): Promise<'enabled' | 'disabled' | 'unknown'>;
  /** `undefined` when the adapter can only delete manifests, and with each of them every tag on it. */
  readonly untagging: Untagging | undefined;
  /** `undefined` when the adapter can neither tell of blobs nor put anything back. */
  readonly content: RegistryContent | undefined;
  /** `undefined` when the adapter cannot tell what the registry holds as a whole. */
  readonly inventory: Inventory | undefined;
  /**
   * Returns when nothing that this run ever began on the registry's side can still be under way, ending it where
   * necessary. Called before anything is restored or retried after a cut connection. Works after an abort.
   */
  quiesce(signal: AbortSignal): Promise<void>;
  /** Lets go of connections and processes. */
  close(): Promise<void>;
}

/**
 * Taking tags off their manifests without deleting these. Docker Distribution 3 deletes a tag when asked to. Version 2
 * cannot: there the tag is pointed at a throw-away manifest, and deleting that one unties all tags on it at once. The
 * registry itself keeps a ledger of what was untied (see `domain/untagging.ts`), under a tag of its own, so that any
 * later run, on any machine, can finish it or take it back.
 */
export interface Untagging {
  /** Puts the ledger into the repository, under its marker. Doing it again is harmless. Needs no deletion. */
  writeLedger(repository: Repository, ledger: Ledger): Promise<void>;
  /** The ledger under a marker; `undefined` when there is none there, or something else. */
  readLedger(repository: Repository, marker: Tag): Promise<Ledger | undefined>;
  /**
   * Takes a tag off its manifest. Where the registry cannot delete a tag it then stands for the ledger's throw-away
   * manifest, until `sweep`. No registry compares before it changes a tag: a push in the time of this one request is
   * lost, so the tag has to be looked at immediately before.
   */
  untie(repository: Repository, tag: Tag, ledger: Ledger): Promise<void>;
  /** Deletes the ledger's throw-away manifest, and with it every tag that stands for it. */
  sweep(repository: Repository, ledger: Ledger): Promise<void>;
  /** Points a tag at a manifest that the repository has; `gone` when it has it no more. */
  retie(repository: Repository, tag: Tag, digest: Digest): Promise<'tied' | 'gone'>;
  /** Deletes the ledger, which is the end of the untying. */
  removeLedger(repository: Repository, ledger: Ledger): Promise<void>;
}

/** What a registry holds as a whole. An untagged manifest that no index lists cannot be found by any means. */
export interface Inventory {
  /** Every repository that the registry knows, emptied ones included. */
  listRepositories(): Promise<readonly Repository[]>;
  /** As of `RegistryContent`. */
  readManifest(repository: Repository, digest: Digest): Promise<StoredManifest | undefined>;
}

/** A manifest as the registry keeps it. */
export interface StoredManifest {
  readonly mediaType: string;
  /** Exactly as they are: the digest is theirs. */
  readonly bytes: Uint8Array;
}

/**
 * What a registry holds, byte for byte. After a manifest was deleted it can be put back, until garbage collection has
 * taken what it refers to.
 */
export interface RegistryContent {
  /**
   * Whether the repository has a blob: `there`; `known`, when the registry sends on to an object store, which alone
   * could tell whether it still is there; or `unknown`.
   */
  knowsBlob(repository: Repository, digest: Digest): Promise<'there' | 'known' | 'unknown'>;
  /** A manifest's bytes, held against their digest; `undefined` when the repository does not have it. */
  readManifest(repository: Repository, digest: Digest): Promise<StoredManifest | undefined>;
  /** Puts a manifest under a tag or under its own digest; returns its digest. Fails where the registry got another. */
  putManifest(repository: Repository, reference: Tag | Digest, manifest: StoredManifest): Promise<Digest>;
}

// ----------------------------------------------------------------------------------------- running commands

/** A place where commands run: inside the Skopeo pod, or on this machine. */
export interface Shell {
  /** Starts a command. Rejects with a `RegistryError` (`temporary` where another try can help). */
  open(argv: readonly string[], signal: AbortSignal): Promise<ShellSession>;
}

/** A running command and its streams. */
export interface ShellSession {
  /** Identifies the place (a pod's UID): files written there by an earlier command exist only while it stays the same. */
  readonly place: string;
  write(data: string | Uint8Array): Promise<void>;
  /** Standard output as it comes. Ends when the command ends or the connection breaks. */
  readonly output: AsyncIterable<Buffer>;
  /**
   * The exit status. Rejects with a `RegistryError` (`temporary`) when the connection broke without one: the
   * command may still be running then.
   */
  readonly exit: Promise<number>;
  /** The last few KiB of standard error, for messages. */
  errors(): string;
  /** Lets go of the connection. Does NOT end the command where it runs in a pod (as measured on a real cluster). */
  close(): void;
}

/** A connection to the registry's port, as bytes. */
export interface ByteStream {
  write(data: Uint8Array): Promise<void>;
  /** Ends when the other side closes; fails with a `RegistryError` (`temporary`) when the connection broke. */
  readonly output: AsyncIterable<Buffer>;
  close(): void;
}

/** Makes connections to the registry's port. */
export interface Dialer {
  /** Rejects with a `RegistryError` (`temporary` where another try can help). */
  dial(signal: AbortSignal): Promise<ByteStream>;
}

// ------------------------------------------------------------------------------------------------ the cluster

interface ClusterIdentity {
  /** UID of the namespace `kube-system`: what a run is bound to. */
  readonly uid: string;
  /** The kubeconfig context's name. */
  readonly context: string;
  /** The API server's address. */
  readonly server: string;
}

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** The cluster as a whole. Failures are `UnreachableError`s that say what was asked of what. */
export interface Cluster {
  identity(signal: AbortSignal): Promise<ClusterIdentity>;
  /** Those of `permissions` that the user does not have (one SelfSubjectAccessReview each). */
  missingPermissions(permissions: readonly Permission[], signal: AbortSignal): Promise<readonly Permission[]>;
  /** The registry's credentials from the Secret; `undefined` when there is no such Secret. */
  registryCredentials(signal: AbortSignal): Promise<Credentials | undefined>;
}

/** Who a pod or a setting belongs to. */
export interface SkopeoPodInfo {
  readonly name: string;
  readonly uid: string;
  /** The run that created it, from its label; empty when it is not ours. */
  readonly run: string;
  /** `Pending`, `Running`, `Succeeded`, `Failed` or `Unknown`. */
  readonly phase: string;
  readonly terminating: boolean;
  /** ISO 8601. */
  readonly createdAt: string;
}

/** The pod in which Skopeo runs. It has a fixed name, so that a Role can be scoped to it. */
export interface SkopeoPodPort {
  /** Whatever pod bears the fixed name now. */
  find(signal: AbortSignal): Promise<SkopeoPodInfo | undefined>;
  /**
   * Makes sure that a pod of this run is there and its container runs: adopts a live one of the same run, replaces a
   * lost, finished or soon expiring one. Refuses (`RefusedError`) to touch a pod of another run or of somebody else.
   */
  ensure(signal: AbortSignal): Promise<SkopeoPodInfo>;
  /** Deletes the pod and waits until it is gone. `false` when there was none. Never deletes a pod that is not ours. */
  remove(signal: AbortSignal): Promise<boolean>;
}

/** The registry's workload, and nothing else of its namespace. */
export interface WorkloadPort {
  /** Finds the StatefulSet or Deployment. `UnreachableError` when there is none. */
  read(signal: AbortSignal): Promise<Workload>;
  /** Applies a JSON patch with `fieldValidation=Strict`. `ConflictError` when one of its `test`s did not hold. */
  patch(patch: JsonPatch, signal: AbortSignal): Promise<Workload>;
  /** The pods that the workload owns, terminating ones included. */
  pods(signal: AbortSignal): Promise<readonly WorkloadPod[]>;
  /** Deletes one of them, with its UID as a precondition; nothing happens when it is gone already. */
  deletePod(pod: WorkloadPod, signal: AbortSignal): Promise<void>;
}

/** What the cluster runs, or is to run. */
export interface ImagesInUsePort {
  /**
   * Looks at everything that names an image. Each image comes once, with one of those that use it. Where one may not
   * look is told, not thrown; `UsageError` when there is no such namespace.
   */
  find(signal: AbortSignal): Promise<ImagesFound>;
}

interface ImagesFound {
  readonly uses: readonly ImageUse[];
  readonly unseen: readonly Unseen[];
}

/** The lease that keeps two operators from changing one registry at the same time. */
export interface LeasePort {
  /** What stands in it; `undefined` while nobody has it. `RefusedError` when it is not one of this program. */
  find(signal: AbortSignal): Promise<LeaseRecord | undefined>;
  /**
   * Takes the lease, and renews it until it is let go of. Where somebody has it, this watches for as long as it lasts
   * whether it is renewed, unless that process is known to have died on this machine.
   *
   * `RefusedError` when somebody else has it and is alive, and when it is not one of this program.
   */
  acquire(progress: Pick<Progress, 'status'>, signal: AbortSignal): Promise<HeldLease>;
}

/** The lease, held. */
export interface HeldLease {
  /**
   * Who had it and has not let go of it: that run's setting has to be put back and its pod ended before anything else.
   * `undefined` also when it was this very run, whose process has died: it goes on where that has stopped.
   */
  readonly takenOver: LeaseRecord | undefined;
  /** The setting that is kept in the lease; after a takeover the one that was found there. */
  readonly setting: string | undefined;
  /** Aborted with a `LeaseLostError` as soon as it is known that the lease is, or may be, lost. */
  readonly lost: AbortSignal;
  /**
   * To be asked before everything that deletes; asks nobody, and costs nothing. `LeaseLostError` once the lease could
   * not be renewed in time, or is another's; from then on always.
   */
  requireHeld(): void;
  /**
   * To be asked before something is put back: asks the API server. Returns when the lease is still this run's, also
   * when it had not been renewed in time, and takes it anew (without a setting) when it is gone. `LeaseLostError` when
   * it is another's.
   */
  confirm(signal: AbortSignal): Promise<void>;
  /** Keeps the setting in the lease, or removes it from there; it stands there when this returns. */
  keepSetting(setting: string | undefined, signal: AbortSignal): Promise<void>;
  /** Stops renewing, and deletes the lease if it is still this run's. May be called again after a failure. */
  release(signal: AbortSignal): Promise<void>;
}

/** Uploads that clients of the registry have begun and not finished. Its HTTP API does not tell of them. */
export interface OpenUploads {
  /**
   * Counts them in the files of one of the registry's pods. Needs the permission to run a command there.
   *
   * @param container the registry's container
   * @throws UnreachableError when they cannot be counted, with the reason
   */
  count(container: string, signal: AbortSignal): Promise<number>;
}

/** A container of the registry's workload, in one of its pods. */
export interface RegistryPlace {
  readonly pod: WorkloadPod;
  readonly container: string;
}

/**
 * The registry's garbage collector, and what has to be known around it. All of it are commands that run inside the
 * registry's own pods. A command outlives its connection: a collector is over only when none is seen to run any more.
 *
 * Failures are `RegistryError`s, `temporary` where another try can help: the pod has gone, or the connection broke.
 */
export interface GarbageCollector {
  /** @throws RefusedError when it cannot be told what serves there, or there is no shell to find it out with */
  inspect(place: RegistryPlace, signal: AbortSignal): Promise<ServingRegistry>;
  /**
   * What clients have begun to upload and not finished, as far as it has changed within the last minutes; `undefined`
   * where it cannot be known, since the registry does not keep its content in files.
   */
  uploads(
    place: RegistryPlace,
    withinMinutes: number,
    signal: AbortSignal,
  ): Promise<RecentUploads | undefined>;
  /** Every blob with its size in bytes; `undefined` where that cannot be known. */
  blobs(place: RegistryPlace, signal: AbortSignal): Promise<ReadonlyMap<Digest, number> | undefined>;
  /** How many bytes of the volume with the registry's content are used; `undefined` where that cannot be known. */
  usedBytes(place: RegistryPlace, signal: AbortSignal): Promise<number | undefined>;
  /**
   * Starts the collector. One that deletes refuses to start in a container whose registry is not read-only.
   *
   * @param given `requireLeave` throws when it must not start; it is asked at the last moment
   * @throws RefusedError where the registry is not read-only
   */
  start(
    place: RegistryPlace,
    given: { readonly dryRun: boolean; readonly requireLeave: () => void },
    signal: AbortSignal,
  ): Promise<RunningCollector>;
  /** How many collectors run in the container, or are about to start, whoever has started them. */
  count(place: RegistryPlace, signal: AbortSignal): Promise<number>;
  /** Ends every collector of the container. When this returns none runs there, and none that was begun can start. */
  end(place: RegistryPlace, signal: AbortSignal): Promise<void>;
}

/** The registry's process in one of its pods, as it is, rather than as the template would have it. */
export interface ServingRegistry {
  /** Its program, an absolute path. */
  readonly program: string;
  /** Its configuration file. */
  readonly configuration: string;
  /** Its variables whose names begin with `REGISTRY_STORAGE_MAINTENANCE_READONLY`, each `NAME=value`. */
  readonly readOnlyVariables: readonly string[];
  /** Its content is in files of the pod. */
  readonly inFiles: boolean;
  /** Where it remembers which blobs there are: `inmemory`, `redis`; empty where nowhere. */
  readonly cache: string;
}

export interface RecentUploads {
  /** Uploads that have changed within that time, each by its folder below the repositories. */
  readonly open: readonly string[];
  /** Blobs that a repository got within that time. A push puts them there before its manifest. */
  readonly blobs: ReadonlySet<Digest>;
}

export interface RunningCollector {
  /** What it prints, line by line. Ends with the collector, or when the connection breaks. */
  readonly lines: AsyncIterable<string>;
  /** Its exit status. Rejects as `ShellSession.exit`: it may still run then. */
  readonly exit: Promise<number>;
  /** The last that it printed on standard error. */
  errors(): string;
}

// ---------------------------------------------------------------------------------------------- local storage

/** The append-only journal of what happened to each tag: the audit trail, too. */
export interface Journal {
  /** What is on disk, with damaged lines left out (their tags are simply looked at again). */
  read(): Promise<{ readonly outcomes: Outcomes; readonly damagedLines: number }>;
  /** Notes an outcome; it is on disk within a quarter of a second. Throws a `StorageError` once writing has failed. */
  append(entry: JournalEntry): void;
  /** Notes, in the same way, something that is no outcome of a tag, for the audit trail. */
  note(event: TrailEvent): void;
  /** Returns when everything is on disk. */
  flush(): Promise<void>;
  /** Flushes, and lets go of the file. */
  close(): Promise<void>;
}

/** The frozen plan of a run: written a repository at a time, never changed. */
export interface PlanFile {
  append(plan: RepositoryPlan): Promise<void>;
  /** The repositories planned so far, in their order. */
  read(): Promise<readonly RepositoryPlan[]>;
  /** SHA-256 of the file, hex. */
  sha256(): Promise<string>;
}

/** What a run saves of a manifest that it is about to delete, or to take a tag from. */
export interface SavedEntry {
  readonly repository: Repository;
  readonly digest: Digest;
  /** The tag that stands for it and is about to go; none for what only an index lists. */
  readonly tag?: Tag;
  /** Left out where it was saved before. */
  readonly manifest?: StoredManifest;
}

/** A tag that a run has taken away, or was about to. */
export type SavedTag = Required<Pick<SavedEntry, 'repository' | 'digest' | 'tag'>>;

/** What a run has deleted, or was about to: manifests byte for byte, and the tags that stood for them. Only ever grows. */
export interface SavedManifests {
  /** The file. */
  readonly place: string;
  /** Bytes on disk; 0 while there are none. */
  size(): Promise<number>;
  /** Finds out what earlier starts have saved; to be called before `has` and `note`. */
  prepare(): Promise<void>;
  /** The bytes of a manifest are on disk. */
  has(digest: Digest): boolean;
  /** Takes an entry, which is on disk when `flush` returns, or before that. */
  note(entry: SavedEntry): void;
  /** Returns when everything is on disk that was noted. `StorageError` when that failed, and from then on always. */
  flush(): Promise<void>;
  /** Everything that is on disk. */
  read(): Promise<SavedContent>;
  /** Lets go of the file. */
  close(): Promise<void>;
}

/** What a run has saved, read back. */
export interface SavedContent {
  /** Each once. */
  readonly tags: readonly SavedTag[];
  /** So many entries, or pieces of the file, cannot be read. */
  readonly damaged: number;
  /** A manifest whose bytes are those of its digest; `undefined` when there is none such. */
  manifest(digest: Digest): Promise<StoredManifest | undefined>;
  close(): Promise<void>;
}

/** The lists for review: `revisions_to_delete`, `tags/<repository>`, and when finished `tags/done/…`. */
export interface Lists {
  /** Makes the folders, and fails unless they are real folders. */
  prepare(): Promise<void>;
  /** Writes the list of a repository; none where nothing is doomed. */
  write(plan: RepositoryPlan): Promise<void>;
  /** The list's text, wherever it is; `undefined` when it is nowhere. */
  read(ref: RepositoryRef): Promise<string | undefined>;
  /** Moves the list to `tags/done/`; nothing happens if it is there already. */
  finish(ref: RepositoryRef): Promise<void>;
  isFinished(ref: RepositoryRef): Promise<boolean>;
  /** Where the list is, or would be, for messages. */
  place(ref: RepositoryRef): string;
  /** The folder that holds them all. */
  readonly folder: string;
}

/** One run's folder. */
export interface RunHandle {
  readonly folder: string;
  readonly record: RunRecord;
  /** Changes the record, on disk before it returns. Changes are made one after the other. */
  update(change: (record: RunRecord) => RunRecord): Promise<void>;
  readonly plan: PlanFile;
  readonly journal: Journal;
  readonly lists: Lists;
  readonly saved: SavedManifests;
}

/** All runs of a state folder. Holds the folder for this process alone until it is closed. */
export interface RunStore {
  /** The newest unfinished run, else the newest; `undefined` when there is none. A damaged one is set aside and reported (`StorageError`). */
  latest(): Promise<RunHandle | undefined>;
  create(record: RunRecord): Promise<RunHandle>;
  /** This state folder holds (or held) a run of that ID. */
  knows(id: string): Promise<boolean>;
  /** Changes the records of all runs but one, as far as they can be read; `undefined` leaves one as it is. */
  updateOthers(than: string | undefined, change: (record: RunRecord) => RunRecord | undefined): Promise<void>;
  close(): Promise<void>;
}

/** Writes what a run reports when it ends, as one file to look at. */
export interface ReportWriter {
  /** @throws UsageError when the copy that the person wants could not be put where it is wanted */
  check(): Promise<void>;
  /** Writes it into a run's folder, in place of an earlier one. Returns where it is. @throws StorageError */
  write(folder: string, report: Report): Promise<string>;
  /** Copies it to where the person wants it, and returns that place; `undefined` when no copy is wanted. @throws StorageError */
  copy(from: string): Promise<string | undefined>;
}

/** A run of the state folder, as it is on disk at this moment. */
export interface RunGlimpse {
  readonly folder: string;
  readonly record: RunRecord;
  /** The frozen plan as far as it goes, and what the journal says. */
  read(): Promise<{ readonly plans: readonly RepositoryPlan[]; readonly outcomes: Outcomes }>;
  readonly saved: Pick<SavedManifests, 'place' | 'size' | 'read'>;
  /** The audit trail, in its order, piece by piece; lines that cannot be read are left out. */
  trail(): AsyncIterable<readonly TrailLine[]>;
}

/**
 * What manifests were found to take, which never changes, and what tags of one registry were last seen to stand for, which
 * has to be asked again sooner or later. Several processes may have it open.
 */
export interface ManifestCache {
  /** What a manifest takes, if it was ever read. */
  content(digest: Digest): ManifestContent | undefined;
  /** What the tag stood for when it was last looked at; `undefined` when that manifest is not kept. */
  lastSeen(repository: Repository, tag: Tag): Manifest | undefined;
  /** When that was, in milliseconds since 1970; `undefined` for what has to be asked for again in any case. */
  seenAtMs(repository: Repository, tag: Tag): number | undefined;
  keep(content: ManifestContent): void;
  /**
   * What a tag was seen to stand for.
   *
   * @param seen.atMs when the look began; left out when not all was seen that an index lists
   */
  noteTag(
    repository: Repository,
    tag: Tag,
    seen: { readonly digest: Digest; readonly atMs: number | undefined },
  ): void;
  /** The tag was looked at and does not stand for what it did, or only as long as a run is at work. */
  doubtTag(repository: Repository, tag: Tag): void;
  /** Returns when everything is on disk, and lets go of the file. `StorageError` when that failed. */
  close(): Promise<void>;
}

/** Looks at the state folder while another process may hold it. Changes nothing, and waits for nobody. */
export interface RunArchive {
  /** The newest runs, newest first, at most `limit`. Those whose record cannot be read are left out. */
  recent(limit: number): Promise<readonly RunGlimpse[]>;
  /** The run in a folder, wherever that is; `undefined` when there is none whose record can be read. */
  at(folder: string): Promise<RunGlimpse | undefined>;
  /** One run; `undefined` when there is none of that ID whose record can be read. */
  find(id: string): Promise<RunGlimpse | undefined>;
  /** The number of the process that holds the folder at this moment. */
  holder(): Promise<number | undefined>;
}

// ------------------------------------------------------------------------------- the person in front of it, time

/** What a step tells while it runs. */
export interface Progress {
  /** `done` of `total` are done; `text` says of what. */
  update(progress: { readonly done: number; readonly total: number; readonly text?: string }): void;
  /** What it waits for, or is busy with. */
  status(text: string): void;
}

/** A step as the person sees it: of a run, or of a command of its own. */
export interface StepView {
  /** Names it for machines. */
  readonly key: string;
  readonly title: string;
  /** Why it is skipped; `undefined` when it runs. */
  readonly skip: string | undefined;
  /** Runs it; what it returns is shown behind its title. */
  run(progress: Progress): Promise<string | undefined>;
}

export interface Person {
  /** Can be asked questions. */
  readonly present: boolean;
  /** Shows the steps and runs them in their order, up to the first that fails; rejects with its error. */
  steps(steps: readonly StepView[]): Promise<void>;
  say(text: string): void;
  warn(text: string): void;
  /** Something is finished that is worth a machine-readable line. */
  event(event: Readonly<Record<string, unknown>> & { readonly event: string }): void;
  review(review: Review, circumstances: ReviewCircumstances): void;
  scan(report: ScanReport): void;
  /** What the run has come to. */
  closing(summary: Summary, given: ClosingCircumstances): void;
  /** What an undo has come to, and what has become of each tag. */
  closingUndo(summary: UndoSummary, entries: readonly UndoEntry[]): void;
  /** Asks to type `expected`; `false` when something else is typed. */
  confirm(question: string, expected: string): Promise<boolean>;
}

/** What the closing summary says beside the figures. */
export interface ClosingCircumstances {
  /** The run's folder. */
  readonly folder: string;
  /** The tags that failed or drifted. */
  readonly open: readonly JournalEntry[];
  /** What the check after deleting has found that is not as it has to be. */
  readonly findings: readonly Finding[];
  /** The command that puts back what the run has deleted. */
  readonly undo: string;
}

/** What the review says beside the plan. */
export interface ReviewCircumstances {
  readonly registry: string;
  readonly context: string;
  /** How many of the planned deletions are done already. */
  readonly done: number;
  /** What deleting will free; `undefined` where that was not found out. */
  readonly estimate: SpaceEstimate | undefined;
  /** The repositories whose tags are untied before their manifests are deleted. */
  readonly untagFirst: readonly Repository[];
  /** SHA-256 of the frozen plan, hex. */
  readonly planSha256: string;
  /** How many environments the file names more, and fewer, than when the plan was made. */
  readonly file: { readonly added: number; readonly removed: number };
  /** Where it may not be seen which images are in use. */
  readonly unseen: readonly Unseen[];
  /** How often deleting will restart the registry. */
  readonly restarts: number;
  /** How long the last runs' restarts took. */
  readonly lastRestarts: RestartTimes;
  /** Where the lists are. */
  readonly lists: string;
}

export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Rejects with the signal's reason when aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /** Between 0 and 1, for jitter. */
  random(): number;
}

/** Ends the work at a moment that can be moved. */
export interface Alarm {
  /** Aborted when the moment has come. */
  readonly signal: AbortSignal;
  /** Instead of the moment that was set before. @param atMs milliseconds since 1970; one that has passed is now */
  set(atMs: number, reason: Error): void;
  clear(): void;
}
