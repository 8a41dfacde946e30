/**
 * `npm run bench`: a suite of measurements on a real registry of this machine's own. What is compared is measured side by
 * side, in one run. See `--help`.
 */
import { availableParallelism, cpus, totalmem } from 'node:os';
import yargs from 'yargs';
import { hideBin } from 'yargs/helpers';
import { cases } from './bench/cases.ts';
import { type CaseReport, json, markdown } from './bench/report.ts';
import { endOfLife } from './sandbox/end-of-life.ts';

const names = Object.keys(cases);
const widest = Math.max(...names.map((name) => name.length));

const options = await yargs(hideBin(process.argv))
  .scriptName('npm run bench --')
  .usage('$0 [options] [CASE …]\n\nWithout a CASE, all of them, which takes about 20 minutes:\n')
  .usage(names.map((name) => `  ${name.padEnd(widest)}  ${cases[name]?.describe}`).join('\n'))
  .option('times', {
    type: 'number',
    default: 1,
    describe: 'how often each is measured; the one in the middle counts',
  })
  .option('share', {
    type: 'number',
    default: 1,
    describe: 'of the usual number of tags, to see quickly that all works',
  })
  .epilogue(
    'Prints tables in Markdown, each followed by the same as one line of JSON; what is being measured is said on standard error. A figure that misses what is aimed at is no error.',
  )
  .strictOptions()
  .version(false)
  .parseAsync();

const asked = options._.length === 0 ? names : options._.map(String);
const fault = faultOf();
if (fault === undefined) await measure();
else {
  console.error(fault);
  process.exitCode = 2;
}

function faultOf(): string | undefined {
  const { times, share } = options;
  const unknown = asked.filter((name) => !Object.hasOwn(cases, name));
  if (unknown.length > 0) return `There is no case ${unknown.join(', ')}; there are: ${names.join(', ')}.`;
  if (!Number.isInteger(times) || times < 1) return '--times must be a whole number, at least 1.';
  return share > 0 && share <= 1 ? undefined : '--share must be above 0, and at most 1.';
}

async function measure(): Promise<void> {
  const life = endOfLife();
  const { times, share } = options;
  console.log(`Measured on ${machine()}.`);
  try {
    for (const name of asked) {
      const onEntrant = (entrant: string) => console.error(`${name}: ${entrant}`);
      const report = await cases[name]?.run({ life, times, share, onEntrant });
      if (report !== undefined) tell(name, report);
    }
  } catch (error) {
    if (!life.aborted) throw error;
    console.error('The benchmark was interrupted. Everything is stopped and removed.');
    process.exitCode = 130;
  }
}

/** What is aimed at is not aimed at with fewer tags. */
function tell(name: string, measured: CaseReport): void {
  const report = options.share < 1 ? { ...measured, aims: [] } : measured;
  console.log(`\n${markdown(report)}\n\n${json(name, report)}`);
}

function machine(): string {
  const gib = Math.round(totalmem() / 1024 ** 3);
  return `${availableParallelism()} × ${cpus()[0]?.model ?? 'unknown processor'}, ${gib} GiB of memory, Node ${process.versions.node}, ${process.platform}`;
}
