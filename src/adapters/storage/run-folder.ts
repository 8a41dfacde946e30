/** What a run's folder is called, and what its record looks like. */
import { readdir } from 'node:fs/promises';
import { isRunId, isStage, type RunRecord } from '../../domain/run.ts';
import { attempt } from './files.ts';

export const RECORD = 'run.json';
export const PLAN = 'plan.jsonl';
export const JOURNAL = 'journal.jsonl';
export const SAVED = 'deleted-manifests.jsonl.gz';

/** The runs of a state folder, the newest first; symbolic links of such names included. */
export async function runIds(root: string): Promise<readonly string[]> {
  const entries = await attempt('list', root, () => readdir(root, { withFileTypes: true }));
  return entries
    .filter((entry) => isRunId(entry.name) && !entry.isFile())
    .map((entry) => entry.name)
    .sort()
    .reverse();
}

/** `undefined` for what is no record. */
export function parseRecord(text: string): RunRecord | undefined {
  try {
    const value = JSON.parse(text);
    const isRecord =
      value?.schema === 1 &&
      typeof value.id === 'string' &&
      isStage(value.stage) &&
      Array.isArray(value.environments) &&
      typeof value.steps === 'object' &&
      value.steps !== null;
    return isRecord ? value : undefined;
  } catch {
    return undefined;
  }
}
