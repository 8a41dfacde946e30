/** What every step is given. */
import type { EnvironmentEntry } from '../domain/environments.ts';
import type { Digest } from '../domain/names.ts';
import type { Outcomes } from '../domain/outcome.ts';
import type { RepositoryPlan } from '../domain/plan.ts';
import type { Route } from '../domain/route.ts';
import type { StepKey } from '../domain/run.ts';
import type { Strategy } from '../domain/strategy.ts';
import type { Verification, VerifyMode } from '../domain/verify.ts';
import type {
  Clock,
  GarbageCollector,
  HeldLease,
  Person,
  Progress,
  Registry,
  RunHandle,
  SkopeoPodPort,
  WorkloadPort,
} from '../ports.ts';
import type { ImagesInUse } from './in-use.ts';
import type { ReclaimBook } from './reclaim-context.ts';
import type { WindowKeeper } from './window.ts';

/** The options that steps look at. */
interface StepSettings {
  /** How many registry operations at a time. */
  readonly concurrency: number;
  readonly via: Route;
  readonly localSkopeo: boolean;
  /** Garbage is collected although it cannot be seen whether somebody is pushing. */
  readonly allowUnseenUploads: boolean;
  /** How repositories are rid of their tags; `undefined`: whatever is cheaper. */
  readonly strategy: Strategy | undefined;
  /** `user@host`, for the record in the cluster. */
  readonly operator: string;
  readonly context: string;
  readonly kubeconfig: string | undefined;
  /** How the registry's container is recognised: by its name where that is given, or by its port. */
  readonly container: { readonly name: string | undefined; readonly port: number | undefined };
  readonly rolloutTimeoutMs: number;
  readonly restoreTimeoutMs: number;
  /** How much of what stays is looked into in the end. */
  readonly verifyMode: VerifyMode;
  /** The command that puts the registry right, for messages. */
  readonly recover: string;
}

export interface Context {
  readonly settings: StepSettings;
  /** The environments file as it is now. */
  readonly environments: readonly EnvironmentEntry[];
  readonly run: RunHandle;
  readonly registry: Registry;
  /** `undefined` where the registry is reached without one. */
  readonly pod: SkopeoPodPort | undefined;
  readonly workload: WorkloadPort;
  readonly collector: GarbageCollector;
  /** `undefined` where the run does not collect garbage. */
  readonly reclaim: ReclaimBook | undefined;
  /** Held by a run that deletes, from before its first step until everything is as before. */
  readonly lease: HeldLease | undefined;
  readonly imagesInUse: ImagesInUse;
  readonly person: Person;
  readonly clock: Clock;
  /** `undefined` where the run may take as long as it likes. */
  readonly window: WindowKeeper | undefined;
  /** Ends the step: a signal was sent, or the window is over. Steps of the safety net get one that is never aborted by it. */
  readonly signal: AbortSignal;
  /**
   * Never aborted. For requests that change the cluster: one that is abandoned half-way may still take effect, after the
   * safety net has looked.
   */
  readonly uninterrupted: AbortSignal;
  /** The command that puts the settings back by hand, once it is known; should the cluster not answer in the end. */
  manualRestore: string | undefined;
  /** The plan as it stands: frozen, then made smaller by review, file and second looks. By repository. */
  readonly plans: Map<string, RepositoryPlan>;
  /** The same as it was shown to the person: what stays is held against it in the end. */
  readonly reviewed: Map<string, RepositoryPlan>;
  readonly outcomes: Outcomes;
  /** What that has come to, as far as it has been done. */
  verification: Verification | undefined;
  /** What the images of the repositories that lose something take, as far as it was found out, in bytes. */
  imageSizes: ReadonlyMap<Digest, number> | undefined;
  /** When this process began to make the plan, in milliseconds since 1970; `undefined` when an earlier start has. */
  readonly plannedAtMs: number | undefined;
}

/** One step of a run. Steps ensure, they do not do: a second time is harmless. */
export interface Step {
  readonly key: StepKey;
  /** Why there is nothing for it to do; `undefined` when it runs. */
  skip?(context: Context): string | undefined;
  /** What it returns is shown behind its title. */
  run(context: Context, progress: Progress): Promise<string | undefined>;
}

/** The lease that a run which deletes holds. */
export function leaseOf({ lease }: Pick<Context, 'lease'>): HeldLease {
  if (lease === undefined) throw new Error('A run without the lease must not change the registry.');
  return lease;
}
