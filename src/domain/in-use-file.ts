/** The file of images that are in use elsewhere: on another cluster, or in a way that no cluster tells. */
import { parseImageReference } from './image-reference.ts';
import type { ImageUse } from './in-use.ts';
import { type LineFault, wordsByLine } from './lines.ts';
import { NEW_REPOSITORY, parseNewTag, parseTag } from './names.ts';

export interface InUseFile {
  readonly uses: readonly ImageUse[];
  /** All faults at once; when there is any, the uses must not be taken for all that the file says. */
  readonly faults: readonly LineFault[];
}

/**
 * Reads the file's text: one image a line, by tag or digest or both, whatever its host is called. Images of other
 * repositories are fine. Accepts blank lines, `#` comments, tabs, Windows line ends and a byte-order mark.
 */
export function parseInUseFile(text: string): InUseFile {
  const uses: ImageUse[] = [];
  const faults: LineFault[] = [];
  for (const { line, words } of wordsByLine(text)) {
    const [image, second] = words;
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
