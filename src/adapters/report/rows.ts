/**
 * Every tag, as data for the page's script. Names that come again and again stand in lists of their own, and rows point
 * there.
 */
import type { ReportTag, Standing } from '../../domain/report-tags.ts';
import { jsonText } from './html.ts';
import { standingWords } from './words.ts';

const ROWS_AT_A_TIME = 1000;
const SHA256 = 'sha256:';

/** Points at the places of the things that it has seen. */
class Places {
  readonly #places = new Map<string, number>();

  get all(): readonly string[] {
    return [...this.#places.keys()];
  }

  of(text: string): number {
    const place = this.#places.get(text) ?? this.#places.size;
    this.#places.set(text, place);
    return place;
  }
}

/**
 * JSON, piece by piece: `rows` of tag, repository, environment, standing, reason and digest (without `sha256:`), the
 * second to fifth as places in the lists of these names.
 */
export function* rowsJson(tags: readonly ReportTag[]): Generator<string, void> {
  const standings = Object.keys(standingWords) as Standing[];
  const repositories = new Places();
  const environments = new Places();
  const reasons = new Places();
  yield '{"rows":[';
  for (let at = 0; at < tags.length; at += ROWS_AT_A_TIME) {
    const rows = tags
      .slice(at, at + ROWS_AT_A_TIME)
      .map(({ tag, repository, environment, standing, reason, digest }) => [
        tag,
        repositories.of(repository),
        environments.of(environment ?? ''),
        standings.indexOf(standing),
        reasons.of(reason),
        digest?.startsWith(SHA256) ? digest.slice(SHA256.length) : (digest ?? ''),
      ]);
    yield `${at === 0 ? '' : ','}${jsonText(rows).slice(1, -1)}`;
  }
  const labels = standings.map((key) => [key, standingWords[key].label]);
  yield `],"standings":${jsonText(labels)},"repositories":${jsonText(repositories.all)},"environments":${jsonText(environments.all)},"reasons":${jsonText(reasons.all)}}`;
}
