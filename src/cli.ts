/**
 * The command line: parses, calls, and maps an error's class to a message and an exit code. Nothing else sets an exit
 * code. Heavy libraries are loaded only when a command really runs, so that `--help` answers at once.
 */
import { type Command, parse, wantsJson } from './cli/command-line.ts';
import { type Ending, exitCodeOf, explain, summarise } from './cli/ending.ts';
import { keepHeapSmall } from './cli/heap.ts';

async function main(argv: readonly string[]): Promise<void> {
  const startedAt = performance.now();
  // Nobody may be left to read, as after a hang-up; what puts everything back has to be done all the same.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  const ending: Ending = {
    person: undefined,
    tally: undefined,
    error: undefined,
    failed: 0,
    report: undefined,
    undo: undefined,
  };
  try {
    const command = parse(argv);
    if (command === undefined) return;
    await run(command, ending);
  } catch (error) {
    ending.error = error;
  }
  const exitCode = exitCodeOf(ending);
  const summary = summarise(ending, exitCode, Math.round(performance.now() - startedAt));
  const { tally, undo } = ending;
  if (summary.mode === 'undo') ending.person?.closingUndo(summary, undo?.entries ?? []);
  else if (tally !== undefined && summary.planned + summary.retained > 0)
    ending.person?.closing(summary, {
      folder: tally.folder,
      open: tally.open(),
      findings: tally.verification()?.findings ?? [],
      undo: tally.undo,
    });
  if (ending.error !== undefined) process.stderr.write(explain(ending.error));
  if (ending.report === undefined && wantsJson(argv, process.env))
    process.stdout.write(`${JSON.stringify(summary)}\n`);
  process.exitCode = exitCode;
}

async function run(command: Command, ending: Ending): Promise<void> {
  const { compose } = await import('./compose.ts');
  const composed = compose(command);
  const { world } = composed;
  ending.person = world.person;
  try {
    if (command.verb === 'status') {
      const { status } = await import('./commands/status.ts');
      ending.report = { unread: await status(world) };
    } else if (command.verb === 'history') {
      const { history } = await import('./commands/history.ts');
      await history(world, command.words[0]);
      ending.report = { unread: undefined };
    } else if (command.verb === 'scan') {
      const { scan } = await import('./commands/scan.ts');
      await scan(world);
      ending.report = { unread: undefined };
    } else if (command.verb === 'recover') {
      const { recover } = await import('./commands/recover.ts');
      await recover(world);
    } else if (command.verb === 'undo') {
      const { undo, UndoTally } = await import('./commands/undo.ts');
      ending.undo = new UndoTally();
      ending.failed = (await undo(world, command.words, ending.undo)).failed;
    } else if (command.verb === 'reclaim') {
      const { Tally } = await import('./commands/world.ts');
      const { reclaim } = await import('./commands/reclaim.ts');
      ending.tally = new Tally();
      await reclaim(world, ending.tally);
    } else {
      const { Tally } = await import('./commands/world.ts');
      const { clean } = await import('./commands/clean.ts');
      ending.tally = new Tally();
      ending.failed = (await clean(world, ending.tally)).failed;
    }
  } catch (error) {
    // What ended the work weighs more than what closing may add: it may be that something could not be put back.
    await composed.close().catch(() => {});
    throw error;
  }
  await composed.close();
}

keepHeapSmall();
await main(process.argv.slice(2));
