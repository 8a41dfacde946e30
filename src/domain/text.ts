/** Text that comes from the cluster or the registry and is shown to people. */

// Controls, and format characters that reorder or hide text (Unicode TR 36, "Bidirectional Text Spoofing").
const UNSAFE = /[\p{Cc}\p{Cf}\u2028\u2029]+/gu;

/** One line without control characters, at most `maxLength` characters long. */
export function plainText(text: string, maxLength = 500): string {
  const clean = text.replace(UNSAFE, ' ').trim();
  return clean.length > maxLength ? `${clean.slice(0, maxLength - 1)}…` : clean;
}

/** `1 tag`, `12 tags`. */
export function count(number: number, singular: string, plural = `${singular}s`): string {
  return `${number} ${number === 1 ? singular : plural}`;
}
