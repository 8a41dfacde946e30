/** Short ways to write down what a registry holds, what a file says and what a plan is, for the tests of the domain. */

import type { EnvironmentEntry } from '../../src/domain/environments.ts';
import {
  type Digest,
  type EnvironmentId,
  parseDigest,
  parseEnvironmentId,
  parseTag,
  type Tag,
} from '../../src/domain/names.ts';
import type { RepositoryContent, RepositoryPlan, RepositoryRef } from '../../src/domain/plan.ts';
import type { Indexes } from '../../src/domain/planned-tag.ts';

export const A = id('62798b9bee0eb12322fc97e8');
export const B = id('6286a3c76d4fd0362f8ba3ec');
export const C = id('627d94043035a63be6140e93');

export function id(text: string): EnvironmentId {
  return must(parseEnvironmentId(text), text);
}

export function tag(text: string): Tag {
  return must(parseTag(text), text);
}

/** A digest that is always the same for a nickname. */
export function digest(nickname: string): Digest {
  return must(parseDigest(`sha256:${Buffer.from(nickname).toString('hex').padEnd(64, '0')}`), nickname);
}

/** One line of the environments file. */
export function entry(environment: EnvironmentId, ...retain: number[]): EnvironmentEntry {
  return { id: environment, retain, line: 1 };
}

/** Tags, each with the nickname of its manifest: `31 one`; or without one, where the registry has none: `31`. */
export function tagsOf(lines: readonly string[]): ReadonlyMap<Tag, Digest | undefined> {
  return new Map(
    lines.map((line) => {
      const [text = '', nickname] = line.split(' ');
      return [tag(text), nickname === undefined ? undefined : digest(nickname)];
    }),
  );
}

/** Indexes by nickname. */
export function indexesOf(lists: Readonly<Record<string, readonly string[]>>): Indexes {
  return Object.fromEntries(Object.entries(lists).map(([index, list]) => [digest(index), list.map(digest)]));
}

export function contentOf(
  ref: RepositoryRef,
  lines: readonly string[],
  lists: Readonly<Record<string, readonly string[]>> = {},
): RepositoryContent {
  return { ref, tags: tagsOf(lines), indexes: indexesOf(lists) };
}

/** Every tag's fate, with the rule where one protects it: `protect: shared digest`. */
export function fatesOf(plan: RepositoryPlan): Record<string, string> {
  return Object.fromEntries(
    plan.tags.map(({ tag, fate, rule }) => [tag, rule === undefined ? fate : `${fate}: ${rule}`]),
  );
}

function must<T>(value: T | undefined, text: string): T {
  if (value === undefined) throw new Error(`not a valid name: ${text}`);
  return value;
}
