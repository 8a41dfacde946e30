/** The file of images that are in use elsewhere: on another cluster, or in a way that no cluster tells. */
import { parseImageReference } from './image-reference.ts';
import type { ImageUse } from './in-use.ts';
import { NEW_REPOSITORY, parseNewTag, parseTag } from './names.ts';

/** What is wrong on one line. */
interface InUseFault {
  /** From 1. */
  readonly line: number;
  /** The offending text. */
  readonly text: string;
  readonly problem: string;
}

export interface InUseFile {
  readonly uses: readonly ImageUse[];
  /** All faults at once; when there is any, the uses must not be taken for all that the file says. */
  readonly faults: readonly InUseFault[];
}

/**
 * Reads the file's text: one image a line, by tag or digest or both, whatever its host is called. Images of other
 * repositories are fine. Accepts blank lines, `#` comments, tabs, Windows line ends and a byte-order mark.
 */
export function parseInUseFile(text: string): InUseFile {
  const uses: ImageUse[] = [];
  const faults: InUseFault[] = [];
  const lines = text.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/);
  for (const [index, raw] of lines.entries()) {
    const line = index + 1;
    const [image, ...rest] = raw
      // Also past a Unicode line separator, which ends no line here.
      .replace(/#.*$/s, '')
      .split(/\s+/)
      .filter((word) => word !== '');
    if (image === undefined) continue;
    const [second] = rest;
    const problem = problemWith(image);
    if (second !== undefined) faults.push({ line, text: second, problem: 'one image a line' });
    else if (problem !== undefined) faults.push({ line, text: image, problem });
    else uses.push({ image, by: `line ${line} of the in-use file` });
  }
  return { uses, faults };
}

function problemWith(image: string): string | undefined {
  const tag = parseTag(image);
  // It could be the name of a repository, but whoever writes this means a revision, and thinks it safe now.
  if (tag !== undefined && parseNewTag(tag) !== undefined)
    return `a tag alone names no image; write ${NEW_REPOSITORY}:${tag}`;
  if (parseImageReference(image) !== undefined) return undefined;
  return 'not the name of an image: REPOSITORY:TAG or REPOSITORY@DIGEST, with or without a host before it';
}
