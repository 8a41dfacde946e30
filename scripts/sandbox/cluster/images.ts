import type { Mount } from '../runtime/runtime.ts';
import type { Pod } from './objects.ts';

/** What the kubelet knows of a container image: what it runs, and how this machine stands in for it. */
export interface Image {
  readonly matches: RegExp;
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  /** How a container of this image is connected to the sandbox beyond what its pod says. */
  readonly wiring?: (pod: Pod) => Wiring;
}

export interface Wiring {
  readonly env: Readonly<Record<string, string>>;
  readonly mounts: readonly Mount[];
  readonly logFile: string;
  /** Whether what runs in the container answers. */
  answers(): Promise<boolean>;
}

/** Images that need nothing but this machine's programs. */
const plainImages: readonly Image[] = [
  { matches: /skopeo/, entrypoint: ['skopeo'], command: [] },
  { matches: /(?:)/, entrypoint: [], command: ['sleep', 'infinity'] },
];

/** The image by its name; one that nothing is known of sleeps. */
export function findImage(name: string, special: readonly Image[]): Image {
  return [...special, ...plainImages].find(({ matches }) => matches.test(name)) as Image;
}
