/**
 * The report as one HTML file. It asks nobody for anything: its policy allows the one style sheet and the one script
 * that are in it, by their hashes, and nothing else.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Report } from '../../domain/report.ts';
import { environmentsSection } from './environments.ts';
import { type Html, html, verbatim } from './html.ts';
import { rowsJson } from './rows.ts';
import { failedSection, headSection, protectedSection, stepsSection, totalsSection } from './sections.ts';

/** The page, piece by piece: with every tag in it, it can be a few megabytes. */
export function* renderReport(report: Report): Generator<string, void> {
  const style = load('style.css');
  const script = load('table.js');
  const policy = [
    `default-src 'none'`,
    `style-src '${hashOf(style)}'`,
    `script-src '${hashOf(script)}'`,
    `base-uri 'none'`,
    `form-action 'none'`,
  ].join('; ');
  yield html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="generator" content="docker-registry-cleaner">
<meta name="color-scheme" content="light dark">
<title>Registry cleaner: ${report.ending.title} (${report.run.id})</title>
<style>${style}</style>
</head>
<body>
<a class="skip" href="#tags">To the table of all tags</a>
<main>
${headSection(report)}
${totalsSection(report)}
${environmentsSection(report)}
${protectedSection(report)}
${failedSection(report)}
${stepsSection(report)}
${tagsSection()}
</main>
<script type="application/json" id="data">`.text;
  yield* rowsJson(report.tags);
  yield html`</script>
<script type="module">${script}</script>
</body>
</html>
`.text;
}

function tagsSection(): Html {
  const columns = ['Tag', 'Repository', 'Status', 'Reason', 'Digest'];
  return html`<section aria-labelledby="tags" id="browser">
<h2 id="tags" tabindex="-1">Every tag</h2>
<noscript><p>This table needs JavaScript, which only runs inside this page. All tags are in plan.jsonl and journal.jsonl beside it, too.</p></noscript>
<div id="controls" role="search" hidden>
<label>Search <input type="search" id="search" autocomplete="off" spellcheck="false" placeholder="tag, repository, digest, reason …"></label>
<label>Status <select id="status"><option value="">all</option></select></label>
</div>
<p id="count" role="status"></p>
<div id="rows" class="scroll" role="region" aria-labelledby="tags" tabindex="0" hidden><table>
<thead><tr>${columns.map((column) => html`<th scope="col"><button type="button" class="sort">${column}</button></th>`)}</tr></thead>
<tbody></tbody></table></div>
<nav id="pages" aria-label="Pages of the table" hidden>
<button type="button" id="previous">Previous</button> <span id="page"></span> <button type="button" id="next">Next</button>
</nav>
</section>`;
}

function load(file: string): Html {
  return verbatim(readFileSync(new URL(file, import.meta.url), 'utf8'));
}

function hashOf(content: Html): string {
  return `sha256-${createHash('sha256').update(content.text).digest('base64')}`;
}
