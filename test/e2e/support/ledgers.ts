/** What unfinished runs have left in a registry, read as anybody could read it who finds it. */
import type { RegistryView } from './registry-view.ts';

export interface FoundLedger {
  /** The run that has left it. */
  readonly run: string;
  /** `repository@digest` of the manifests that it names. */
  readonly manifests: readonly string[];
}

/** Every ledger: a manifest that says what was taken off its tags, under a tag of its own. */
export function ledgersIn(registry: RegistryView): FoundLedger[] {
  return [...registry].flatMap(([repository, view]) =>
    [...view.tags].flatMap(([tag, digest]) => {
      const run = /^registry-cleaner-(.+)-\d+$/.exec(tag)?.[1];
      const text = view.manifests.get(digest)?.text ?? '';
      const named = new Set(text.match(/sha256:[0-9a-f]{64}/g));
      return run === undefined ? [] : [{ run, manifests: [...named].map((each) => `${repository}@${each}`) }];
    }),
  );
}

/** `repository:tag` of every tag that stands for a throw-away manifest of a run. */
export function untiedIn(registry: RegistryView): string[] {
  return [...registry].flatMap(([repository, { tags, manifests }]) =>
    [...tags]
      .filter(([tag]) => !tag.startsWith('registry-cleaner-'))
      .filter(([, digest]) => manifests.get(digest)?.text.includes('docker-registry-cleaner'))
      .map(([tag]) => `${repository}:${tag}`),
  );
}
