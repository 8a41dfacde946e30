/** What a command is given: its options, the person, and ways to open the outside worlds. */
import type { EnvironmentEntry } from '../domain/environments.ts';
import type { ImageUse } from '../domain/in-use.ts';
import {
  type Figures,
  type JournalEntry,
  noFigures,
  type SavedFigures,
  type Summary,
} from '../domain/outcome.ts';
import type { Permission } from '../domain/permissions.ts';
import type { Reclaimed } from '../domain/reclaim.ts';
import type { ReportSource } from '../domain/report.ts';
import type { Route } from '../domain/route.ts';
import type { Binding } from '../domain/run.ts';
import type { Verification } from '../domain/verify.ts';
import type { Workload } from '../domain/workload.ts';
import type { Options } from '../options.ts';
import type {
  Alarm,
  Clock,
  Cluster,
  Credentials,
  Dialer,
  GarbageCollector,
  ImagesInUsePort,
  LeasePort,
  ManifestCache,
  OpenUploads,
  Person,
  Registry,
  ReportWriter,
  RunArchive,
  RunStore,
  Shell,
  SkopeoPodPort,
  WorkloadPort,
} from '../ports.ts';

/** A cluster that is connected, for one run. */
export interface Connection {
  readonly cluster: Cluster;
  readonly workload: WorkloadPort;
  readonly lease: LeasePort;
  readonly imagesInUse: ImagesInUsePort;
  readonly pod: SkopeoPodPort;
  readonly podShell: Shell;
  readonly openUploads: OpenUploads;
  readonly collector: GarbageCollector;
  /** Connections to the registry from inside the pod. */
  podDialer(registry: { host: string; port: number }): Dialer;
  /** Connections to the registry's own pod. */
  portForward(registry: {
    port: number;
    containerPort?: number | undefined;
    container?: string | undefined;
  }): Dialer;
  /** What a command needs to be allowed to do; `secret`: the password has to come from the Secret. */
  permissions(need: {
    deleting: boolean;
    /** It collects garbage, with commands in the registry's own pods. */
    reclaiming: boolean;
    /** `direct`: nothing of the cluster is needed to reach the registry. */
    route: Route;
    secret: boolean;
    /** It has to be seen which images are in use. */
    inUse: boolean;
    /** `undefined` when it may not be read. */
    workload: Workload | undefined;
  }): readonly Permission[];
}

export interface World {
  readonly options: Options;
  readonly person: Person;
  readonly clock: Clock;
  /** When the program began, in milliseconds since 1970. */
  readonly startedAtMs: number;
  /** Aborted by SIGINT, SIGTERM and SIGHUP, with an `InterruptedError`, and by the alarm. */
  readonly work: AbortSignal;
  readonly alarm: Alarm;
  readonly report: ReportWriter;
  /** For what has to happen however the work ended; never aborted by a signal. */
  readonly safety: AbortSignal;
  /** `user@host`. */
  readonly operator: string;
  /** From `SKOPEO_PASSWORD` or the command line. */
  readonly password: string | undefined;
  /** @throws UsageError that reports all faults of the file at once */
  readEnvironments(): Promise<readonly EnvironmentEntry[]>;
  /** The images that are known to be in use elsewhere. @throws UsageError that reports all faults of the file at once */
  readInUse(): Promise<readonly ImageUse[]>;
  /** The state folder as it is seen from outside. */
  readonly archive: RunArchive;
  /** Opens what is known of manifests, and of the tags of this registry. Needs no lock, and keeps nobody from anything. */
  openManifestCache(binding: Binding): Promise<ManifestCache>;
  /**
   * A file for the user, which must not be there yet: `write` makes it as a whole or not at all.
   *
   * @throws RefusedError when there is something of that name
   */
  newFile(path: string): Promise<{ write(text: string): Promise<void> }>;
  /** Opens and locks the state folder; it is closed with the program. */
  openStore(): Promise<RunStore>;
  /** Connects for a run; with `anyRun` its pod port may also remove the pod of another run. */
  connect(run: string, scope?: { anyRun: boolean }): Promise<Connection>;
  /** The registry, by the route that the options name. Nothing is connected yet. */
  openRegistry(given: {
    run: string;
    connection: Connection;
    credentials: Credentials | undefined;
  }): Promise<Registry>;
  /** A new run's ID. */
  newRunId(): string;
}

/** The figures of the closing summary, kept while the command runs, so that they can be told at every end. */
export class Tally {
  mode: Summary['mode'] = 'plan';
  environments = 0;
  resumed = false;
  figures: () => Figures = () => noFigures;
  /** How many bytes the review said that deleting will free. */
  predicted: () => number | undefined = () => undefined;
  /** What collecting garbage has freed, once it is over. */
  reclaimed: Reclaimed | undefined;
  /** The run's folder; empty while there is none. */
  folder = '';
  /** `undefined` where nothing was saved. */
  saved: SavedFigures | undefined;
  /** The tags that failed or drifted. */
  open: () => readonly JournalEntry[] = () => [];
  /** What the report is made from; `undefined` while there is no run. */
  source: () => ReportSource | undefined = () => undefined;
  /** Where the report is, as soon as it is there. */
  report: string | undefined;
  /** What the check after deleting has come to, as far as it was made. */
  verification: () => Verification | undefined = () => undefined;
  /** The command that puts back what the run has deleted; empty while there is no run. */
  undo = '';
}
