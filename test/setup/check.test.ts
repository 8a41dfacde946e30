import assert from 'node:assert/strict';
import { cpSync, mkdirSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { Machine, type Outcome, start, until } from './machine.ts';

const repository = path.join(import.meta.dirname, '..', '..');

/** A small project with fake linters and the real test runner. */
class Project extends Machine {
  constructor() {
    super();
    for (const linter of ['biome', 'tsc', 'knip']) this.setLinter(linter, 'exit 0');
    cpSync(path.join(repository, 'scripts/check.ts'), path.join(this.dir, 'scripts/check.ts'));
    symlinkSync(path.join(repository, 'node_modules/zx'), path.join(this.dir, 'node_modules/zx'));
    symlinkSync(process.execPath, path.join(this.dir, 'node_modules/.bin/node'));
    this.write('package.json', '{ "type": "module" }');
    this.setTest('one/good', `test('good', () => {});`);
    this.setTest('two/better', `test('better', () => {}); test('best', () => {});`);
    mkdirSync(path.join(this.dir, 'test/empty'));
  }

  setLinter(name: string, body: string): void {
    this.write(`node_modules/.bin/${name}`, `#!/bin/sh\necho "${name} $*" >> '${this.dir}/calls'\n${body}\n`);
  }

  setTest(name: string, body: string): void {
    this.write(`test/${name}.test.ts`, `import { test } from 'node:test';\n${body}\n`);
  }

  startCheck(args: readonly string[] = []) {
    // Without it, a test runner inside a test speaks to the outer one instead of to people.
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    return start([process.execPath, 'scripts/check.ts', ...args], { cwd: this.dir, env });
  }
}

/** How many tests the closing summary counts. */
function countedTests({ stdout }: Outcome): number {
  return Number(
    stdout
      .trimEnd()
      .split('\n')
      .slice(-8)[0]
      ?.match(/^ℹ tests (\d+)$/)?.[1],
  );
}

test('checks everything, and closes with the test runner’s summary', async () => {
  using project = new Project();
  const outcome = await project.startCheck().ended;
  assert.equal(outcome.status, 0, outcome.stdout + outcome.stderr);
  assert.equal(outcome.stderr, '');
  assert.deepEqual(project.calls().sort(), ['biome ci', 'knip --no-progress', 'tsc --project .']);
  assert.equal(countedTests(outcome), 3);
});

test('names what fails, and runs the rest all the same', async () => {
  using project = new Project();
  project.setLinter('tsc', 'echo "a.ts(1,2): wrong type"; exit 1');
  project.setTest('one/bad', `test('bad', () => { throw new Error('wrong value'); });`);
  const outcome = await project.startCheck().ended;
  assert.equal(outcome.status, 1);
  assert.match(outcome.stdout, /✖ types.*wrong type.*wrong value/s);
  assert.match(outcome.stdout, /✔ formatting and lint/);
  assert.equal(outcome.stderr, '✖ failed: types, tests\n');
  assert.equal(project.calls().length, 3);
});

test('with arguments, runs only these tests', async (t) => {
  const cases = {
    'a folder': { args: ['test/two'], tests: 2 },
    'a file': { args: ['test/one/good.test.ts'], tests: 1 },
    'an option': { args: ['--test-name-pattern=.'], tests: 3 },
    both: { args: ['--test-name-pattern=best', 'test/two', 'test/two'], tests: 1 },
  };
  for (const [title, { args, tests }] of Object.entries(cases)) {
    await t.test(title, async () => {
      using project = new Project();
      const outcome = await project.startCheck(args).ended;
      assert.equal(outcome.status, 0, outcome.stdout + outcome.stderr);
      assert.equal(countedTests(outcome), tests);
      assert.deepEqual(project.calls(), []);
    });
  }
});

test('a path without tests is an error, not a success', async () => {
  using project = new Project();
  for (const nothing of ['test/three', 'test/empty']) {
    const { status, stderr } = await project.startCheck(['test/one', nothing]).ended;
    assert.equal(status, 2);
    assert.match(stderr, /No test found/);
  }
});

test('--help explains', async () => {
  using project = new Project();
  const { status, stdout } = await project.startCheck(['--help']).ended;
  assert.equal(status, 0);
  assert.match(stdout, /npm test/);
});

test('a signal reaches the tests', async () => {
  using project = new Project();
  project.setTest(
    'one/long',
    `import { appendFileSync } from 'node:fs';
     const note = (text: string) => appendFileSync('${project.dir}/calls', text + '\\n');
     process.on('SIGTERM', () => { note('long has got it'); process.exit(1); });
     test('long', async () => { note('long runs'); await new Promise((resolve) => setTimeout(resolve, 60_000)); });`,
  );
  const running = project.startCheck(['test/one/long.test.ts']);
  await until(() => project.calls().includes('long runs'), 'the test runs');
  process.kill(running.pid, 'SIGTERM');
  assert.equal((await running.ended).status, 143);
  await until(() => project.calls().includes('long has got it'), 'the test knows');
});

test('a signal reaches the linters, and no test is begun', async () => {
  using project = new Project();
  project.setLinter('knip', `echo running >> '${project.dir}/calls'; exec /bin/sleep 60`);
  const running = project.startCheck();
  await until(() => project.calls().includes('running'), 'the linter runs');
  process.kill(running.pid, 'SIGINT');
  const { status, stdout } = await running.ended;
  assert.equal(status, 130);
  assert.doesNotMatch(stdout, /ℹ tests/);
});
