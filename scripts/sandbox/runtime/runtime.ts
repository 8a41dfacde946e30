import type { Readable, Writable } from 'node:stream';

/** One volume of a container, at its place in the container's file system. */
export type Mount =
  | { readonly kind: 'memory'; readonly path: string; readonly sizeBytes: number; readonly gid: number }
  | { readonly kind: 'bind'; readonly path: string; readonly source: string };

/** What a container is made of; `env` is all it gets, nothing is inherited. */
export interface ContainerSpec {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly workingDir: string;
  readonly uid: number;
  readonly gid: number;
  readonly readOnlyRoot: boolean;
  /** False: no route to anywhere, as behind a NetworkPolicy that does not let it in. */
  readonly network: boolean;
  readonly mounts: readonly Mount[];
  /** File that standard output and standard error are appended to. Without one they are discarded. */
  readonly logFile?: string;
}

/** A command that an exec started in a running container. */
export interface ExecProcess {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Exit code once the process is gone and its output is closed; 128 + number after a signal. */
  readonly exited: Promise<number>;
}

/** A container whose first process runs (or has run). */
export interface RunningContainer {
  /** Exit code of the container's first process; 128 + number after a signal. */
  readonly exited: Promise<number>;
  /** Starts a command beside the first process. Rejects with {@link CommandNotStarted}. */
  exec(command: readonly string[]): Promise<ExecProcess>;
  /** Asks the first process to end. One without a handler ignores it, as any process 1 does. */
  terminate(): void;
  /** Ends every process of the container, whatever it does; settles when they are gone. */
  kill(): Promise<void>;
}

/** Starts containers on this machine. */
export interface ContainerRuntime {
  /** Whether `uid`, `readOnlyRoot`, `network` and process 1 are as in a real container. */
  readonly isolated: boolean;
  start(spec: ContainerSpec): Promise<RunningContainer>;
}

/** The command of an exec, or of a container, is not there or may not be executed. */
export class CommandNotStarted extends Error {
  override name = 'CommandNotStarted';
}
