/** The script and its adapter, by real exec in the registry's real pod. */
import assert from 'node:assert/strict';
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { type Sandbox, startSandbox } from '../../../scripts/sandbox/index.ts';
import type { Connection } from '../../../src/adapters/kubernetes/connect.ts';
import { RefusedError } from '../../../src/domain/errors.ts';
import type { Digest } from '../../../src/domain/names.ts';
import type { RegistryPlace } from '../../../src/ports.ts';
import { connect, timeLimit } from './support/connection.ts';

const free = () => {};

describe("the collector in the registry's pod", () => {
  let sandbox: Sandbox;
  let connection: Connection;
  let place: RegistryPlace;
  before(async () => {
    sandbox = await startSandbox({ environments: 2, revisions: 2, legacy: 1, podStartMs: 60 });
    connection = await connect(sandbox.kubeconfig);
    const [pod] = await connection.workload.pods(timeLimit());
    assert.ok(pod);
    place = { pod, container: 'registry' };
  });
  after(() => sandbox.stop());

  it('finds the program that serves, and its configuration', async () => {
    assert.deepEqual(await connection.collector.inspect(place, timeLimit()), {
      program: '/usr/bin/docker-registry',
      configuration: '/etc/docker/registry/config.yml',
      readOnlyVariables: [],
      inFiles: true,
      cache: 'inmemory',
    });
  });

  it('refuses to take anything while the registry is writable, but may look', async () => {
    const { collector } = connection;
    const start = (dryRun: boolean) => collector.start(place, { dryRun, requireLeave: free }, timeLimit());
    await assert.rejects(
      start(false),
      (error) => error instanceof RefusedError && /not read-only/.test(error.message),
    );
    const sizes = await collector.blobs(place, timeLimit());
    const running = await start(true);
    const lines: string[] = [];
    for await (const line of running.lines) lines.push(line);
    assert.equal(await running.exit, 0);
    const eligible = lines.flatMap((line) => /^blob eligible for deletion: (\S+)/.exec(line)?.[1] ?? []);
    assert.ok(eligible.length > 0);
    assert.deepEqual(
      eligible.filter((digest) => !sizes?.has(digest as Digest)),
      [],
    );
    assert.deepEqual(await collector.blobs(place, timeLimit()), sizes);
    assert.ok(Number(await collector.usedBytes(place, timeLimit())) > 0);
  });

  it('does not start without leave, and is found and ended where it waits for the word', async () => {
    const { collector } = connection;
    const refusal = new RefusedError('no leave');
    const start = collector.start(
      place,
      {
        dryRun: true,
        requireLeave() {
          throw refusal;
        },
      },
      timeLimit(),
    );
    await assert.rejects(start, refusal);
    assert.equal(await collector.count(place, timeLimit()), 1);
    await collector.end(place, timeLimit());
    assert.equal(await collector.count(place, timeLimit()), 0);
  });

  it('sees uploads and blobs that have changed a moment ago, and no older ones', async () => {
    const repository = `${sandbox.storage}/docker/registry/v2/repositories/group/mine`;
    const file = (path: string, ageMinutes: number) => {
      mkdirSync(`${repository}/${path.slice(0, path.lastIndexOf('/'))}`, { recursive: true });
      writeFileSync(`${repository}/${path}`, '');
      const at = new Date(Date.now() - ageMinutes * 60_000);
      utimesSync(`${repository}/${path}`, at, at);
    };
    file('_uploads/new/startedat', 20);
    file('_uploads/new/data', 1);
    file('_uploads/old/data', 20);
    file(`_layers/sha256/${'a'.repeat(64)}/link`, 1);
    file(`_layers/sha256/${'b'.repeat(64)}/link`, 20);
    assert.deepEqual(await connection.collector.uploads(place, 10, timeLimit()), {
      open: ['group/mine/_uploads/new'],
      blobs: new Set([`sha256:${'a'.repeat(64)}`]),
    });
  });

  it("says so where there is no shell, in crun's words", async () => {
    const message = 'exec failed: crun: executable file `sh` not found in $PATH: No such file or directory';
    await sandbox.faults.inject({ fault: 'refuseExec', message });
    const asked = connection.collector.inspect(place, timeLimit());
    await assert.rejects(asked, (error) => error instanceof RefusedError && /no shell/.test(error.message));
  });

  it('says so where there is no shell', async () => {
    const registryEnv = [{ name: 'PATH', value: '/nowhere' }];
    const distroless = await startSandbox({ environments: 1, revisions: 1, podStartMs: 60, registryEnv });
    try {
      const { workload, collector } = await connect(distroless.kubeconfig);
      const [pod] = await workload.pods(timeLimit());
      assert.ok(pod);
      const asked = collector.inspect({ pod, container: 'registry' }, timeLimit());
      await assert.rejects(asked, (error) => error instanceof RefusedError && /no shell/.test(error.message));
    } finally {
      await distroless.stop();
    }
  });
});
