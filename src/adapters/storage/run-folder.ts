/** What a run's folder is called, and what its record looks like. */
import { readdir } from 'node:fs/promises';
import { isStage, type RunRecord } from '../../domain/run.ts';
import { attempt } from './files.ts';

export const RECORD = 'run.json';
export const PLAN = 'plan.jsonl';
export const JOURNAL = 'journal.jsonl';

/** A run's ID begins with its start's time, so names sort by age. */
const RUN_FOLDER = /^\d{8}T\d{6}Z-[0-9a-f]{6}$/;

export function isRunId(text: string): boolean {
  return RUN_FOLDER.test(text);
}

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
